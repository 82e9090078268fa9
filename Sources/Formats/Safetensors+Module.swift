import Models
import Tensors

/// How the names in a file fit a module.
public struct LoadReport: Sendable, CustomStringConvertible {
  /// Parameters of the module that the file lacks.
  public var missing: [String] = []
  /// Tensors of the file that the module has no parameter for.
  public var unexpected: [String] = []
  /// Names both have, with other shapes or types: what the file has and what the module expects.
  public var misshaped: [String] = []

  public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && misshaped.isEmpty }

  public var description: String {
    let parts = [("missing", missing), ("unexpected", unexpected), ("of another shape", misshaped)]
    return parts.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.joined(separator: ", "))" }.joined(
      separator: "; ")
  }
}

extension Safetensors {
  /// The parameters and buffers of a module under their paths. The same module gives the same bytes.
  public init(_ module: Module, metadata: [String: String] = [:]) {
    let named = module.namedParameters().map { ($0.path, $0.parameter.value) }
    self.init(Dictionary(named) { first, _ in first }, metadata: metadata)
  }

  /// Copies the tensors into the module's parameters of the same names; numbers are converted to the type the
  /// parameter has. Where names are missing, unexpected or of another shape, throws and changes nothing if
  /// `strict`; otherwise loads what fits and reports.
  @discardableResult
  public func load(into module: Module, strict: Bool = true, path: String) throws -> LoadReport {
    var report = LoadReport()
    var fitting: [(Parameter, Tensor)] = []
    let parameters = module.namedParameters()
    for (name, parameter) in parameters {
      guard let tensor = tensors[name] else {
        report.missing.append("'\(name)'")
        continue
      }
      if tensor.shape == parameter.value.shape {
        fitting.append((parameter, tensor))
      } else {
        report.misshaped.append("'\(name)' \(tensor.shape), the model expects \(parameter.value.shape)")
      }
    }
    let known = Set(parameters.map(\.path))
    report.unexpected = tensors.keys.filter { !known.contains($0) && !Self.isIgnored($0) }.sorted().map {
      "'\($0)'"
    }
    guard report.isComplete || !strict else {
      throw FileError(path, "does not fit the model (\(report)); load with strict = false to take what fits")
    }
    for (parameter, tensor) in fitting {
      try parameter.value.assign(tensor)
      try parameter.enforceConstraints()
    }
    return report
  }

  /// PyTorch's batch norm saves a count that only its averaging without momentum reads.
  private static func isIgnored(_ name: String) -> Bool { name.hasSuffix("num_batches_tracked") }
}
