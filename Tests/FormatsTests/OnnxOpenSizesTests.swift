import Compression
import Models
import TestSupport
import Tensors
import Testing

@testable import Formats

/// Models with dimensions that only have a name: what depends on their sizes is followed, or refused.
@Suite struct OnnxOpenSizesTests {
  private func read(_ model: OnnxModel, _ sizes: [String: Int] = [:]) throws -> Graph {
    try OnnxFile.read(
      MappedFile(copying: model.encoded(), as: "m.onnx"), OnnxOptions(dimensions: sizes))
  }

  private func model(_ shape: [OnnxValueInfo.Dimension], _ constants: [String: Tensor], _ nodes: [OnnxNode])
    throws -> OnnxModel
  {
    var model = OnnxModel()
    model.opsets[""] = 21
    model.graph.inputs = [OnnxValueInfo(name: "x", type: .float, shape: shape)]
    model.graph.initializers = constants.map { OnnxTensor($0, $1) }
    model.graph.nodes = nodes
    model.graph.outputs = [OnnxValueInfo(name: "y", type: .float)]
    return model
  }

  private func node(_ operation: String, _ inputs: [String], _ output: String) -> OnnxNode {
    OnnxNode(name: output, operation: operation, inputs: inputs, outputs: [output])
  }

  private func integers(_ values: Int64...) throws -> Tensor { try Tensor([values.count], values) }

  /// Rows of a table as many as the sequence is long: which they are is only known when the model runs.
  private func tableSlice() throws -> OnnxModel {
    try model(
      [.symbol("batch"), .symbol("sequence"), .fixed(2)],
      [
        "table": .arange(start: 0, count: 4096).reshaped([2048, 2]), "zero": integers(0), "one": integers(1),
      ],
      [
        node("Shape", ["x"], "shape"), node("Gather", ["shape", "one"], "length"),
        node("Slice", ["table", "zero", "length", "zero"], "rows"), node("Add", ["x", "rows"], "y"),
      ])
  }

