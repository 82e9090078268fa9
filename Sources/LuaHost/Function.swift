import CLuaBridge

/// A function that scripts can call. One declaration is the binding, the argument check, the manual and the
/// editor's annotation:
///
///     Function("grid", "A square grid.",
///       .required("side", Int.self, "cells per side", .positive),
///       .option("spacing", default: 1.0, "in metres")
///     ) { side, spacing in Grid(side: side, spacing: spacing) }
public struct Function {
  public let signature: Signature
  /// Writes the results to `out` and answers how many they are.
  @usableFromInline
  let body: (LuaVM, UnsafePointer<lb_value>, Int, UnsafeMutablePointer<lb_value>) throws -> Int32

  public var name: String { signature.name }

  @usableFromInline
  init(
    _ signature: Signature,
    _ body: @escaping (LuaVM, UnsafePointer<lb_value>, Int, UnsafeMutablePointer<lb_value>) throws -> Int32
  ) {
    self.signature = signature
    self.body = body
  }

  /// A function with one result.
  public init<each Argument, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String? = nil,
    body: @escaping (repeat each Argument) throws -> Result
  ) {
    let signature = Signature(
      name, doc, [ParameterInfo](repeat each parameter), returns: returns ?? Result.luaName)
    var place = 0
    let placed = (repeat (each parameter).placed(in: signature, &place))
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      out[0] = try body(repeat try (each placed).value(in: call)).payload(for: vm).raw
      return 1
    }
  }

  /// A function without a result. Disfavoured, for a closure of one expression may be read as either.
  @_disfavoredOverload
  public init<each Argument>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>,
    body: @escaping (repeat each Argument) throws -> Void
  ) {
    let signature = Signature(name, doc, [ParameterInfo](repeat each parameter), returns: "")
    var place = 0
    let placed = (repeat (each parameter).placed(in: signature, &place))
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      try body(repeat try (each placed).value(in: call))
      return 0
    }
  }

  /// A function with several results. `returns` lists their types: "number, number".
  public init<each Argument>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String,
    body: @escaping (repeat each Argument) throws -> LuaResults
  ) {
    let signature = Signature(name, doc, [ParameterInfo](repeat each parameter), returns: returns)
    var place = 0
    let placed = (repeat (each parameter).placed(in: signature, &place))
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      let results = try body(repeat try (each placed).value(in: call))
      for (index, value) in results.values.enumerated() { out[index] = try value.payload(for: vm).raw }
      return Int32(results.values.count)
    }
  }
}

/// The same functions with one, two and three parameters: the methods and operators that scripts call most. Written
/// out, they are compiled for their types; through packs a call costs two to four times as much.
extension Function {
  @inlinable
  public init<A, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ a: Param<A>, returns: String? = nil,
    body: @escaping (A) throws -> Result
  ) {
    let signature = Signature(name, doc, [a.info], returns: returns ?? Result.luaName)
    var place = 0
    let a = a.placed(in: signature, &place)
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      out[0] = try body(a.value(in: call)).payload(for: vm).raw
      return 1
    }
  }

  @inlinable
  public init<A, B, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ a: Param<A>, _ b: Param<B>, returns: String? = nil,
    body: @escaping (A, B) throws -> Result
  ) {
    let signature = Signature(name, doc, [a.info, b.info], returns: returns ?? Result.luaName)
    var place = 0
    let a = a.placed(in: signature, &place)
    let b = b.placed(in: signature, &place)
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      out[0] = try body(a.value(in: call), b.value(in: call)).payload(for: vm).raw
      return 1
    }
  }

  @inlinable
  public init<A, B, C, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ a: Param<A>, _ b: Param<B>, _ c: Param<C>, returns: String? = nil,
    body: @escaping (A, B, C) throws -> Result
  ) {
    let signature = Signature(name, doc, [a.info, b.info, c.info], returns: returns ?? Result.luaName)
    var place = 0
    let a = a.placed(in: signature, &place)
    let b = b.placed(in: signature, &place)
    let c = c.placed(in: signature, &place)
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      out[0] = try body(a.value(in: call), b.value(in: call), c.value(in: call)).payload(for: vm).raw
      return 1
    }
  }

  @inlinable @_disfavoredOverload
  public init<A>(
    _ name: String, _ doc: String, _ a: Param<A>, body: @escaping (A) throws -> Void
  ) {
    let signature = Signature(name, doc, [a.info], returns: "")
    var place = 0
    let a = a.placed(in: signature, &place)
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      try body(a.value(in: call))
      return 0
    }
  }

  @inlinable @_disfavoredOverload
  public init<A, B, C>(
    _ name: String, _ doc: String, _ a: Param<A>, _ b: Param<B>, _ c: Param<C>,
    body: @escaping (A, B, C) throws -> Void
  ) {
    let signature = Signature(name, doc, [a.info, b.info, c.info], returns: "")
    var place = 0
    let a = a.placed(in: signature, &place)
    let b = b.placed(in: signature, &place)
    let c = c.placed(in: signature, &place)
    self.init(signature) { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      try body(a.value(in: call), b.value(in: call), c.value(in: call))
      return 0
    }
  }
}

extension [ParameterInfo] {
  fileprivate init<each Value>(_ parameter: repeat Param<each Value>) {
    self = []
    repeat append((each parameter).info)
  }
}
