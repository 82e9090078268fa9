import Compression
import Models
import Tensors
import Testing

@testable import Formats

/// Quantized weights in the forms that exporters give them: turned, reshaped, with a scale for each output or one for
/// all. They must become integer layers with the file's codes.
@Suite struct OnnxQuantizedWeightTests {
  private static let codes: [Int8] = [-128, 3, 5, -7, 11, 127, 64, -2, 9, 1, -90, 40]

  private func node(
    _ operation: String, _ inputs: [String], _ output: String, _ attributes: [String: OnnxAttribute] = [:]
  ) -> OnnxNode {
    OnnxNode(name: output, operation: operation, inputs: inputs, outputs: [output], attributes: attributes)
  }

  /// `weight` between codes and `g`: what the nodes make of them, on grids of u8 before and behind.
  private func model(_ input: Shape, _ weight: Shape, scales: [Float], axis: Int, _ nodes: [OnnxNode]) throws
    -> OnnxModel
  {
    var model = OnnxModel()
    model.opsets[""] = 21
    let sizes = [.symbol("batch")] + input.dropFirst().map { OnnxValueInfo.Dimension.fixed($0) }
    model.graph.inputs = [OnnxValueInfo(name: "x", type: .float, shape: sizes)]
    let zeros = [Int8](repeating: 0, count: scales.count)
    let one: Shape = scales.count == 1 ? [] : [scales.count]
    model.graph.initializers = [
      OnnxTensor("w", try Tensor(weight, Self.codes)), OnnxTensor("w_scale", try Tensor(one, scales)),
      OnnxTensor("w_zero", try Tensor(one, zeros)), OnnxTensor("scale", try Tensor([], [1] as [Float])),
      OnnxTensor("zero", try Tensor([], [128] as [UInt8])),
      OnnxTensor("y_scale", try Tensor([], [8] as [Float])),
      OnnxTensor("b", try Tensor([4], [16, -8, 0, 8] as [Float])),
    ]
    model.graph.nodes =
      [
        node("QuantizeLinear", ["x", "scale", "zero"], "q"),
        node("DequantizeLinear", ["q", "scale", "zero"], "d"),
        node("DequantizeLinear", ["w", "w_scale", "w_zero"], "weight", ["axis": .int(axis)]),
      ] + nodes + [
        node("QuantizeLinear", ["g", "y_scale", "zero"], "qy"),
        node("DequantizeLinear", ["qy", "y_scale", "zero"], "y"),
      ]
    model.graph.outputs = [OnnxValueInfo(name: "y", type: .float)]
    return model
  }

  private func read(_ model: OnnxModel) throws -> Graph {
    try OnnxFile.read(MappedFile(copying: model.encoded(), as: "m.onnx"))
  }

  struct Form: @unchecked Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether codes lie [outputs, inputs] rather than [inputs, outputs].
    let hasRows: Bool
    let hasBias: Bool
    let nodes: [OnnxNode]
    var testDescription: String { name }
  }

  private static func forms() -> [Form] {
    func node(_ operation: String, _ inputs: [String], _ output: String, _ flag: String? = nil) -> OnnxNode {
      OnnxNode(
        name: output, operation: operation, inputs: inputs, outputs: [output],
        attributes: flag.map { [$0: .int(1)] } ?? [:])
    }
    let turn = node("Transpose", ["weight"], "turned")
    return [
      Form(name: "Gemm", hasRows: false, hasBias: true, nodes: [node("Gemm", ["d", "weight", "b"], "g")]),
      Form(
        name: "Gemm without bias", hasRows: false, hasBias: false,
        nodes: [node("Gemm", ["d", "weight"], "g")]),
      Form(
        name: "Gemm, transB", hasRows: true, hasBias: true,
        nodes: [node("Gemm", ["d", "weight", "b"], "g", "transB")]),
      Form(name: "MatMul", hasRows: false, hasBias: false, nodes: [node("MatMul", ["d", "weight"], "g")]),
      Form(
        name: "MatMul of a transpose", hasRows: true, hasBias: false,
        nodes: [turn, node("MatMul", ["d", "turned"], "g")]),
      Form(
        name: "Gemm of a transpose, transB", hasRows: false, hasBias: true,
        nodes: [turn, node("Gemm", ["d", "turned", "b"], "g", "transB")]),
    ]
  }

  @Test(arguments: forms(), [true, false])
  func matricesBecomeIntegerLayers(form: Form, perOutput: Bool) throws {
    let scales: [Float] = perOutput ? [0.5, 0.25, 1, 0.125] : [0.5]
    let model = try model(
      [1, 3], form.hasRows ? [4, 3] : [3, 4], scales: scales, axis: form.hasRows ? 0 : 1, form.nodes)
    let graph = try read(model)
    #expect(graph.order.contains { graph.operation($0)?.op is QuantizedLinear }, "\(graph.log)")
    let x: [Float] = [10, -3, 7]
    let y = try graph(Tensor([1, 3], x)).doubles()
    for o in 0..<4 {
      var sum: Float = form.hasBias ? [16, -8, 0, 8][o] : 0
      for k in 0..<3 {
        let code = Float(Self.codes[form.hasRows ? o * 3 + k : k * 4 + o])
        sum += x[k] * code * scales[perOutput ? o : 0]
      }
      let expected = min(max((sum / 8).rounded(.toNearestOrEven), -128), 127) * 8
      #expect(y[o] == Double(expected))
    }
  }

  @Test(arguments: [true, false]) func reshapedFiltersKeepTheirScales(perOutput: Bool) throws {
    let model = try model(
      [1, 3, 2, 2], [4, 3], scales: perOutput ? [0.5, 0.25, 1, 0.125] : [0.5], axis: 0,
      [
        node("Unsqueeze", ["weight", "axis"], "wide"), node("Reshape", ["wide", "filter"], "kernel"),
        node("Conv", ["d", "kernel", "b"], "g"),
      ])
    var complete = model
    complete.graph.initializers += [
      OnnxTensor("axis", try Tensor([1], [2] as [Int64])),
      OnnxTensor("filter", try Tensor([4], [4, 3, 1, 1] as [Int64])),
    ]
    let graph = try read(complete)
    #expect(graph.order.contains { graph.operation($0)?.op is QuantizedConv2d }, "\(graph.log)")
  }

  /// Sequences are convolved in float, as images one pixel high, but with the file's scales.
  @Test func filtersOfSequencesKeepTheirScales() throws {
    let scales: [Float] = [0.5, 0.25, 1, 0.125]
    let model = try model(
      [1, 3, 5], [4, 3, 1], scales: scales, axis: 0, [node("Conv", ["d", "weight", "b"], "g")])
    let graph = try read(model)
    let convolution = try #require(graph.order.first { graph.operation($0)?.op is Conv2d })
    let weight = try #require(graph.operation(convolution).flatMap { graph.leaf($0.inputs[1]) })
    let quantizer = try #require(weight.constraint(WeightQuantizer.self))
    #expect(try quantizer.scales == scales && quantizer.quantize(weight.value) == Self.codes)
  }
}
