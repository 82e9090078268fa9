import Models
import Tensors
import Testing

@testable import Formats

/// Operators whose meaning hangs on the channels being last in the file, and first here.
@Suite struct TFLiteLayoutTests {
  /// A model of one operator over an input and constants.
  private func read(
    _ operation: String, input: [Int], output: [Int], constants: [TFLiteSpec] = [],
    _ attributes: TFLiteAttributes? = nil
  ) throws -> Graph {
    var content = TFLiteContent()
    let x = content.add(TFLiteSpec(name: "x", shape: input, kind: .float32))
    let others = constants.map { content.add($0) }
    let y = content.add(TFLiteSpec(name: "y", shape: output, kind: .float32))
    content.add(operation, version: 1, [x] + others, y, attributes)
    let bytes = FlatbufferWriter.encode(content.model(inputs: [x], outputs: [y]), mark: "TFL3")
    return try TFLiteFile.read(MappedFile(copying: bytes, as: "m.tflite"))
  }

  private func floats(_ name: String, _ shape: [Int], _ values: [Float]) -> TFLiteSpec {
    TFLiteSpec(
      name: name, shape: shape, kind: .float32, data: values.flatMap { withUnsafeBytes(of: $0, Array.init) })
  }

  private func integers(_ name: String, _ values: [Int32]) -> TFLiteSpec {
    TFLiteSpec(
      name: name, shape: [values.count], kind: .int32,
      data: values.flatMap { withUnsafeBytes(of: $0, Array.init) })
  }

  /// [1, 4, 3, 3]: every channel its number.
  private func image() throws -> Tensor {
    try Tensor([1, 4, 3, 3], (0..<36).map { Float($0 / 9) })
  }

  @Test func aConstantPerChannelMeetsTheChannels() throws {
    let graph = try read(
      "MUL", input: [1, 3, 3, 4], output: [1, 3, 3, 4], constants: [floats("c", [4], [1, 10, 100, 1000])])
    #expect(
      try graph(image()).doubles() == (0..<36).map { [0, 10, 200, 3000][$0 / 9] })
  }

  @Test func fullyConnectedLayersMayKeepTheirDimensions() throws {
    let weights = floats("w", [3, 4], (0..<12).map { Float($0) })
    let kept = try read(
      "FULLY_CONNECTED", input: [2, 5, 4], output: [2, 5, 3], constants: [weights], (8, [2: .byte(1)]))
    #expect(try kept(.ones([2, 5, 4])).shape == [2, 5, 3])
    let image = try read(
      "FULLY_CONNECTED", input: [1, 3, 3, 4], output: [1, 3, 3, 3], constants: [weights], (8, [2: .byte(1)]))
    #expect(try image(.ones([1, 4, 3, 3])).doubles() == (0..<27).map { [6, 22, 38][$0 / 9] })
    let rows = try read(
      "FULLY_CONNECTED", input: [2, 5, 4], output: [10, 3], constants: [weights], (8, [:]))
    #expect(try rows(.ones([2, 5, 4])).shape == [10, 3])
  }

  @Test func refusesAMeanThatWouldTurnTheImage() throws {
    #expect {
      try read(
        "MEAN", input: [1, 3, 3, 4], output: [1, 3, 4], constants: [integers("axes", [1])], (27, [:]))
    } throws: {
      "\($0)".contains("keep_dims")
    }
    let channels = try read(
      "MEAN", input: [1, 3, 3, 4], output: [1, 3, 3], constants: [integers("axes", [3])], (27, [:]))
    #expect(try channels(image()).doubles() == [Double](repeating: 1.5, count: 9))
  }

  @Test func weightsInHalfPrecisionAreRead() throws {
    var content = TFLiteContent()
    let halves: [Float16] = [1, 2, 0.5, -3]
    let x = content.add(TFLiteSpec(name: "x", shape: [1, 2], kind: .float32))
    let stored = content.add(
      TFLiteSpec(
        name: "w16", shape: [2, 2], kind: .float16,
        data: halves.flatMap { withUnsafeBytes(of: $0.bitPattern, Array.init) }))
    let wide = content.add(TFLiteSpec(name: "w", shape: [2, 2], kind: .float32))
    let y = content.add(TFLiteSpec(name: "y", shape: [1, 2], kind: .float32))
    content.add("DEQUANTIZE", version: 1, [stored], wide)
    content.add("FULLY_CONNECTED", version: 1, [x, wide], y, (8, [:]))
    let bytes = FlatbufferWriter.encode(content.model(inputs: [x], outputs: [y]), mark: "TFL3")
    let graph = try TFLiteFile.read(MappedFile(copying: bytes, as: "m.tflite"))
    #expect(try graph(Tensor([1, 2], [Float(10), 1])).doubles() == [12, 2])
    #expect(graph.parameterCount == 4)
  }

  @Test func refusesInputsWithOpenSizesOfImages() throws {
    var content = TFLiteContent()
    let x = content.add(TFLiteSpec(name: "x", shape: [1, 3, 3, 4], kind: .float32))
    let y = content.add(TFLiteSpec(name: "y", shape: [1, 3, 3, 4], kind: .float32))
    content.add("RELU", version: 1, [x], y)
    var model = content.model(inputs: [x], outputs: [y])
    guard case .tables(var graphs)? = model[2], case .tables(var tensors)? = graphs[0][0] else {
      Issue.record("the model has no tensors")
      return
    }
    tensors[0][7] = .int32s([-1, -1, -1, 4])
    graphs[0][0] = .tables(tensors)
    model[2] = .tables(graphs)
    let file = MappedFile(copying: FlatbufferWriter.encode(model, mark: "TFL3"), as: "m.tflite")
    #expect { try TFLiteFile.read(file) } throws: { "\($0)".contains("leaves more open than its batch") }
  }
}
