import CLuaBridge

/// The manual, as `help(...)` in a script and the session's completion show it.
extension LuaVM {
  /// The manual's text for a function, library, type, method or property by its path (`qs.nn.conv2d`,
  /// `tensor.shape`); nil for an unknown one.
  public func help(for path: String) -> String? {
    if let library = libraries.first(where: { $0.name == path }) { return text(of: library) }
    if let type = types.first(where: { $0.type.luaName == path }) { return text(of: type) }
    if let signature = signature(at: path) {
      return Manual.text(of: signature.signature, path: signature.path)
    }
    guard let dot = path.lastIndex(of: ".") else { return nil }
    let owner = path[..<dot], name = path[path.index(after: dot)...]
    if let constant = libraries.first(where: { $0.name == owner })?.constants.first(where: { $0.name == name }
    ) {
      return "\(path): \(constant.value.typeName)\n\n\(constant.doc)"
    }
    if let property = types.first(where: { $0.type.luaName == owner })?.declaration.properties.first(where: {
      $0.name == name
    }) {
      return "\(path): \(property.typeName)\n\n\(property.doc)"
    }
    return nil
  }

  /// What `text` may be continued to: dotted names of tables, fields and methods, in alphabetical order.
  public func completions(for text: String) -> [String] {
    guard case .table(let table)? = try? tools.complete.call(text).first else { return [] }
    return table.items.compactMap { if case .string(let name) = $0 { name } else { nil } }
  }

  /// Runs a piece of a session as `evaluate` does, and returns its values as a session shows them. The
  /// first of them becomes the global `_`.
  public func show(_ source: String, chunk: String) throws -> [String] {
    let values = try evaluate(source, chunk: chunk) { try LuaHandle($0) }
    if let first = values.first { try tools.keep.call(first) }
    return try values.map { value in
      guard case .string(let text)? = try tools.show.call(value).first else { return "?" }
      return text
    }
  }

  func help(for function: LuaArgument) -> String? {
    var raw = function.raw
    let id = Int(lb_function_id(self.raw, &raw))
    guard functions.indices.contains(id) else { return nil }
    let signature = functions[id].signature
    return Manual.text(of: signature, path: path(of: signature) ?? signature.name)
  }

  var helpOverview: String {
    let lines = libraries.sorted { $0.name < $1.name }.map {
      "  \($0.name.isEmpty ? "globals" : $0.name)  \($0.doc)"
    }
    return "help(f) or help(\"name\") explains a function, a library or a type.\n"
      + lines.joined(separator: "\n")
  }

  func memberNames(ofType name: String) -> [String] {
    guard let type = types.first(where: { $0.type.luaName == name })?.declaration else { return [] }
    return type.methods.map(\.name).filter { !$0.hasPrefix("__") } + type.properties.map(\.name)
  }

  /// Every bound or declared function with its path, in the order of registration.
  var signatures: [(path: String, signature: Signature)] {
    let bound = libraries.flatMap { library in
      library.functions.map { (library.name.isEmpty ? $0.name : "\(library.name).\($0.name)", $0.signature) }
    }
    let methods = types.flatMap { type in
      type.declaration.methods.map { ("\(type.type.luaName).\($0.name)", $0.signature) }
    }
    return bound + declarations.map { ($0.path, $0.signature) } + methods
  }

  private func signature(at path: String) -> (path: String, signature: Signature)? {
    let path = path.replacing(":", with: ".")
    return signatures.last { $0.path == path }
  }

  private func path(of signature: Signature) -> String? {
    signatures.first { $0.signature === signature }?.path
  }

  private func text(of library: Library) -> String {
    var lines = ["\(library.name)", "", library.doc, ""]
    for (path, signature) in signatures where Manual.owner(of: path) == library.name {
      lines.append("  \(Manual.call(of: signature, path: signature.name))  \(signature.doc)")
    }
    for constant in library.constants { lines.append("  \(constant.name)  \(constant.doc)") }
    let inner = libraries.filter { Manual.owner(of: $0.name) == library.name && !$0.name.isEmpty }
    for library in inner { lines.append("  \(library.name)  \(library.doc)") }
    return lines.joined(separator: "\n")
  }

  private func text(of type: RegisteredType) -> String {
    var lines = [type.type.luaName, "", type.declaration.doc, ""]
    for property in type.declaration.properties {
      lines.append("  .\(property.name): \(property.typeName)  \(property.doc)")
    }
    for method in type.declaration.methods where !method.name.hasPrefix("__") {
      lines.append("  \(Manual.call(of: method.signature, path: method.name))  \(method.signature.doc)")
    }
    return lines.joined(separator: "\n")
  }
}
