import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Figures from PyTorch's autograd: scripts/peers/golden_qat.py.
@Suite struct TrainingGridTests {
  private static let x: [Float] = [-2.3, -0.9, -0.26, 0.1, 0.35, 0.8, 1.3, 4.0]

  /// y, dx and the parameter's gradient for dy = 1/4, 2/4, ...
  private func run(_ op: any Op, _ x: Tensor, _ parameter: Tensor? = nil) throws -> [[Float]] {
    let leaves = [x] + [parameter].compactMap { $0 }
    for leaf in leaves { leaf.requiresGrad = true }
    let y = try op.apply(leaves)
    let up = try Tensor(y.shape, (1...y.count).map { Float($0) / 4 })
    try y.backward(from: up)
    return [try y.array(Float.self)] + (try leaves.map { try #require($0.grad).array(Float.self) })
  }

  private func expect(_ found: [[Float]], _ wanted: [[Float]]) {
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) {
      #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }, "\(a), PyTorch has \(b)")
    }
  }

  @Test func learnedStepsOfActivationsAreThoseOfPyTorch() throws {
    // N is the numbers of one sample: 4 of them share the step with N = 4 here.
    let found = try run(
      LearnedStep(.activations, codes: 0...3), Tensor([2, 4], Self.x), Tensor([1], [Float(0.5)]))
    expect(
      found,
      [
        [0, 0, 0, 0, 0.5, 1, 1.5, 1.5], [0, 0, 0, 1, 1.25, 1.5, 1.75, 0], [2.157847],
      ])
  }

  @Test func learnedStepsOfWeightsAreThoseOfPyTorch() throws {
    let found = try run(
      LearnedStep(.weights, codes: -7...7), Tensor([2, 4], Self.x), Tensor([2], [Float(0.2), 0.3]))
    expect(
      found,
      [
        [-1.4, -0.8, -0.2, 0, 0.3, 0.9, 1.2, 2.1], [0, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 0],
        [-0.3354435, 2.590631],
      ])
  }

  @Test func learnedWeightsOfFewBitsHaveEveryLevelOfThePaper() {
    #expect(LearnedStep.weightCodes(bits: 2) == -2...1)
    #expect(LearnedStep.weightCodes(bits: 4) == -8...7)
    #expect(LearnedStep.weightCodes(bits: 8) == -127...127)
  }

  @Test func clippedActivationsAreThoseOfPyTorch() throws {
    let found = try run(ClippedActivation(bits: 2), Tensor([8], Self.x), Tensor([1], [Float(1.1)]))
    expect(
      found, [[0, 0, 0, 0, 0.3666667, 0.7333333, 1.1, 1.1], [0, 0, 0, 1, 1.25, 1.5, 0, 0], [3.75]])
  }

  @Test func thePenaltyOfAClipIsPartOfItsGradient() throws {
    let found = try run(
      ClippedActivation(bits: 2, penalty: 0.01), Tensor([8], Self.x), Tensor([1], [Float(1.1)]))
    #expect(abs(found[2][0] - (3.75 + 0.022)) < 1e-6)
  }

  @Test func aSignedClipReachesBothWays() throws {
    let found = try run(
      ClippedActivation(bits: 3, signed: true), Tensor([4], [Float(-2), -0.5, 0.4, 3]),
      Tensor([1], [Float(0.9)]))
    // Clips give dy = 1/4 below, with a minus, and 4/4 above.
    expect(found, [[-0.9, -0.6, 0.3, 0.9], [0, 0.5, 0.75, 0], [0.75]])
  }

  @Test func doReFaWeightsAreThoseOfPyTorch() throws {
    let found = try run(DoReFaWeight(bits: 2), Tensor([8], Self.x))
    expect(
      found,
      [
        [-1, -1, -0.3333333, 0.3333334, 0.3333334, 0.3333334, 1, 1],
        [0.009859374, 0.2436221, 0.7019712, 0.9907308, 1.109308, 0.8391456, 0.4508106, -0.002994628],
      ])
  }

  /// Smooth parts of the gradients by differences: where no rounding is near, y moves with its bound or step.
  @Test func theGradientOfAStepIsWhatDifferencesSayOutsideTheRange() throws {
    let x = try Tensor([1, 3], [Float(5), 6, -7])
    func sum(_ step: Float) throws -> Float {
      try LearnedStep(.activations, codes: -2...1).apply(x, Tensor([1], [step])).array(Float.self).reduce(
        0, +)
    }
    let step = try Tensor([1], [Float(0.5)])
    step.requiresGrad = true
    try LearnedStep(.activations, codes: -2...1).apply(x, step).backward(
      from: Tensor([1, 3], [Float(1), 1, 1]))
    let slope = (try sum(0.51) - sum(0.49)) / 0.02
    // The op's gradient is scaled by 1 / sqrt(N highest) = 1 / sqrt(3).
    #expect(abs(try #require(step.grad).array(Float.self)[0] - slope / Float(3).squareRoot()) < 1e-4)
  }

  @Test func theFirstBatchInTrainingSetsTheStep() throws {
    let step = try Tensor([1], [Float(0)])
    let op = LearnedStep(.activations, codes: 0...15)
    _ = try op.apply(Tensor([1, 4], [Float(1), -2, 3, 2]), step)
    #expect(try step.array(Float.self) == [0])
    _ = try op.mode(training: true).apply([Tensor([1, 4], [Float(1), -2, 3, 2]), step])
    #expect(abs(try step.array(Float.self)[0] - 2 * 2 / Float(15).squareRoot()) < 1e-6)
    let before = try step.array(Float.self)
    _ = try op.mode(training: true).apply([Tensor([1, 4], [Float(10), -2, 3, 2]), step])
    #expect(try step.array(Float.self) == before)
  }

  /// A channel of zeros has none to start from; the others learn all the same.
  @Test func onlyStepsOfNothingSeenAreSet() throws {
    let op = LearnedStep(.weights, codes: -7...7).mode(training: true)
    let weight = try Tensor([3, 2], [Float(0), 0, 1, -1, 4, 4])
    let step = try Tensor([3], [Float(0), 0.125, 0])
    _ = try op.apply([weight, step])
    let found = try step.array(Float.self)
    #expect(found[0] == 0 && found[1] == 0.125)
    #expect(abs(found[2] - 2 * 4 / Float(7).squareRoot()) < 1e-6)
  }

  @Test func aLearnedStepStaysAboveZero() throws {
    let step = Parameter(try Tensor([2], [Float(0), 0.5]))
    try step.constrain(AboveZero())
    #expect(try step.value.array(Float.self) == [0, 0.5])
    step.value.floats[1] = -0.25
    try step.enforceConstraints()
    #expect(try step.value.array(Float.self)[1] > 0)
  }

  /// Trained values and the integers' are the same numbers.
  @Test(arguments: [2, 3, 4, 7])
  func weightsLieOnTheGridTheyPromise(bits: Int) throws {
    var generator = Generator(seed: 3)
    let weight = try Tensor([6, 50], (0..<300).map { _ in Float(generator.normal()) })
    let learned = LearnedStep(.weights, codes: WeightScheme(.integer(bits: bits)).codes)
    let step = try learned.start(weight, steps: 6)
    let dorefa = DoReFaWeight(bits: bits)
    for (grid, leaves) in [(learned as any WeightGrid, [step]), (dorefa, [])] {
      let y = try grid.apply([weight] + leaves)
      #expect(try grid.quantizer(weight, leaves).dequantized(y).array(Float.self) == y.array(Float.self))
    }
  }

  @Test(arguments: [WeightScheme(.ternary), WeightScheme(.binary), WeightScheme(.ternary, .tensor)])
  func ternaryAndBinaryWeightsAreThoseOfTheScheme(scheme: WeightScheme) throws {
    var generator = Generator(seed: 4)
    let weight = try Tensor([6, 50], (0..<300).map { _ in Float(generator.normal()) })
    let y = try FakeQuantizeWeight(scheme).apply([weight]).array(Float.self)
    let wanted = try WeightQuantizer(weight: weight, scheme: scheme).dequantized(weight).array(Float.self)
    #expect(zip(y, wanted).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) })
  }

  @Test func theGradientOfABinaryWeightEndsWhereItsMagnitudeIsOne() throws {
    let found = try run(
      FakeQuantizeWeight(WeightScheme(.binary, .tensor)), Tensor([1, 4], [Float(-2), -0.5, 0, 1.5]))
    expect(found, [[-1, -1, 1, 1], [0, 0.5, 0.75, 0]])
  }
}
