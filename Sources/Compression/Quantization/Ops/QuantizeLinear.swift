import Tensors

/// f32 to the nearest value of a grid: what enters a quantized network. ONNX QuantizeLinear followed by
/// DequantizeLinear.
public struct QuantizeLinear: QuantizedOp {
  public static let name = "quantize_linear"
  public let activations: [QuantParams] = []
  public let inputCount = 1
  public let result: QuantParams?
  private let params: QuantParams

  public init(_ params: QuantParams) {
    self.params = params
    result = params
  }

  public var float: any Op { Identity() }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try params.dequantize(params.quantize(t[0]))
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    IntegerQuantize(params, elements: shapes[0].sampleElements)
  }
}

/// The end of a quantized network whose last layer gives bytes: in f32 on the grid, nothing changes.
public struct DequantizeLinear: QuantizedOp {
  public static let name = "dequantize_linear"
  public let activations: [QuantParams]
  public let result: QuantParams? = nil

  public init(_ params: QuantParams) { activations = [params] }

  public var float: any Op { Identity() }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    IntegerDequantize(activations[0], elements: shapes[0].sampleElements)
  }
}
