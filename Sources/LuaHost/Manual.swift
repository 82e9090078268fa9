/// The manual's page of one function:
///
///     qs.nn.conv2d(in_channels, out_channels, {stride = 1})
///
///     2-D convolution over [N, C, H, W].
///
///       in_channels  integer        channels of the input
///       stride       integer = 1    step of the window
///
///     returns module
enum Manual {
  static func text(of signature: Signature, path: String) -> String {
    var lines = [call(of: signature, path: path), ""]
    if !signature.doc.isEmpty { lines += [signature.doc, ""] }
    let shown = signature.parameters.filter { $0.role != .receiver }
    let rows = shown.map { (name: $0.name, type: typeText($0), doc: $0.doc) }
    let nameWidth = rows.map(\.name.count).max() ?? 0
    let typeWidth = rows.map(\.type.count).max() ?? 0
    for row in rows {
      lines.append(trimmed("  \(padded(row.name, nameWidth))  \(padded(row.type, typeWidth))  \(row.doc)"))
    }
    if !rows.isEmpty { lines.append("") }
    if !signature.returns.isEmpty { lines.append("returns \(signature.returns)") }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.joined(separator: "\n")
  }

  /// How the function is called, on one line.
  static func call(of signature: Signature, path: String) -> String {
    var names: [String] = []
    for parameter in signature.parameters {
      switch parameter.role {
      case .required: names.append(parameter.name)
      case .optional: names.append("[\(parameter.name)]")
      case .rest: names.append("...")
      case .receiver, .option, .requiredOption: break
      }
    }
    let options = signature.parameters.filter(\.isOption).map { option in
      option.defaultText.map { "\(option.name) = \($0)" } ?? option.name
    }
    let table = "{\(options.joined(separator: ", "))}"
    if names.isEmpty, !options.isEmpty { return path + table }
    return path + "(" + (names + (options.isEmpty ? [] : [table])).joined(separator: ", ") + ")"
  }

  /// `qs.nn` for `qs.nn.conv2d`, and "" for a global.
  static func owner(of path: String) -> String {
    path.lastIndex(of: ".").map { String(path[..<$0]) } ?? ""
  }

  private static func typeText(_ parameter: ParameterInfo) -> String {
    if let text = parameter.defaultText { return "\(parameter.typeName) = \(text)" }
    let isOptional = !parameter.isNeeded && parameter.role != .rest && !parameter.typeName.hasSuffix("?")
    return parameter.typeName + (isOptional ? "?" : "")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }
}
