import Formats
import LuaHost
import Models
import Tensors

extension Module: LuaObject {
  public static var luaName: String {
    self is Graph.Type ? "graph" : self is RecurrentLayer.Type ? "recurrent" : "module"
  }

  public static var luaType: LuaType {
    if self is Graph.Type {
      return LuaType(
        "A model as a list of operations, captured from a module; a module itself.",
        properties: Graph.properties, methods: methods + Graph.graphMethods)
    }
    if self is RecurrentLayer.Type {
      return LuaType(
        "An lstm or gru; a module that also returns its final states.",
        properties: [training, inputLayout, noNodes],
        methods: methods.filter { $0.name != "__call" } + [RecurrentLayer.call])
    }
    return LuaType(
      "A layer or a model. Call it with its inputs; read parameters and children by name (model.conv.weight, model[1]).",
      properties: [training, inputLayout, noNodes], methods: methods)
  }

  private static var noNodes: Property {
    Property("nodes", "Only a graph has nodes; nil here.", type: "nil") { (_: Module) in nil as Int? }
  }

  static var inputLayout: Property {
    Property("input_layout", "How images should lie in memory to be fastest; see dataset:batches.") {
      (m: Module) in m.inputFormat == .channelsLast ? ImageLayout.channelsLast : .contiguous
    }
  }

  static var training: Property {
    Property("training", "Whether it is in training mode.") { (m: Module) in m.isTraining }
  }

  private static var methods: [Function] {
    callAndAccess + parameterMethods + modes + files + inspection + [DiagnosisObject.function]
  }

  private static var callAndAccess: [Function] {
    [
      Function(
        "__call", "Computes the result.", .receiver(Module.self),
        .rest("inputs", Tensor.self, "the module's inputs")
      ) { m, inputs in
        try require(!inputs.isEmpty, m.kind, "takes a tensor, got nothing")
        return try m.call(inputs)
      },
      Function(
        "__index", "A parameter or a child by name, or a child by number from 1.", .receiver(Module.self),
        .required("key", LuaValue.self, "a name or a number")
      ) { m, key -> LuaValue in
        switch key {
        case .string(let name):
          if let own = m.ownParameters.first(where: { $0.name == name }) {
            return .object(own.parameter.value)
          }
          return m.children.first { $0.name == name }.map { .object($0.module) } ?? .nil
        case .int(let number):
          let place = number < 0 ? m.children.count + number : number - 1
          return m.children.indices.contains(place) ? .object(m.children[place].module) : .nil
        default: return .nil
        }
      },
      Function(
        "__newindex", "Replaces the values of a parameter.", .receiver(Module.self),
        .required("name", String.self, "of the parameter"),
        .required("value", Tensor.self, "of the parameter's shape")
      ) { (m, name, value) -> Void in try m.setParameter(name, value) },
      Function("__len", "The number of children.", .receiver(Module.self)) { m in m.children.count },
      Function("__tostring", "The tree of modules.", .receiver(Module.self), returns: "string") { m in
        m.description
      },
    ]
  }

  /// The values are copied, so that an optimizer and a captured graph go on with the same tensor.
  private func setParameter(_ name: String, _ value: Tensor) throws {
    guard let parameter = ownParameters.first(where: { $0.name == name })?.parameter else {
      throw ShapeError(kind, "has no parameter '\(name)'")
    }
    try require(
      value.shape == parameter.value.shape, kind,
      "parameter '\(name)' has the shape \(parameter.value.shape), got \(value.shape)")
    try parameter.value.assign(value)
    try parameter.enforceConstraints()
  }

  private static var parameterMethods: [Function] {
    [
      Function(
        "parameters", "The trained tensors by path.", .receiver(Module.self), returns: "table<string, tensor>"
      ) { m in m.tensors { $0 == .weight } },
      Function(
        "buffers", "The running statistics by path.", .receiver(Module.self), returns: "table<string, tensor>"
      ) { m in m.tensors { $0 == .buffer } },
      Function("zero_grad", "Forgets all gradients.", .receiver(Module.self)) { (m) -> Void in
        m.zeroGradients()
      },
      Function(
        "state", "Copies of all parameters and buffers by path; see load_state.", .receiver(Module.self),
        returns: "table<string, tensor>"
      ) { m in try m.state() },
      Function(
        "load_state", "Takes over values by path; all must be there, in their shapes.",
        .receiver(Module.self),
        .required("state", [String: Tensor].self, "from state() of a module like this one"),
        .option("strict", default: true, "refuse what does not fit wholly; else take what fits")
      ) { (m, state, strict) -> Void in try m.load(state, strict: strict, path: "load_state") },
    ]
  }

