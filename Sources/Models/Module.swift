import Tensors

/// Sees the result of every forward pass of the modules among whose `observers` it is.
public final class OutputObserver {
  let see: (Module, Tensor) throws -> Void
  public init(_ see: @escaping (Module, Tensor) throws -> Void) { self.see = see }
}

/// A callable with named parameters and children: layers, containers, and `Graph`.
///
/// Subclasses register their parameters and children once, in `init`, and compute in `forward`. Names are
/// PyTorch's, so that files fit: `weight`, `running_mean`, children of a sequence "0", "1", ...
open class Module {
  /// The constructor's name, for messages and printing: `conv2d`, `sequential`, ...
  public let kind: String
  public private(set) var ownParameters: [(name: String, parameter: Parameter)] = []
  public private(set) var children: [(name: String, module: Module)] = []
  public private(set) var isTraining = true

  /// For statistics and diagnosis. Whoever adds one takes that one away, in any order.
  public var observers: [OutputObserver] = []
  /// The path under which the model last captured knows this module.
  var capturePath = ""

  public init(kind: String) { self.kind = kind }

  /// Computes the result. Children are run by calling them, so that errors and captured nodes carry their path.
  open func forward(_ inputs: [Tensor]) throws -> Tensor {
    throw ShapeError(kind, "this module has no forward function")
  }

  /// The arguments the module was made with, as they read in Lua: `(8, 16, 3, {stride = 2})`.
  open var arguments: String { "()" }

  /// As it prints: one line for a layer, an indented tree for a container.
  func lines() -> [String] {
    if children.isEmpty { return [kind + arguments] }
    return ["\(kind)("]
      + children.flatMap { name, child in
        let inner = child.lines()
        return ["  (\(name)): \(inner[0])"] + inner.dropFirst().map { "  " + $0 }
      } + [")"]
  }

  @discardableResult
  public final func register(_ name: String, _ parameter: Parameter) -> Parameter {
    ownParameters.append((name, parameter))
    return parameter
  }

  public final func register(_ name: String, _ child: Module) { children.append((name, child)) }

  public final func callAsFunction(_ inputs: Tensor...) throws -> Tensor { try call(inputs) }

  public final func call(_ inputs: [Tensor]) throws -> Tensor { try call(inputs, forward) }

  /// The same with another way to compute the result, for layers that are computed together.
  final func call(_ inputs: [Tensor], _ forward: ([Tensor]) throws -> Tensor) throws -> Tensor {
    let outer = Tape.isCapturing ? enterScope() : nil
    defer { if let outer { Tape.scope = outer } }
    do {
      try require(!inputs.isEmpty, kind, "needs an input")
      let result = try forward(inputs)
      for observer in observers { try observer.see(self, result) }
      return result
    } catch {
      throw LayerError.locate(error, in: self)
    }
  }

  private func enterScope() -> String {
    defer { Tape.scope = capturePath }
    return Tape.scope
  }

  /// Training or evaluation, for this module and everything below it.
  open func setTraining(_ training: Bool) {
    isTraining = training
    for (_, child) in children { child.setTraining(training) }
  }

  /// Runs `body` in the given mode and puts every module back into its own.
  public final func with<Result>(training: Bool, _ body: () throws -> Result) rethrows -> Result {
    let before = namedModules().map { ($0.module, $0.module.isTraining) }
    setTraining(training)
    defer { for (module, mode) in before { module.isTraining = mode } }
    return try body()
  }

  /// This module under the path "" and all below it, parents first; one that occurs twice is listed once.
  public final func namedModules() -> [(path: String, module: Module)] {
    var seen: Set<ObjectIdentifier> = []
    var result: [(String, Module)] = []
    func visit(_ module: Module, _ path: String) {
      guard seen.insert(ObjectIdentifier(module)).inserted else { return }
      result.append((path, module))
      for (name, child) in module.children { visit(child, path.isEmpty ? name : "\(path).\(name)") }
    }
    visit(self, "")
    return result
  }

  /// Every parameter under its path, those of children included; a shared one is listed once.
  open func namedParameters() -> [(path: String, parameter: Parameter)] {
    var seen: Set<ObjectIdentifier> = []
    return namedModules().flatMap { path, module in
      module.ownParameters.compactMap { name, parameter in
        guard seen.insert(ObjectIdentifier(parameter)).inserted else { return nil }
        return (path.isEmpty ? name : "\(path).\(name)", parameter)
      }
    }
  }

  /// The parameters an optimizer is to change.
  public final var weights: [Parameter] { namedParameters().map(\.parameter).filter { $0.role == .weight } }

  /// Number of trained numbers.
  public final var parameterCount: Int { weights.reduce(0) { $0 + $1.value.count } }

  public final func zeroGradients() {
    for (_, parameter) in namedParameters() { parameter.value.grad = nil }
  }

  /// The module below this one that has the path `path`.
  public final func module(at path: String) -> Module? { namedModules().first { $0.path == path }?.module }
}

/// An error inside a model: which layer it happened in.
public struct LayerError: Error, CustomStringConvertible {
  private let module: ObjectIdentifier
  public let kind: String
  public private(set) var path = ""
  public let underlying: any Error

  private init(_ module: Module, _ underlying: any Error) {
    self.module = ObjectIdentifier(module)
    kind = module.kind
    self.underlying = underlying
  }

  public var description: String { "in layer \(path.isEmpty ? kind : "'\(path)' (\(kind))"): \(underlying)" }

  /// Wraps an error where it leaves the innermost module; every module further out then knows a longer path.
  static func locate(_ error: any Error, in module: Module) -> any Error {
    guard var located = error as? LayerError else {
      guard error is ShapeError else { return error }
      return LayerError(module, error)
    }
    if let path = module.namedModules().first(where: { ObjectIdentifier($0.module) == located.module })?.path
    {
      located.path = path
    }
    return located
  }
}

extension Module: CustomStringConvertible {
  /// One line for a layer, an indented tree for a container, as PyTorch prints; a line for each node of a graph.
  public final var description: String { lines().joined(separator: "\n") }
}
