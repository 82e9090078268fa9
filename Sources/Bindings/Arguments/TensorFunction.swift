import LuaHost
import Tensors

/// A function of a tensor that scripts know in two forms from one declaration: `t:sum(1)`,
/// `qs.sum(t, 1)`.
struct TensorFunction {
  let method: Function
  let function: Function

  init<each Argument, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String? = nil,
    body: @escaping (Tensor, repeat each Argument) throws -> Result
  ) {
    method = Function(name, doc, .receiver(Tensor.self), repeat each parameter, returns: returns, body: body)
    function = Function(
      name, doc, .required("x", Tensor.self, "of any shape"), repeat each parameter, returns: returns,
      body: body)
  }

  /// A function with several results; see `Function`.
  init<each Argument>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String,
    body: @escaping (Tensor, repeat each Argument) throws -> LuaResults
  ) {
    method = Function(name, doc, .receiver(Tensor.self), repeat each parameter, returns: returns, body: body)
    function = Function(
      name, doc, .required("x", Tensor.self, "of any shape"), repeat each parameter, returns: returns,
      body: body)
  }

  // Written out for few parameters, as `Function` is.

  init<A, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ a: Param<A>, returns: String? = nil,
    body: @escaping (Tensor, A) throws -> Result
  ) {
    method = Function(name, doc, .receiver(Tensor.self), a, returns: returns, body: body)
    function = Function(
      name, doc, .required("x", Tensor.self, "of any shape"), a, returns: returns, body: body)
  }

  init<A, B, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ a: Param<A>, _ b: Param<B>, returns: String? = nil,
    body: @escaping (Tensor, A, B) throws -> Result
  ) {
    method = Function(name, doc, .receiver(Tensor.self), a, b, returns: returns, body: body)
    function = Function(
      name, doc, .required("x", Tensor.self, "of any shape"), a, b, returns: returns, body: body)
  }

  /// A function of one tensor that an op computes.
  init(_ name: String, _ doc: String, _ op: any Op) {
    method = Function(name, doc, .receiver(Tensor.self)) { (x: Tensor) in try op.apply(x) }
    function = Function(name, doc, .required("x", Tensor.self, "of any shape")) { (x: Tensor) in
      try op.apply(x)
    }
  }
}