  private func tensors(where wanted: (Parameter.Role) -> Bool) -> LuaTable {
    LuaTable(
      fields: namedParameters().filter { wanted($0.parameter.role) }.map {
        (.string($0.path), .object($0.parameter.value))
      })
  }

  private static var modes: [Function] {
    [
      Function("train", "Training mode, for it and all below. Returns it.", .receiver(Module.self)) { m in
        m.setTraining(true)
        return m
      },
      Function("eval", "Evaluation mode, for it and all below. Returns it.", .receiver(Module.self)) { m in
        m.setTraining(false)
        return m
      },
    ]
  }

  private static var files: [Function] {
    [
      Function(
        "save", "Writes all parameters and buffers to a safetensors file.", .receiver(Module.self),
        .required("path", String.self, "the file; written whole or not at all")
      ) { (m, path) -> Void in try Safetensors(m).write(to: path) },
      Function(
        "load",
        "Reads parameters and buffers from a file: safetensors, the index.json of several, or PyTorch's .pt. Returns "
          + "the number loaded, and the names that are missing, unexpected and misshaped.",
        .receiver(Module.self), .required("path", String.self, "the file"),
        .option(
          "strict", default: true, "refuse a file whose names or shapes do not fit; else take what fits"),
        .option(
          "rename", LuaRenaming?.self,
          "the file's names to the model's: {[\"^encoder%.\"] = \"\"}, Lua patterns, or a function; nil leaves one out"
        ),
        .option("key", String?.self, "the part of a PyTorch file, such as \"model\""),
        returns: "table"
      ) { m, path, strict, rename, key in
        let tensors = try TensorFile.read(path, key: key)
        let report = try m.load(renamed(tensors, rename), strict: strict, path: path)
        return LuaTable([
          "loaded": .int(report.loaded), "missing": names(report.missing),
          "unexpected": names(report.unexpected), "misshaped": names(report.misshaped.map(\.name)),
        ])
      },
    ]
  }

  private static func names(_ names: [String]) -> LuaValue {
    .table(LuaTable(items: names.map(LuaValue.string)))
  }

  private static func renamed(_ tensors: [String: Tensor], _ rename: LuaRenaming?) throws -> [String: Tensor]
  {
    guard let rename else { return tensors }
    var origins: [String: String] = [:]
    for name in tensors.keys.sorted() {
      guard let new = try rename(name) else { continue }
      if let other = origins.updateValue(name, forKey: new) {
        throw ShapeError("load", "'\(other)' and '\(name)' would both be renamed to '\(new)'")
      }
    }
    return origins.compactMapValues { tensors[$0] }
  }

  private static var inspection: [Function] {
    [
      Function("count", "The number of trained numbers.", .receiver(Module.self)) { m in m.parameterCount },
      Function(
        "checksum", "A number made of all parameters and buffers, to tell models apart.",
        .receiver(Module.self)
      ) { m in Int(bitPattern: UInt(try m.checksum())) },
      Function(
        "counts", "Parameters, non-zeros among them, and multiply-accumulates of one sample.",
        .receiver(Module.self),
        .required("example", Tensor.self, "a batch of inputs"), returns: "table"
      ) { m, example in
        LuaTable([
          "parameters": .int(m.parameterCount), "nonzeros": .int(try m.nonZeroCount()),
          "macs": .int(try m.macs(of: example)),
        ])
      },
      Function(
        "named_modules", "All modules below it: a list of {path, module}, parents first.",
        .receiver(Module.self),
        returns: "table[]"
      ) { m in
        m.namedModules().map { LuaTable(items: [.string($0.path), .object($0.module)]) }
      },
      Function(
        "first_nonfinite", "Which layer makes NaN or infinity first, in words; nil where none does.",
        .receiver(Module.self), .required("input", Tensor.self, "a batch"), returns: "string?"
      ) { m, input in try m.firstNonFinite([input])?.description },
    ]
  }
}
