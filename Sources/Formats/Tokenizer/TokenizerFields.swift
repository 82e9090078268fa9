import Models

/// A JSON object of a tokenizer.json, and where in the file it is, for messages.
struct TokenizerFields {
  struct Problem: Error {
    let text: String
  }

  let path: String
  private let json: JSON

  init(_ path: String, _ json: JSON) { (self.path, self.json) = (path, json) }

  /// A name and what it holds, in the file's order.
  var pairs: [(key: String, value: JSON)] { json.object ?? [] }

  func has(_ name: String) -> Bool { json[name] != nil }

  func part(_ name: String) throws -> TokenizerFields? {
    guard let value = json[name] else { return nil }
    guard value.object != nil else { throw wrong(name, "an object") }
    return TokenizerFields(place(name), value)
  }

  func required(_ name: String) throws -> TokenizerFields {
    guard let part = try part(name) else { throw Problem(text: "has no '\(place(name))'") }
    return part
  }

  /// An array of objects; empty where there is none.
  func list(_ name: String) throws -> [TokenizerFields] {
    try items(name).map { item in
      guard item.object != nil else { throw wrong(name, "a list of objects") }
      return TokenizerFields(place(name), item)
    }
  }

  func items(_ name: String) throws -> [JSON] {
    guard let value = json[name] else { return [] }
    guard let items = value.array else { throw wrong(name, "a list") }
    return items
  }

  func optionalText(_ name: String) throws -> String? {
    guard let value = json[name] else { return nil }
    guard let text = value.text else { throw wrong(name, "text") }
    return text
  }

  func text(_ name: String, default fallback: String? = nil) throws -> String {
    guard let text = try optionalText(name) ?? fallback else {
      throw Problem(text: "has no '\(place(name))'")
    }
    return text
  }

  func truth(_ name: String, default fallback: Bool) throws -> Bool {
    guard let value = json[name] else { return fallback }
    guard let truth = value.truth else { throw wrong(name, "true or false") }
    return truth
  }

  func number(_ name: String) throws -> Double? {
    guard let value = json[name] else { return nil }
    guard let number = value.number else { throw wrong(name, "a number") }
    return number
  }

  /// A count or a number of a token.
  func integer(_ name: String) throws -> Int? {
    guard let value = json[name] else { return nil }
    guard let number = value.integer, (0...Int(Int32.max)).contains(number) else {
      throw wrong(name, "a count")
    }
    return number
  }

  func requiredInteger(_ name: String) throws -> Int {
    guard let number = try integer(name) else { throw Problem(text: "has no '\(place(name))'") }
    return number
  }

  /// Refuses a type of this part.
  func unknown(_ type: String, known: String) -> Problem {
    Problem(text: "has '\(path)' of the type '\(type)'; \(known) are read")
  }

  func wrong(_ name: String, _ expected: String) -> Problem {
    Problem(text: "has '\(place(name))' that is not \(expected)")
  }

  private func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
