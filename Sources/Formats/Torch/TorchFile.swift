import Tensors

/// The tensors of a file that `torch.save` wrote (PyTorch 1.6 and later): a ZIP archive with a pickle that describes
/// the objects and an entry of bytes for each storage.
///
/// Only tensors are taken, under their keys: nested dictionaries and lists give names with dots. Nothing of the pickle
/// is run; what is neither a tensor nor a container is passed over. Storages are shared with the file's mapping where
/// that can be, and, like PyTorch's with `mmap = True`, not compared with the archive's checksums.
public struct TorchFile {
  public let tensors: [String: Tensor]

  /// Whether the file is an archive, or the pickle that PyTorch wrote before 1.6.
  static func isOne(_ file: MappedFile) -> Bool { ZipFile.isArchive(file) || isOld(file) }

  private static func isOld(_ file: MappedFile) -> Bool { file.bytes.starts(with: [0x80, 2, 0x8A, 10]) }

  /// - Parameter key: the part of the file to read, such as "model" of `{"model": ..., "optimizer": ...}`.
  public init(contentsOf path: String, key: String? = nil) throws {
    try self.init(MappedFile(path), key: key)
  }

  public init(_ file: MappedFile, key: String? = nil) throws {
    guard ZipFile.isArchive(file) else {
      let problem =
        Self.isOld(file)
        ? "is in the format of PyTorch before 1.6; load it there and save it again"
        : "is no PyTorch file (a ZIP archive that torch.save wrote)"
      throw FileError(file.path, problem)
    }
    let zip = try ZipFile(file)
    guard let entry = zip.entries.first(where: { $0.name.hasSuffix("/data.pkl") }) else {
      throw FileError(file.path, "is a ZIP archive, but torch.save did not write it: it has no data.pkl")
    }
    let folder = String(entry.name.dropLast("data.pkl".count))
    if let order = zip[folder + "byteorder"], try zip.read(order) != Array("little".utf8) {
      throw FileError(file.path, "was saved on a big-endian machine, which is not read")
    }
    let pickle = try PickleReader.read(try zip.read(entry), path: file.path)
    var walk = TorchWalk(pickle, TorchStorages(zip, folder))
    tensors = try walk.tensors(under: key)
  }
}

/// Goes through the objects of a pickle and collects the tensors.
private struct TorchWalk {
  private let pickle: Pickle
  private var storages: TorchStorages
  private var tensors: [String: Tensor] = [:]
  /// How many more objects may be looked at. One may be reached by many ways, by far too many in a file made for that.
  private var visits: Int

  private static let deepest = 64

  init(_ pickle: Pickle, _ storages: TorchStorages) {
    (self.pickle, self.storages) = (pickle, storages)
    let held = pickle.sequences.reduce(0) { $0 + $1.count } + pickle.dictionaries.reduce(0) { $0 + $1.count }
    visits = 1000 + 4 * held
  }

  mutating func tensors(under key: String?) throws -> [String: Tensor] {
    let root = try key.map { try part($0) } ?? pickle.root
    try visit(root, [])
    if case .call(let place) = root, tensors.isEmpty {
      throw FileError(
        storages.path,
        "holds an object of the class '\(pickle.calls[place].function)', whose code is not run; "
          + "save its state_dict() instead")
    }
    return tensors
  }

  /// The object under a key, or under several joined by dots.
  private func part(_ key: String) throws -> Pickle.Value {
    var (value, rest) = (pickle.root, key[...])
    while !rest.isEmpty {
      let entries = named(value)
      let next =
        entries.first { $0.name == rest }
        ?? entries.first { rest.hasPrefix($0.name + ".") && !$0.name.isEmpty }
      guard let next else {
        let names = entries.prefix(20).map { "'\($0.name)'" }.joined(separator: ", ")
        throw FileError(
          storages.path, "has no '\(key)'; what it has there is: \(names.isEmpty ? "nothing" : names)")
      }
      value = next.value
      rest = rest.dropFirst(next.name.count + 1)
    }
    return value
  }

  private func named(_ value: Pickle.Value) -> [(name: String, value: Pickle.Value)] {
    switch value {
    case .dictionary(let place):
      pickle.dictionaries[place].compactMap { key, value in
        switch key {
        case .text(let name): (name, value)
        case .integer(let number): ("\(number)", value)
        default: nil
        }
      }
    case .sequence(let place): pickle.sequences[place].enumerated().map { ("\($0.offset)", $0.element) }
    default: []
    }
  }

  private mutating func visit(_ value: Pickle.Value, _ path: [String]) throws {
    visits -= 1
    guard path.count <= Self.deepest, visits >= 0 else {
      throw FileError(storages.path, "nests its objects too deep or too often; save a plain state_dict()")
    }
    guard case .call(let place) = value else {
      for (name, value) in named(value) { try visit(value, path + [name]) }
      return
    }
    let name = path.isEmpty ? "tensor" : path.joined(separator: ".")
    let call = pickle.calls[place]
    guard let tensor = try tensor(call.function, call.arguments, name) else { return }
    guard tensors.updateValue(tensor, forKey: name) == nil else {
      throw FileError(storages.path, "has two tensors '\(name)'")
    }
  }

  /// What PyTorch's functions would rebuild; nil where a call is about no tensor.
  private mutating func tensor(
    _ function: String, _ arguments: [Pickle.Value], _ name: String, depth: Int = 0
  ) throws -> Tensor? {
    switch (function, arguments.count) {
    case ("torch._utils._rebuild_tensor", 4...), ("torch._utils._rebuild_tensor_v2", 4...):
      return try storages.tensor(name, pickle, arguments)
    case ("torch._utils._rebuild_tensor_v3", 7...):
      return try storages.tensor(name, pickle, arguments, type: arguments[6])
    case ("torch._utils._rebuild_parameter", 1...), ("torch._utils._rebuild_parameter_with_state", 1...):
      guard depth < 4, case .call(let place) = arguments[0] else { break }
      return try tensor(pickle.calls[place].function, pickle.calls[place].arguments, name, depth: depth + 1)
    case ("torch._tensor._rebuild_from_type_v2", 3...):
      guard depth < 4, case .global(let inner) = arguments[0], let items = pickle.items(arguments[2]) else {
        break
      }
      return try tensor(inner, items, name, depth: depth + 1)
    default: break
    }
    guard function.hasPrefix("torch._utils._rebuild") || function.hasPrefix("torch._tensor._rebuild") else {
      return nil
    }
    throw FileError(
      storages.path,
      "'\(name)' is a tensor of a kind that is not read (\(function)); save it as a dense tensor")
  }
}
