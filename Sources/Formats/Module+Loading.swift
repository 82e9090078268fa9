import Models
import Tensors

extension Module {
  /// Copies tensors into the parameters and buffers of the same names; numbers are converted to the type the
  /// parameter has. Where names are missing, unexpected or of another shape, throws and changes nothing if `strict`;
  /// otherwise loads what fits and reports. `path` is what errors call the tensors.
  @discardableResult
  public func load(_ tensors: [String: Tensor], strict: Bool = true, path: String) throws -> LoadReport {
    var report = LoadReport()
    var fitting: [(Parameter, Tensor)] = []
    let parameters = namedParameters()
    for (name, parameter) in parameters {
      guard let tensor = tensors[name] else {
        report.missing.append(name)
        continue
      }
      if tensor.shape == parameter.value.shape {
        fitting.append((parameter, tensor))
      } else {
        let problem = "\(tensor.shape), the model expects \(parameter.value.shape)"
        report.misshaped.append(LoadReport.Misfit(name: name, problem: problem))
      }
    }
    let known = Set(parameters.map(\.path))
    report.unexpected = tensors.keys.filter { !known.contains($0) && !Self.isIgnored($0) }.sorted()
    guard report.isComplete || !strict else { throw FileError(path, Self.problem(report)) }
    for (parameter, tensor) in fitting {
      try parameter.value.assign(tensor)
      try parameter.enforceConstraints()
    }
    report.loaded = fitting.count
    return report
  }

  private static func problem(_ report: LoadReport) -> String {
    let remedy =
      report.extraPrefix.map {
        "its names begin with '\($0)', load with rename = {[\"^\(pattern($0))\"] = \"\"}"
      }
      ?? "load with strict = false to take what fits"
    return "does not fit the model (\(report)); \(remedy)"
  }

  /// `text` as a Lua pattern that matches it.
  private static func pattern(_ text: String) -> String {
    text.map { $0.isLetter || $0.isNumber || $0 == "_" ? "\($0)" : "%\($0)" }.joined()
  }

  /// PyTorch's batch norm saves a count that only its averaging without momentum reads.
  private static func isIgnored(_ name: String) -> Bool { name.hasSuffix("num_batches_tracked") }
}
