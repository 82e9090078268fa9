import LuaHost
import Models
import Tensors

/// What scripts keep of a module beside the module.
extension Module {
  /// Copies of all parameters and buffers by path.
  func state() throws -> LuaTable {
    LuaTable(
      fields: try namedParameters().map { (.string($0.path), .object(try $0.parameter.value.copy())) })
  }

  func nonZeroCount() throws -> Int {
    try weights.reduce(0) { try $0 + $1.value.notEqual(0).sum().intItem() }
  }

  /// Multiply-accumulates of one sample of `example`.
  func macs(of example: Tensor) throws -> Int {
    let graph = try (self as? Graph) ?? Graph.capture(self, [example])
    return try graph.macs().values.reduce(0, +)
  }
}

extension Tensor {
  fileprivate func intItem() throws -> Int { Int(try item()) }
}
