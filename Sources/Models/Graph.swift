import Tensors

/// A model as a list of operations: ordered nodes with ONNX's meaning, captured from the tape by running a
/// module once, or read from a file. Replaying it is ordinary eager code, so a graph trains; it is a `Module`.
///
/// Leaves are the model's own parameters until a pass replaces them.
public final class Graph: Module {
  public typealias ID = Int

  public struct Node {
    public enum Kind {
      /// The nth argument.
      case input(Int)
      case leaf(Parameter)
      case apply(any Op, [ID])
    }
    /// Unique in the graph: a module's path, a parameter's path, or the op's name with a number.
    public var name: String
    public var kind: Kind
    /// For the shapes of the example the graph was captured from.
    public var shape: Shape
    public var dtype: DType
  }

  private var nodes = GraphNodes()
  /// What running gives, the first of them as a module.
  public private(set) var outputs: [ID] = []
  /// What the results are called in a file, in the order of `outputs`.
  public private(set) var outputNames: [String] = []
  /// For inputs, the dimensions that may have any extent, by name; nil for one that is fixed. An input that is not
  /// here has a first dimension called `batch`.
  public private(set) var dimensionNames: [ID: [String?]] = [:]
  /// What the passes applied so far matched and refused.
  public internal(set) var log: [PassReport] = []
  private var nextID = 0
  /// Every name that was ever given.
  private var names = UniqueNames()
  /// How to run the nodes one by one, and with relu computed by its neighbours; nil after a change.
  var steps: [Step]?
  var fusedSteps: [Step]?

  public init() { super.init(kind: "graph") }

  public subscript(id: ID) -> Node {
    get {
      guard let node = nodes[id] else { preconditionFailure("graph has no node \(id)") }
      return node
    }
    set {
      nodes.set(id, newValue)
      forgetSteps()
    }
  }

  // MARK: Building

  /// Adds a node at the end, or just before `successor`. A name that is taken gets a number.
  @discardableResult
  public func add(_ name: String, _ kind: Node.Kind, shape: Shape, dtype: DType, before successor: ID? = nil)
    -> ID
  {
    let id = nextID
    nextID += 1
    nodes.set(
      id, Node(name: names.unused(name), kind: kind, shape: shape, dtype: dtype), before: successor)
    forgetSteps()
    return id
  }

  public func setOutput(_ id: ID) {
    setOutputs([id], names: outputNames.count == 1 ? outputNames : ["output"])
  }

  public func setOutputs(_ ids: [ID], names: [String]) {
    precondition(!ids.isEmpty && ids.count == names.count, "every output has a name")
    (outputs, outputNames) = (ids, names)
  }

  /// The first output.
  public var output: ID { outputs.first ?? -1 }

  public func setDimensionNames(_ names: [String?], of input: ID) { dimensionNames[input] = names }

  /// The same nodes and the same parameters in another graph, for a pass to change.
  public func copy() -> Graph {
    let other = Graph()
    other.adopt(self)
    other.log = log
    other.setTraining(isTraining)
    return other
  }

  /// Takes over the nodes of a copy that a pass has changed.
  func adopt(_ other: Graph) {
    (nodes, nextID, names) = (other.nodes, other.nextID, other.names)
    (outputs, outputNames) = (other.outputs, other.outputNames)
    dimensionNames = other.dimensionNames
    forgetSteps()
  }

  // MARK: Reading

  /// The nodes in an order in which each comes after what it reads.
  public var order: [ID] { nodes.order }

  public var inputs: [ID] { order.filter { if case .input = self[$0].kind { true } else { false } } }

  public func operation(_ id: ID) -> (op: any Op, inputs: [ID])? {
    if case .apply(let op, let inputs) = self[id].kind { (op, inputs) } else { nil }
  }

  public func leaf(_ id: ID) -> Parameter? {
    if case .leaf(let parameter) = self[id].kind { parameter } else { nil }
  }

  /// The nodes that read `id`, in order.
  public func users(of id: ID) -> [ID] { nodes.readers(of: id) }

  /// The only reader of `id`, if there is exactly one and `id` is not the result.
  public func onlyUser(of id: ID) -> ID? {
    nodes.readerCount(of: id) == 1 && !outputs.contains(id) ? users(of: id).first : nil
  }

  public override func namedParameters() -> [(path: String, parameter: Parameter)] {
    order.compactMap { id in leaf(id).map { (self[id].name, $0) } }
  }

  // MARK: Rewriting

