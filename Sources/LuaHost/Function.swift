import CLuaBridge

/// A function that scripts can call. One declaration is the binding, the argument check, the manual and the
/// editor's annotation:
///
///     Function("grid", "A square grid.",
///       .required("side", Int.self, "cells per side", .positive), .option("spacing", default: 1.0, "in metres")
///     ) { side, spacing in Grid(side: side, spacing: spacing) }
public struct Function {
  public let signature: Signature
  /// Writes the results to `out` and answers how many they are.
  let body: (LuaVM, UnsafePointer<lb_value>, Int, UnsafeMutablePointer<lb_value>) throws -> Int32

  public var name: String { signature.name }

  /// A function with one result.
  public init<each Argument, Result: LuaEncodable>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String? = nil,
    body: @escaping (repeat each Argument) throws -> Result
  ) {
    let signature = Self.signature(name, doc, returns ?? Result.luaName, repeat each parameter)
    self.signature = signature
    self.body = { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      out[0] = try body(repeat try (each parameter).value(in: call)).payload(for: vm).raw
      return 1
    }
  }

  /// A function without a result. Disfavoured, for a closure of one expression may be read as either.
  @_disfavoredOverload
  public init<each Argument>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>,
    body: @escaping (repeat each Argument) throws -> Void
  ) {
    let signature = Self.signature(name, doc, "", repeat each parameter)
    self.signature = signature
    self.body = { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      try body(repeat try (each parameter).value(in: call))
      return 0
    }
  }

  /// A function with several results. `returns` lists their types: "number, number".
  public init<each Argument>(
    _ name: String, _ doc: String, _ parameter: repeat Param<each Argument>, returns: String,
    body: @escaping (repeat each Argument) throws -> LuaResults
  ) {
    let signature = Self.signature(name, doc, returns, repeat each parameter)
    self.signature = signature
    self.body = { vm, arguments, count, out in
      let call = try Call(vm, signature, arguments, count: count)
      let results = try body(repeat try (each parameter).value(in: call))
      for (index, value) in results.values.enumerated() { out[index] = try value.payload(for: vm).raw }
      return Int32(results.values.count)
    }
  }

  /// Parameters know their places from here on; each belongs to one function.
  private static func signature<each Argument>(
    _ name: String, _ doc: String, _ returns: String, _ parameter: repeat Param<each Argument>
  ) -> Signature {
    var infos: [ParameterInfo] = []
    repeat infos.append((each parameter).info)
    let signature = Signature(name, doc, infos, returns: returns)
    var next = 0
    for parameter in repeat each parameter {
      parameter.info = signature.parameters[next]
      next += 1
    }
    return signature
  }
}

/// A table of functions and constants. A dotted name makes nested tables: `qs.nn` is the field `nn` of the
/// global `qs`; an empty name stands for the globals themselves.
public struct Library {
  public struct Constant {
    public let name: String
    public let doc: String
    public let value: LuaValue

    public init(_ name: String, _ doc: String, _ value: LuaValue) {
      self.name = name
      self.doc = doc
      self.value = value
    }
  }

  public let name: String
  public let doc: String
  public let functions: [Function]
  public let constants: [Constant]

  public init(_ name: String, _ doc: String, _ functions: [Function], constants: [Constant] = []) {
    self.name = name
    self.doc = doc
    self.functions = functions
    self.constants = constants
  }
}
