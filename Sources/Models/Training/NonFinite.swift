import CKernels
import Tensors

/// Where NaN or infinity was found first.
public struct NonFinite: Sendable, CustomStringConvertible {
  public enum Place: Sendable {
    case parameter(String)
    case gradient(String)
    case input
    case output
  }
  /// Path of the module; "" for the model itself.
  public let path: String
  /// The module's constructor: `conv2d`, ...
  public let kind: String
  public let place: Place

  public var description: String {
    let layer = path.isEmpty ? kind : "layer '\(path)' (\(kind))"
    return switch place {
    case .parameter(let name): "parameter '\(name)' of \(layer) is not finite"
    case .gradient(let name): "the gradient of parameter '\(name)' of \(layer) is not finite"
    case .input: "the input is not finite"
    case .output: "the output of \(layer) is not finite, its input and parameters are"
    }
  }
}

extension Tensor {
  /// Whether no element is NaN or infinite; integers always are.
  public func isFinite() throws -> Bool {
    let source = try dense()
    switch dtype {
    case .f32: return qk_f32_all_finite(count, source.floats)
    case .f64:
      let values = source.pointer(Double.self)
      return (0..<count).allSatisfy { values[$0].isFinite }
    default: return true
    }
  }
}

extension Module {
  /// Finds out why a loss is not finite: the first layer, in the order they run, with NaN or infinity in a
  /// parameter or in what it makes of finite input; then the first gradient. nil where all is finite.
  ///
  /// Runs the model once, in its current mode, without gradients; running statistics are put back.
  public final func firstNonFinite(_ inputs: [Tensor]) throws -> NonFinite? {
    guard try inputs.allSatisfy({ try $0.isFinite() }) else {
      return NonFinite(path: "", kind: kind, place: .input)
    }
    return try firstInForward(inputs) ?? firstGradient()
  }

  private func firstInForward(_ inputs: [Tensor]) throws -> NonFinite? {
    let buffers = try namedParameters().map(\.parameter).filter { $0.role == .buffer }
      .map { ($0, try $0.value.copy()) }
    for (path, module) in namedModules() {
      if let found = try module.firstParameter(path) { return found }
    }
    var found: NonFinite?
    let modules = namedModules()
    // Nobody else is to see this pass.
    let observers = modules.map { $0.module.observers }
    defer { for (entry, own) in zip(modules, observers) { entry.module.observers = own } }
    for (path, module) in modules {
      module.observers = [
        OutputObserver { module, output in
          if found == nil, try !output.isFinite() {
            found = NonFinite(path: path, kind: module.kind, place: .output)
          }
        }
      ]
    }
    try Tape.withoutGradients { _ = try call(inputs) }
    for (parameter, value) in buffers { try parameter.value.assign(value) }
    return found
  }

  private func firstParameter(_ path: String) throws -> NonFinite? {
    for (name, parameter) in ownParameters where try !parameter.value.isFinite() {
      return NonFinite(path: path, kind: kind, place: .parameter(name))
    }
    return nil
  }

  private func firstGradient() throws -> NonFinite? {
    for (path, module) in namedModules() {
      for (name, parameter) in module.ownParameters {
        if let gradient = parameter.value.gradientValues, try !gradient.isFinite() {
          return NonFinite(path: path, kind: module.kind, place: .gradient(name))
        }
      }
    }
    return nil
  }
}
