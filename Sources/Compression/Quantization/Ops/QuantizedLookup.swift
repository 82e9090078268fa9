import Tensors

/// Any function of one number over a u8 tensor, through a table of its 256 values: relu that could not be fused,
/// sigmoid, tanh, gelu, silu, hardswish.
public struct QuantizedLookup: QuantizedOp {
  public static let name = "quantized_lookup"
  /// An elementwise op of one input.
  public let float: any Op
  public let activations: [QuantParams]
  public let result: QuantParams?
  private let params: QuantParams

  public init(_ float: any Op, input: QuantParams, result: QuantParams) {
    self.float = float
    activations = [input]
    params = result
    self.result = result
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let grid = try Tensor([256], (0...255).map { activations[0].dequantize(UInt8($0)) })
    let values = try Tape.withoutGradients { try float.apply([grid]).array(Float.self) }
    return IntegerLookup(values.map(params.quantize), elements: shapes[0].sampleElements)
  }
}