  @Test func refusesASliceOfATableByAnOpenLength() throws {
    #expect {
      try read(tableSlice())
    } throws: {
      "\($0)".contains("that is not fixed") && "\($0)".contains("{dims = {")
        && "\($0)".contains("sequence = ...")
    }
    let fixed = try read(tableSlice(), ["sequence": 3])
    let expected = (0..<12).map { Double($0 % 6) }
    #expect(try fixed(.zeros([2, 3, 2])).doubles() == expected)
  }

  /// One for any length, but another one: what the two graphs read are two views of one table.
  @Test func refusesTheRowOfATableBehindAnOpenLength() throws {
    let behind = try model(
      [.symbol("batch"), .symbol("sequence"), .fixed(2)],
      [
        "table": .arange(start: 0, count: 4096).reshaped([2048, 2]), "zero": integers(0), "one": integers(1),
      ],
      [
        node("Shape", ["x"], "shape"), node("Gather", ["shape", "one"], "length"),
        node("Sub", ["length", "one"], "start"), node("Slice", ["table", "start", "length", "zero"], "row"),
        node("Add", ["x", "row"], "y"),
      ])
    #expect { try read(behind) } throws: { "\($0)".contains("{dims = {batch = ..., sequence = ...}}") }
  }

  /// What depends on stored numbers alone is computed once, and for another size anew.
  @Test func theSecondGraphTakesOverWhatTheFirstComputed() throws {
    let (folds, x) = (OnnxFolds(), try Tensor.arange(start: 0, count: 12).reshaped([4, 3]))
    let rows = OnnxConstant(try x.slice(axis: 0, start: 1, count: 2).copy())
    folds.note(Slice(axis: 0, start: 1, count: 2), [x], rows)
    #expect(folds.result(of: Slice(axis: 0, start: 1, count: 2), [x]) === rows)
    #expect(folds.result(of: Slice(axis: 0, start: 2, count: 2), [x]) == nil)
    let copy = try x.copy()
    #expect(folds.result(of: Slice(axis: 0, start: 1, count: 2), [copy]) == nil)
    let (upper, lower) = (
      try x.slice(axis: 0, start: 0, count: 2), try x.slice(axis: 0, start: 2, count: 2)
    )
    folds.note(Relu(), [upper], rows)
    #expect(folds.result(of: Relu(), [upper]) === rows && folds.result(of: Relu(), [lower]) == nil)
    let grids = [1, 2].map { IntegerGrid(scales: [$0], type: .i8) }
    folds.note(DequantizeIntegers(grids[0]), [x], rows)
    #expect(folds.result(of: DequantizeIntegers(grids[0]), [x]) === rows)
    #expect(folds.result(of: DequantizeIntegers(grids[1]), [x]) == nil)
    #expect(folds.result(of: QuantizeIntegers(grids[0]), [x]) == nil)
  }

  @Test func refusesPaddingThatDependsOnAnOpenWidth() throws {
    // Pads by (-width) mod 32.
    let model = try model(
      [.fixed(1), .symbol("width")],
      ["one": integers(1), "many": integers(32), "none": integers(0, 0, 0)],
      [
        node("Shape", ["x"], "shape"), node("Gather", ["shape", "one"], "width"),
        node("Neg", ["width"], "less"),
        node("Mod", ["less", "many"], "rest"),
        OnnxNode(
          name: "pads", operation: "Concat", inputs: ["none", "rest"], outputs: ["pads"],
          attributes: ["axis": .int(0)]),
        node("Pad", ["x", "pads"], "y"),
      ])
    #expect { try read(model) } throws: { "\($0)".contains("{dims = {width = ...}}") }
    #expect(try read(model, ["width": 20])(.ones([1, 20])).shape == [1, 32])
  }

  @Test func followsReshapesByProductsOfOpenSizes() throws {
    let model = try model(
      [.symbol("batch"), .symbol("sequence"), .fixed(4)],
      ["first": integers(0), "second": integers(1), "four": integers(4)],
      [
        node("Shape", ["x"], "shape"), node("Gather", ["shape", "first"], "b"),
        node("Gather", ["shape", "second"], "s"), node("Mul", ["b", "s"], "rows"),
        OnnxNode(
          name: "target", operation: "Concat", inputs: ["rows", "four"], outputs: ["target"],
          attributes: ["axis": .int(0)]),
        node("Reshape", ["x", "target"], "y"),
      ])
    let graph = try read(model)
    #expect(try graph(.ones([2, 3, 4])).shape == [6, 4] && graph(.ones([5, 1, 4])).shape == [5, 4])
  }

  /// All dimensions of 1 go, the batch too where it is 1: a model for one sample stays one.
  @Test func squeezingWithoutAxesKeepsABatchOfOne() throws {
    let model = try model(
      [.fixed(1), .fixed(8), .fixed(1), .fixed(1)], [:], [node("Squeeze", ["x"], "y")])
    #expect(try read(model)(.ones([1, 8, 1, 1])).shape == [8])
  }

  @Test(arguments: ["MatMul", "Gemm"]) func nodesThatReadOneWeightShareIt(operation: String) throws {
    let model = try model(
      [.symbol("batch"), .fixed(3)], ["w": .arange(start: 0, count: 9).reshaped([3, 3])],
      [node(operation, ["x", "w"], "h"), node(operation, ["h", "w"], "y")])
    let graph = try read(model)
    #expect(graph.namedParameters().map(\.path) == ["w"])
    #expect(try graph(Tensor([1, 3], [Float(1), 0, 0])).doubles() == [15, 18, 21])
  }

  /// A causal mask is as large as the sequence that comes.
  @Test func causalAttentionOfAnyLengthStaysCausal() throws {
    let graph = try Graph(capturing: EncoderNet(seed: 5, isCausal: true), [.ones([2, 6, 16])])
    graph.setTraining(false)
    try graph.open([["batch", "sequence", nil]])
    let bytes = try OnnxFile.encode(graph, format: .qdq)
    let read = try OnnxFile.read(
      MappedFile(copying: bytes, as: "m.onnx"), OnnxOptions(dimensions: ["sequence": 9]))
    read.setTraining(false)
    let x = try Tensor([3, 9, 16], (0..<432).map { Float($0 * 37 % 100) / 50 - 1 })
    let difference = try zip(read(x).doubles(), graph(x).doubles()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(difference < 1e-5)
  }
}
