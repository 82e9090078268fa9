import LuaHost
import Tensors

/// An operand as scripts write it: a tensor or a number.
typealias OperandArgument = OneOf<Tensor, Double>

extension Op {
  /// The op on two operands, at least one a tensor; a number takes the tensor's element type.
  func combine(_ a: OperandArgument, _ b: OperandArgument) throws -> Tensor {
    switch a {
    case .first(let a):
      switch b {
      case .first(let b): try combine(a, b)
      case .second(let b): try combine(a, b)
      }
    case .second(let a):
      switch b {
      case .first(let b): try combine(a, b)
      case .second(let b): try combine(Tensor.scalar(a), b)
      }
    }
  }
}

extension OperandArgument {
  /// As a tensor of the element type of `other`.
  func tensor(like other: Tensor, for function: String) throws -> Tensor {
    switch self {
    case .first(let tensor): try tensor.cast(to: other.dtype)
    case .second(let number): try number.operand(with: other, for: function).cast(to: other.dtype)
    }
  }
}

extension DType: LuaEnum {}
