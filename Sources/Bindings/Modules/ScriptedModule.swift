import LuaHost
import Models
import Tensors

/// A free-form module: a function of the script computes the result, with the modules and parameters it
/// names.
final class ScriptedModule: Module {
  private let body: LuaFunction

  init(_ body: LuaFunction, modules: [(String, Module)], parameters: [(String, Tensor)]) throws {
    self.body = body
    super.init(kind: "model")
    for (name, tensor) in parameters { register(name, Parameter(tensor)) }
    for (name, module) in modules { register(name, module) }
  }

  override func forward(_ inputs: [Tensor]) throws -> Tensor {
    let results = try body.call(with: inputs.map(LuaValue.object))
    guard case .object(let object)? = results.first, let tensor = object as? Tensor else {
      throw ShapeError(kind, "forward must return a tensor, got \(results.first?.typeName ?? "nothing")")
    }
    return tensor
  }
}

extension ScriptedModule {
  /// What the Lua half of `qs.nn.model` stands on; it finds the names (Lua/model.lua).
  static var function: Function {
    Function(
      "scripted", "Makes a module of a function and what it uses; see qs.nn.model.",
      .required("forward", LuaFunction.self, "inputs to result"),
      .required("parts", [LuaTable].self, "a list of {name, module or tensor}"), returns: "module"
    ) { body, parts in
      var (modules, parameters): ([(String, Module)], [(String, Tensor)]) = ([], [])
      for part in parts where part.items.count == 2 {
        guard case (.string(let name), .object(let object)) = (part.items[0], part.items[1]) else { continue }
        if let module = object as? Module { modules.append((name, module)) }
        if let tensor = object as? Tensor { parameters.append((name, tensor)) }
      }
      return try ScriptedModule(body, modules: modules, parameters: parameters) as Module
    }
  }
}
