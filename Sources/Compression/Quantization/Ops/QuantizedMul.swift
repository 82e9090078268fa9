import Tensors

/// `y = a * b` over u8 tensors of one shape and different scales, an activation function fused.
public struct QuantizedMul: QuantizedOp {
  public static let name = "quantized_mul"
  public let activations: [QuantParams]
  public let result: QuantParams?
  public let range: ActivationRange
  private let params: QuantParams

  public init(_ a: QuantParams, _ b: QuantParams, result: QuantParams, _ range: ActivationRange) {
    activations = [a, b]
    params = result
    self.result = result
    self.range = range
  }

  public var float: any Op { Mul() }

  public func shape(of shapes: [Shape]) throws -> Shape {
    try require(shapes[0] == shapes[1], "operands must have one shape, got \(shapes[0]) and \(shapes[1])")
    return shapes[0]
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    IntegerMul(activations[0], activations[1], params, range, elements: shapes[0].sampleElements)
  }
}
