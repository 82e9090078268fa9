import CKernels
import Tensors

/// A float op of two operands that has a quantized form.
public protocol QuantizableElementwise: Op {
  associatedtype Params: ElementwiseParams
  init()
}
extension Add: QuantizableElementwise { public typealias Params = qk_add_u8_params }
extension Mul: QuantizableElementwise { public typealias Params = qk_mul_u8_params }

/// `y = a + b`.
public typealias QuantizedAdd = QuantizedElementwise<Add>
/// `y = a * b`.
public typealias QuantizedMul = QuantizedElementwise<Mul>

/// A sum or a product of u8 tensors of one shape and different scales, an activation function fused.
public struct QuantizedElementwise<Operation: QuantizableElementwise>: QuantizedOp {
  public static var name: String { "quantized_" + Operation.name }
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

  public var float: any Op { Operation() }

  public func shape(of shapes: [Shape]) throws -> Shape {
    try require(shapes[0] == shapes[1], "operands must have one shape, got \(shapes[0]) and \(shapes[1])")
    return shapes[0]
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    IntegerElementwise<Operation.Params>(
      activations[0], activations[1], params, range, elements: shapes[0].sampleElements)
  }
}
