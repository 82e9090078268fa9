import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// Operators that find or place numbers, with the values of the ONNX specification's examples and, for interpolation,
/// those that ONNX Runtime 1.31 gives.
@Suite struct OnnxPlacesTests {
  /// One node, what it reads behind its input, and its opset.
  private func run(
    _ operation: String, _ x: Tensor, _ constants: [Tensor?], _ attributes: [String: OnnxAttribute] = [:],
    opset: Int = 13
  ) throws -> Tensor {
    var model = OnnxModel()
    model.opsets[""] = opset
    model.graph.inputs = [
      OnnxValueInfo(name: "x", type: OnnxType(x.dtype), shape: x.shape.map { .fixed($0) })
    ]
    var node = OnnxNode(
      name: "node", operation: operation, inputs: ["x"], outputs: ["y"], attributes: attributes)
    for (i, constant) in constants.enumerated() {
      node.inputs.append(constant == nil ? "" : "c\(i)")
      if let constant { model.graph.initializers.append(OnnxTensor("c\(i)", constant)) }
    }
    model.graph.nodes = [node]
    model.graph.outputs = [OnnxValueInfo(name: "y", type: OnnxType(x.dtype))]
    return try OnnxFile.read(MappedFile(copying: model.encoded(), as: "m.onnx"))(x)
  }

  private func places(_ shape: Shape, _ values: [Int64]) throws -> Tensor { try Tensor(shape, values) }

  @Test func gatherNDReadsElementsAndSlices() throws {
    let x = try Tensor([2, 2], [0, 1, 2, 3] as [Float])
    #expect(try run("GatherND", x, [places([2, 2], [0, 0, 1, 1])]).doubles() == [0, 3])
    let rows = try run("GatherND", x, [places([2, 1], [1, 0])])
    #expect(try rows.shape == [2, 2] && rows.doubles() == [2, 3, 0, 1])
    let cube = try Tensor.arange(start: 0, count: 8).reshaped([2, 2, 2])
    let slices = try run("GatherND", cube, [places([2, 2], [0, 1, 1, 0])])
    #expect(try slices.shape == [2, 2] && slices.doubles() == [2, 3, 4, 5])
    let nested = try run("GatherND", cube, [places([2, 1, 2], [0, 1, 1, 0])])
    #expect(try nested.shape == [2, 1, 2] && nested.doubles() == [2, 3, 4, 5])
  }

  @Test func gatherNDCountsWithinItsBatch() throws {
    let cube = try Tensor.arange(start: 0, count: 8).reshaped([2, 2, 2])
    let y = try run("GatherND", cube, [places([2, 1], [1, 0])], ["batch_dims": .int(1)], opset: 12)
    #expect(try y.shape == [2, 2] && y.doubles() == [2, 3, 4, 5])
    let last = try run("GatherND", cube, [places([2, 1], [-1, -2])], ["batch_dims": .int(1)], opset: 12)
    #expect(try last.doubles() == [2, 3, 4, 5])
  }

