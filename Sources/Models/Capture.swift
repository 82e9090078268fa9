import Tensors

extension Graph {
  /// Runs `module` once on `examples`, in evaluation mode, and keeps what it recorded. The graph is in the mode the
  /// module is in.
  ///
  /// Nodes are named after the modules that made them. The module's parameters become leaves, shared with
  /// it. Control flow that depends on values is kept as it went for these examples.
  ///
  /// - Parameter onRead: called where the module reads the values of a tensor that depends on the examples (see
  ///   `Tape.noteRead`), so that its control flow may depend on them.
  public convenience init(capturing module: Module, _ examples: [Tensor], onRead: @escaping () -> Void = {})
    throws
  {
    self.init()
    for (path, child) in module.namedModules() { child.capturePath = path }
    let arguments = examples.map { $0.detached() }
    let changed = arguments.map(\.storage.changed)
    func note(_ tensor: Tensor) {
      let depends = tensor.history().contains { read in arguments.contains { $0 === read } }
      if depends { onRead() }
    }
    let result = try module.with(training: false) {
      try Tape.withoutGradients { try Tape.capturing(onRead: note) { try module.call(arguments) } }
    }
    try require(
      arguments.map(\.storage.changed) == changed, "capture",
      "the model changes its input in place, which a graph cannot hold; use the form without _")
    try record(result, arguments, module)
    try verify(after: "capture")
    openBatch()
    setTraining(module.isTraining)
  }

  private func record(_ result: Tensor, _ arguments: [Tensor], _ module: Module) throws {
    var known: [ObjectIdentifier: (path: String, parameter: Parameter)] = [:]
    for (path, parameter) in module.namedParameters() {
      known[ObjectIdentifier(parameter.value)] = (path, parameter)
    }
    var ids: [ObjectIdentifier: ID] = [:]
    for (n, argument) in arguments.enumerated() {
      let name = arguments.count == 1 ? "input" : "input_\(n + 1)"
      ids[ObjectIdentifier(argument)] = add(name, .input(n), shape: argument.shape, dtype: argument.dtype)
    }
    for tensor in result.history() where ids[ObjectIdentifier(tensor)] == nil {
      let (name, kind): (String, Node.Kind)
      if let origin = tensor.origin {
        try require(
          !tensor.wasOverwritten, "capture",
          "the result of \(origin.scope.isEmpty ? origin.op.name : "'\(origin.scope)' (\(origin.op.name))"), or what it "
            + "reads, is changed in place later, which a graph cannot hold; use the form without _")
        name = origin.scope.isEmpty ? origin.op.name : origin.scope
        kind = .apply(origin.op, origin.inputs.compactMap { ids[ObjectIdentifier($0)] })
      } else if let leaf = known[ObjectIdentifier(tensor)] {
        (name, kind) = (leaf.path, .leaf(leaf.parameter))
      } else {
        (name, kind) = ("constant", .leaf(Parameter(tensor.detached(), role: .constant)))
      }
      ids[ObjectIdentifier(tensor)] = add(name, kind, shape: tensor.shape, dtype: tensor.dtype)
    }
    guard let output = ids[ObjectIdentifier(result)] else {
      throw ShapeError("capture", "the module returned nothing")
    }
    setOutput(output)
  }
}
