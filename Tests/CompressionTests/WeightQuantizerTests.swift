import Models
import Tensors
import Testing

@testable import Compression

@Suite struct WeightQuantizerTests {
  private func weight(_ shape: Shape, seed: UInt64 = 1) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
  }

  static let schemes: [WeightScheme] = {
    var result: [WeightScheme] = []
    for granularity in [WeightScheme.Granularity.tensor, .channel, .group(16)] {
      for bits in 2...8 {
        result.append(WeightScheme(.integer(bits: bits), granularity))
        result.append(WeightScheme(.integer(bits: bits), granularity, isSymmetric: false))
      }
      result += [WeightScheme(.ternary, granularity), WeightScheme(.binary, granularity)]
    }
    for levels in [WeightScheme.Levels.integer(bits: 4), .ternary, .binary] {
      result.append(WeightScheme(levels, powerOfTwo: true))
    }
    return result
  }()

  @Test(arguments: schemes)
  func aWeightOnItsGridKeepsItsCodes(scheme: WeightScheme) throws {
    let weight = try weight([6, 37])
    let quantizer = try WeightQuantizer(weight: weight, scheme: scheme)
    let codes = try quantizer.quantize(weight)
    #expect(codes.allSatisfy { scheme.codes.contains(Int($0)) })
    #expect(Set(codes).count > 1)
    let rounded = try quantizer.dequantized(weight)
    #expect(try quantizer.quantize(rounded) == codes)
    #expect(try quantizer.holds(rounded) && !quantizer.holds(weight))
    #expect(quantizer.isOf(scheme))
    #expect(quantizer.bits == scheme.bits)
  }

  /// Within half a step of every number, as no number lies outside of the grid.
  @Test(arguments: schemes.filter { if case .integer = $0.levels { true } else { false } })
  func integersReachTheExtremes(scheme: WeightScheme) throws {
    let weight = try weight([6, 37])
    let quantizer = try WeightQuantizer(weight: weight, scheme: scheme)
    let (exact, rounded) = (try weight.doubles(), try quantizer.dequantized(weight).doubles())
    // Rounding a scale to fp16 moves the ends by a share of 2^-11; a zero point moves them by half a step.
    let steps = scheme.isSymmetric ? 0.57 : 1.07
    for i in exact.indices {
      let slice = scheme.hasGroups ? i / 37 * 3 + i % 37 / 16 : i / 37
      let error = abs(exact[i] - rounded[i])
      #expect(error <= Double(quantizer.scales[slice]) * steps)
    }
  }

  @Test(arguments: [(2, 1), (3, 3), (4, 7), (8, 127)])
  func theLargestMagnitudeGetsTheHighestCode(bits: Int, highest: Int8) throws {
    let weight = try Tensor([2, 3], [Float(0.5), -0.1, 0.2, -4, 1, 2])
    let quantizer = try WeightQuantizer(weight: weight, scheme: WeightScheme(.integer(bits: bits)))
    let codes = try quantizer.quantize(weight)
    #expect(codes[0] == highest && codes[3] == -highest)
    #expect(quantizer.scales == [0.5 / Float(highest), 4 / Float(highest)])
  }

  /// Li and Liu (2016), equations 6 and 5: threshold 0.7 mean |w|, scale the mean of what lies above.
  @Test func ternaryWeightsFollowTheirFormula() throws {
    let weight = try Tensor([1, 6], [Float(1), -2, 0.5, 0.1, -0.9, 0])
    let quantizer = try WeightQuantizer(weight: weight, scheme: WeightScheme(.ternary))
    // The mean magnitude is 0.75, the threshold 0.525.
    #expect(try quantizer.quantize(weight) == [1, -1, 0, 0, -1, 0])
    #expect(quantizer.scales == [1.3])
  }

  /// Rastegari et al. (2016), equation 6.
  @Test func binaryWeightsFollowTheirFormula() throws {
    let weight = try Tensor([2, 3], [Float(1), -2, 0, -0.0, -0.5, 1])
    let quantizer = try WeightQuantizer(weight: weight, scheme: WeightScheme(.binary))
    #expect(try quantizer.quantize(weight) == [1, -1, 1, 1, -1, 1])
    #expect(quantizer.scales == [1, 0.5])
  }

  @Test func asymmetricGroupsHaveAZeroPointEach() throws {
    let (rising, falling) = ((0..<16).map { Float($0) }, (0..<16).map { -1 - Float($0) / 15 })
    let weight = try Tensor([1, 32], rising + falling)
    let scheme = WeightScheme(.integer(bits: 4), .group(16), isSymmetric: false)
    let quantizer = try WeightQuantizer(weight: weight, scheme: scheme)
    #expect(quantizer.zeroPoints == [-8, 7])
    let expected: [Int8] = (-8..<8).map { $0 }
    #expect(try Array(quantizer.quantize(weight)[..<16]) == expected)
  }

  @Test func powersOfTwoAreRoundedUpForIntegers() throws {
    let weight = try Tensor([3, 1], [Float(7), 7.1, 28])
    let scheme = WeightScheme(.integer(bits: 4), powerOfTwo: true)
    #expect(try WeightQuantizer(weight: weight, scheme: scheme).scales == [1, 2, 4])
    let binary = WeightScheme(.binary, powerOfTwo: true)
    #expect(
      try WeightQuantizer(weight: Tensor([3, 1], [Float(1.4), 1.5, 0.25]), scheme: binary).scales == [
        1, 2, 0.25,
      ])
  }

  @Test func aGridThatAWeightLiesOnIsKeptOnlyIfItsScalesArePowersOfTwoAsAsked() throws {
    let scheme = WeightScheme(.integer(bits: 4), powerOfTwo: true)
    let weight = Parameter(try Tensor([2, 2], [7 * Float(0.3), 0.3, 1.5, -0.5]))
    try weight.constrain(WeightQuantizer(scales: [0.3, 0.5], lowest: -7, highest: 7))
    let found = try WeightQuantizer.grid(for: weight, scheme, bias: nil, node: "n")
    #expect(found.scales == [0.5, 0.25])
    try weight.constrain(WeightQuantizer(scales: [0.5, 0.5], lowest: -7, highest: 7))
    weight.value.floats[0] = 1.5
    weight.value.floats[1] = 0.5
    let kept = try WeightQuantizer.grid(for: weight, scheme, bias: nil, node: "n")
    #expect(kept.scales == [0.5, 0.5])
    // A bias that needs a larger scale gets the next power of two.
    let raised = try WeightQuantizer.grid(
      for: weight, scheme, bias: Tensor([2], [Float(3 << 21), 0]), inputScale: 1, node: "n")
    #expect(raised.scales == [2, 0.5])
  }

  @Test func aChannelOfZerosHasAGridAndRoomForItsBias() throws {
    let weight = try Tensor([2, 2], [Float(0), 0, 1, 1])
    for scheme in [
      WeightScheme(), WeightScheme(.ternary), WeightScheme(.binary), WeightScheme(.integer(bits: 2)),
    ] {
      let bare = try WeightQuantizer(weight: weight, scheme: scheme)
      #expect(bare.scales[0] == 1)
      let biased = try WeightQuantizer(
        weight: weight, scheme: scheme, bias: Tensor([2], [Float(1e4), 0]), inputScale: 0.01)
      #expect(1e4 / 0.01 / biased.scales[0] <= Float(1 << 22))
    }
  }

  @Test func saysWhatIsWrong() throws {
    let weight = try Tensor([2, 2], [Float(1), 2, .nan, 4])
    for (scheme, complaint) in [
      (WeightScheme(), "output channel 2 of its weight holds nan"),
      (WeightScheme(.integer(bits: 9)), "weights must have 2 to 8 bits (got 9)"),
      (WeightScheme(.ternary, isSymmetric: false), "ternary and binary weights are symmetric"),
      (WeightScheme(.integer(bits: 4), .group(48)), "a group of weights must be 16, 32, 64 or 128 (got 48)"),
    ] {
      let error = #expect(throws: ShapeError.self) { try WeightQuantizer(weight: weight, scheme: scheme) }
      #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
    }
    let error = #expect(throws: ShapeError.self) { try WeightQuantizer(scales: [1]).quantize(weight) }
    #expect(error?.description == "quantizer: weight [2, 2] needs 2 scales, there are 1")
  }

  @Test(arguments: [
    ("encoder.0.query", "encoder.0.query", true), ("encoder.0.query", "encoder.0", true),
    ("encoder.0.query", "encoder.*.query", true), ("encoder.0.query", "*", true),
    ("encoder.0.query", "*query", true), ("encoder.10.query", "encoder.1", false),
    ("encoder.0.query", "query", false), ("conv2d_2", "conv2d", false), ("a.b", "a.*.b", false),
  ])
  func namesMatchWholePartsOfAPath(name: String, pattern: String, expected: Bool) {
    #expect(LayerRules.matches(name, pattern) == expected)
  }

  @Test func theLongestEntryCounts() {
    let rules: LayerRules = [
      "a": .weights(WeightScheme(.binary)), "a.b": .weights(WeightScheme(.ternary)),
      "*": .weights(WeightScheme()),
      "out": .float,
    ]
    #expect(rules.scheme(for: "a.c")?.levels == .binary)
    #expect(rules.scheme(for: "a.b.d")?.levels == .ternary)
    #expect(rules.scheme(for: "x")?.levels == .integer(bits: 8))
    #expect(rules.isFloat("out.0") && !rules.isFloat("outer"))
  }
}
