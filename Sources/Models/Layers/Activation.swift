import Tensors

/// A function of each element, as a layer.
public final class Activation: Module {
  /// The raw values are the layers' names.
  public enum Function: String, CaseIterable, Sendable {
    case relu, relu6, gelu, silu, hardswish, sigmoid, tanh

    public var op: any Op {
      switch self {
      case .relu: Relu()
      case .relu6: Clip.relu6
      case .gelu: Gelu()
      case .silu: Silu()
      case .hardswish: HardSwish()
      case .sigmoid: Sigmoid()
      case .tanh: Tanh()
      }
    }
  }

  public let function: Function

  public init(_ function: Function) {
    self.function = function
    super.init(kind: function.rawValue)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try function.op.apply([x[0]]) }
}