  @Test func gatherNDRefusesABatchThatIsNotTheSame() throws {
    let cube = try Tensor.arange(start: 0, count: 8).reshaped([2, 2, 2])
    for batch in [1, 2, 3, -1] {
      #expect {
        try run("GatherND", cube, [places([3, 1], [0, 0, 0])], ["batch_dims": .int(batch)], opset: 12)
      } throws: {
        "\($0)" == "m.onnx: node 'node' (GatherND): indices [3, 1] do not fit [2, 2, 2]"
      }
    }
  }

  /// An index beyond its own dimension must not read or write what another one names.
  @Test func indicesOutsideTheirOwnDimensionAreRefused() throws {
    let cube = try Tensor.arange(start: 0, count: 8).reshaped([2, 2, 2])
    let batch = ["batch_dims": OnnxAttribute.int(1)]
    for (indices, attributes) in [
      (try places([2, 1], [2, 0]), batch), (try places([2, 1], [0, -3]), batch),
      (try places([1, 2], [0, 2]), [:]), (try places([1, 2], [1, -3]), [:]), (try places([1, 1], [2]), [:]),
      (try places([1, 2], [0, .max]), [:]), (try places([1, 2], [.min, 0]), [:]),
    ] {
      #expect { try run("GatherND", cube, [indices], attributes, opset: 12) } throws: {
        "\($0)".contains("is out of range")
      }
    }
    let update = try Tensor([1, 2], [9, 9] as [Float])
    #expect { try run("ScatterND", cube, [places([1, 2], [0, 2]), update]) } throws: {
      "\($0)".contains("is out of range")
    }
    let last = try run("ScatterND", cube, [places([1, 2], [-1, -2]), update])
    #expect(try last.doubles() == [0, 1, 2, 3, 9, 9, 6, 7])
  }

  /// The same where the indices are only known when the model runs.
  @Test func computedIndicesOutsideTheirOwnDimensionAreRefused() throws {
    var model = OnnxModel()
    model.opsets[""] = 13
    model.graph.inputs = [OnnxValueInfo(name: "places", type: .int64, shape: [.fixed(1), .fixed(2)])]
    model.graph.initializers = [OnnxTensor("x", try Tensor([2, 3], [0, 1, 2, 3, 4, 5] as [Float]))]
    model.graph.nodes = [OnnxNode(operation: "GatherND", inputs: ["x", "places"], outputs: ["y"])]
    model.graph.outputs = [OnnxValueInfo(name: "y", type: .float)]
    let graph = try OnnxFile.read(MappedFile(copying: model.encoded(), as: "m.onnx"))
    #expect(try graph(places([1, 2], [-1, -3])).doubles() == [3])
    #expect(try graph(places([1, 2], [0, 2])).doubles() == [2])
    for pair in [[0, 3], [0, -4], [2, 0], [-3, 0]] as [[Int64]] {
      #expect { try graph(places([1, 2], pair)) } throws: { "\($0)".contains("is out of range") }
    }
  }

  @Test func scatterNDReplacesElements() throws {
    let x = try Tensor([8], [1, 2, 3, 4, 5, 6, 7, 8] as [Float])
    let updates = try Tensor([4], [9, 10, 11, 12] as [Float])
    let y = try run("ScatterND", x, [places([4, 1], [4, 3, 1, 7]), updates])
    #expect(try y.doubles() == [1, 11, 3, 10, 9, 6, 7, 12])
  }

  /// Four matrices of 4 x 4, and two to put in their places.
  private func matrices() throws -> (x: Tensor, updates: Tensor) {
    let up: [Float] = [1, 2, 3, 4, 5, 6, 7, 8], down: [Float] = up.reversed()
    let x: [Float] = [up, down, up, down, down, up, down, up].flatMap { $0 }
    let updates: [Float] = [5, 6, 7, 8, 1, 2, 3, 4].flatMap { [Float](repeating: $0, count: 4) }
    return (try Tensor([4, 4, 4], x), try Tensor([2, 4, 4], updates))
  }

  @Test func scatterNDReplacesSlices() throws {
    let (x, updates) = try matrices()
    let y = try run("ScatterND", x, [places([2, 1], [0, 2]), updates]).doubles()
    var expected = try x.doubles()
    expected.replaceSubrange(0..<16, with: try updates.doubles()[..<16])
    expected.replaceSubrange(32..<48, with: try updates.doubles()[16...])
    #expect(y == expected)
  }

  @Test func scatterNDAddsWhatGoesToOnePlace() throws {
    let (x, updates) = try matrices()
    let attributes = ["reduction": OnnxAttribute.string("add")]
    let y = try run("ScatterND", x, [places([2, 1], [0, 0]), updates], attributes, opset: 16).doubles()
    #expect(Array(y[..<16]) == [7, 8, 9, 10, 13, 14, 15, 16, 18, 17, 16, 15, 16, 15, 14, 13])
    #expect(try Array(y[16...]) == Array(x.doubles()[16...]))
  }

  // MARK: Resizing

  @Test func upsampleRepeatsPixels() throws {
    let x = try Tensor([1, 1, 2, 2], [1, 2, 3, 4] as [Float])
    let y = try run("Upsample", x, [Tensor([4], [1, 1, 2, 3] as [Float])], opset: 9)
    #expect(y.shape == [1, 1, 4, 6])
    #expect(
      try y.doubles() == [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4])
  }

  @Test func upsampleInterpolatesFromTheCorner() throws {
    let x = try Tensor([1, 1, 2, 2], [1, 2, 3, 4] as [Float])
    let scales = try Tensor([4], [1, 1, 2, 2] as [Float])
    let y = try run("Upsample", x, [scales], ["mode": .string("linear")], opset: 9)
    #expect(try y.doubles() == [1, 1.5, 2, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 4, 3, 3.5, 4, 4])
  }

  struct Interpolation: Sendable, CustomTestStringConvertible {
    let scales: [Float]
    let attributes: [String: OnnxAttribute]
    /// The first numbers of the result.
    let expected: [Double]
    var testDescription: String { "\(scales) \(attributes)" }
  }

  static let interpolations = [
    Interpolation(
      scales: [1, 1, 2, 2], attributes: ["mode": .string("cubic")],
      expected: [
        0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375, 1.66015625,
        1.95703125, 2.43359375, 3.0625, 3.46875, 4.09765625, 4.57421875, 4.87109375,
      ]),
    Interpolation(
      scales: [1, 1, 0.8, 0.8], attributes: ["mode": .string("cubic")],
      expected: [
        1.47119140625, 2.78125, 4.08251953125, 6.71142578125, 8.021484375, 9.32275390625, 11.91650390625,
        13.2265625, 14.527831077575684,
      ]),
    Interpolation(
      scales: [1, 1, 2, 2],
      attributes: ["mode": .string("cubic"), "cubic_coeff_a": .float(-0.5), "exclude_outside": .int(1)],
      expected: [
        0.5588234663009644, 0.8149420022964478, 1.3569824695587158, 1.8970589637756348, 2.3970589637756348,
        2.9371349811553955, 3.479175567626953, 3.735293388366699, 1.583297610282898, 1.8394160270690918,
      ]),
    Interpolation(
      scales: [1, 1, 2, 2],
      attributes: ["mode": .string("cubic"), "coordinate_transformation_mode": .string("asymmetric")],
      expected: [
        1, 1.40625, 2, 2.5, 3, 3.59375, 4, 4.09375, 2.625, 3.03125, 3.625, 4.125, 4.625, 5.21875, 5.625,
        5.71875,
      ]),
    Interpolation(
      scales: [1, 1, 0.5, 1.5],
      attributes: ["mode": .string("linear"), "coordinate_transformation_mode": .string("asymmetric")],
      expected: [
        1, 1.6666667461395264, 2.3333334922790527, 3, 3.6666667461395264, 4, 9, 9.666666984558105,
        10.333333015441895, 11, 11.666666984558105, 12,
      ]),
  ]

  @Test(arguments: interpolations) func resizeInterpolates(_ c: Interpolation) throws {
    let x = try Tensor.arange(start: 1, count: 16).reshaped([1, 1, 4, 4])
    let y = try run("Resize", x, [nil, Tensor([4], c.scales)], c.attributes)
    for (a, b) in zip(try y.doubles(), c.expected) { #expect(abs(a - b) <= 2e-6 * abs(b), "\(a), not \(b)") }
  }

  /// Whatever the factor between two sizes is rounded to.
  @Test func resizingToASizeGivesThatSize() throws {
    let x = try Tensor.arange(start: 1, count: 7).reshaped([1, 1, 1, 7])
    let y = try run(
      "Resize", x, [nil, nil, Tensor([4], [1, 1, 1, 61] as [Int64])], ["mode": .string("linear")], opset: 19)
    let last = [6.639344215393066, 6.754097938537598, 6.868852138519287, 6.983606338500977, 7, 7, 7, 7]
    try #require(y.shape == [1, 1, 1, 61])
    for (a, b) in zip(try y.doubles().suffix(8), last) { #expect(abs(a - b) <= 2e-6 * b, "\(a), not \(b)") }
    for from in 4...40 {
      let x = try Tensor.zeros([1, 1, 1, from])
      for size in 4...60 {
        let sizes = try Tensor([4], [1, 1, 1, Int64(size)])
        let y = try run("Resize", x, [nil, nil, sizes], ["mode": .string("linear")], opset: 19)
        #expect(y.shape == [1, 1, 1, size])
      }
    }
  }

  static let sevenOfTen: [([String: OnnxAttribute], [Double])] = [
    (["mode": .string("nearest")], [1, 3, 4, 5, 7, 8, 10]),
    (
      ["coordinate_transformation_mode": .string("asymmetric"), "nearest_mode": .string("floor")],
      [1, 2, 3, 5, 6, 8, 9]
    ),
    (
      ["mode": .string("linear")],
      [
        1.2142857313156128, 2.642857074737549, 4.071428298950195, 5.5, 6.928571701049805, 8.35714340209961,
        9.785714149475098,
      ]
    ),
  ]

  /// 10 times 0.7 in single precision is 7, in double precision a little less.
  @Test(arguments: sevenOfTen)
  func scalesCountInSinglePrecision(attributes: [String: OnnxAttribute], expected: [Double]) throws {
    let x = try Tensor.arange(start: 1, count: 10).reshaped([1, 1, 1, 10])
    let y = try run("Resize", x, [nil, Tensor([4], [1, 1, 1, 0.7] as [Float])], attributes, opset: 19)
    try #require(y.shape == [1, 1, 1, 7])
    for (a, b) in zip(try y.doubles(), expected) { #expect(abs(a - b) <= 2e-6 * b, "\(a), not \(b)") }
  }
}
