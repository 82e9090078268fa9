import Tensors

/// u8 tensors one after the other along the channels of [N, C, H, W], or the last dimension of others. ONNX Concat.
public struct QuantizedConcat: QuantizedOp {
  public static let name = "quantized_concat"
  private let concat: Concat
  public let activations: [QuantParams]
  public let result: QuantParams?
  private let params: QuantParams

  public init(_ concat: Concat, _ inputs: [QuantParams], result: QuantParams) {
    self.concat = concat
    activations = inputs
    params = result
    self.result = result
  }

  public var float: any Op { concat }

  public func shape(of shapes: [Shape]) throws -> Shape {
    let x = shapes[0]
    let innermost = x.rank == 4 ? 1 : x.rank - 1
    try require(
      x.rank > 1 && concat.axis == innermost,
      "has an int8 form along dimension \(innermost + 1) of \(x), not \(concat.axis + 1)")
    return try concat.shape(of: shapes)
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let widths = shapes.map { $0[concat.axis] }
    return try IntegerConcat(
      rows: shapes[0].sampleElements / widths[0], widths: widths, activations, result: params)
  }
}