  /// Every use of `old` becomes a use of `new`. What nobody reads any more goes when the pass ends.
  public func replaceUses(of old: ID, with new: ID, except: ID? = nil) {
    for id in users(of: old) where id != except {
      guard case .apply(let op, let inputs) = self[id].kind else { continue }
      self[id].kind = .apply(op, inputs.map { $0 == old ? new : $0 })
    }
    outputs = outputs.map { $0 == old ? new : $0 }
  }

  /// Lets `reader` read `parameter` where it read the leaf `id`; other readers keep the old one. Returns the new
  /// parameter's node, which has the old one's name where nobody else needs it.
  public func replaceLeaf(_ id: ID, of reader: ID, with parameter: Parameter) -> ID {
    let value = parameter.value
    if onlyUser(of: id) == reader {
      self[id] = Node(name: self[id].name, kind: .leaf(parameter), shape: value.shape, dtype: value.dtype)
      return id
    }
    return add(self[id].name, .leaf(parameter), shape: value.shape, dtype: value.dtype, before: reader)
  }

  /// Drops what the output does not need; every pass ends with it.
  public func sweep() {
    var live = Set(outputs)
    for id in order.reversed() where live.contains(id) { live.formUnion(operation(id)?.inputs ?? []) }
    live.formUnion(inputs)
    nodes.keep(live)
    forgetSteps()
  }

  /// From now on training leaves running statistics and observed ranges as they are, and computes with them as
  /// evaluation does. Returns the names of the nodes that have some.
  @discardableResult
  public func freezeStatistics() -> [String] {
    order.compactMap { id in
      guard let (op, reads) = operation(id), let moving = op as? any StatisticsOp else { return nil }
      self[id].kind = .apply(moving.frozen, reads)
      return self[id].name
    }
  }

  // MARK: Running

  public override func forward(_ arguments: [Tensor]) throws -> Tensor {
    let results = try Tape.isCapturing ? replay(arguments) : runFused(arguments)
    guard let first = results.first else { throw ShapeError(kind, "the graph has no output") }
    return first
  }

  private func forgetSteps() { (steps, fusedSteps) = (nil, nil) }

  // MARK: Printing

  override func lines() -> [String] { table() }

  // MARK: Checking

  /// The shape of every node for inputs of the given shapes.
  public func shapes(for arguments: [Shape]) throws -> [ID: Shape] {
    var shapes: [ID: Shape] = [:]
    for id in order {
      switch self[id].kind {
      case .input(let n):
        try require(n < arguments.count, kind, "takes \(inputs.count) inputs, got \(arguments.count)")
        shapes[id] = arguments[n]
      case .leaf(let parameter): shapes[id] = parameter.value.shape
      case .apply(let op, let reads):
        shapes[id] = try op.shape(
          of: try reads.map {
            guard let shape = shapes[$0] else {
              throw ShapeError("node '\(self[id].name)'", "reads node \($0), which does not come before it")
            }
            return shape
          })
      }
    }
    return shapes
  }

  /// Throws unless every op accepts its inputs, comes after them, and has the shape the node says.
  public func verify(after pass: String) throws {
    guard !outputs.isEmpty, outputs.allSatisfy(order.contains) else {
      throw ShapeError(pass, "the graph lost its output")
    }
    let inferred: [ID: Shape]
    do {
      inferred = try shapes(for: inputs.map { self[$0].shape })
    } catch {
      throw ShapeError(pass, "left an invalid graph: \(error)")
    }
    for id in order where inferred[id] != self[id].shape {
      throw ShapeError(
        pass, "node '\(self[id].name)' changed shape from \(self[id].shape) to \(inferred[id] ?? [])")
    }
  }

  /// Changes the example: the shape of each input becomes `transform` of it, and all others follow.
  public func setExample(_ transform: (Shape) -> Shape) throws {
    let shapes = try shapes(for: inputs.map { transform(self[$0].shape) })
    for (id, shape) in shapes { nodes.setShape(shape, of: id) }
  }

  /// Multiply-accumulate operations of every node for one sample, padding taps included.
  public func macs() throws -> [ID: Int] {
    let single = inputs.map {
      self[$0].shape.rank == 0 ? self[$0].shape : self[$0].shape.replacing(0, with: 1)
    }
    let shapes = try shapes(for: single)
    var result: [ID: Int] = [:]
    for id in order {
      guard let (op, reads) = operation(id), let output = shapes[id] else { continue }
      result[id] = op.cost(of: reads.compactMap { shapes[$0] }, output: output).macs
    }
    return result
  }
}
