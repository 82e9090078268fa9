import Tensors

/// The storages of a PyTorch file, and tensors as views of them.
struct TorchStorages {
  private let zip: ZipFile
  private let folder: String
  private var opened: [Key: Tensor] = [:]
  /// Bytes of tensors that could not be views.
  private var copied = 0

  private struct Key: Hashable {
    let name: String
    let type: StoredType
  }

  private static let types: [String: StoredType] = [
    "FloatStorage": .same(.f32), "DoubleStorage": .same(.f64), "HalfStorage": .f16, "BFloat16Storage": .bf16,
    "LongStorage": .same(.i64), "IntStorage": .same(.i32), "ShortStorage": .i16, "CharStorage": .same(.i8),
    "ByteStorage": .same(.u8), "BoolStorage": .same(.bool), "uint16": .u16, "uint32": .u32,
  ]

  var path: String { zip.path }

  init(_ zip: ZipFile, _ folder: String) { (self.zip, self.folder) = (zip, folder) }

  /// The tensor `_rebuild_tensor_v2(storage, offset, size, stride, ...)` stands for.
  mutating func tensor(
    _ name: String, _ pickle: Pickle, _ arguments: [Pickle.Value], type: Pickle.Value? = nil
  ) throws -> Tensor {
    guard case .external(let place) = arguments[0], case .integer(let offset) = arguments[1],
      let extents = pickle.integers(arguments[2]), let strides = pickle.integers(arguments[3]),
      extents.count == strides.count
    else { throw damaged(name, "is not described as PyTorch does") }
    let shape: Shape
    do { shape = try Shape(checking: extents, for: name) } catch {
      throw damaged(name, "has an impossible shape")
    }
    let storage = try storage(pickle.sequences[place], type, name)
    guard try reach(offset, extents, strides, name) <= storage.count else {
      throw damaged(name, "of shape \(shape) reaches beyond its \(storage.count) elements")
    }
    if shape.elements == 0 { return try Tensor(undefined: shape, storage.dtype) }
    let view = storage.view(shape, strides: Strides(strides), offset: storage.offset + offset)
    return view.isDense ? view : try copy(view, name)
  }

  /// How many elements from the storage's first on a view spans.
  private func reach(_ offset: Int, _ extents: [Int], _ strides: [Int], _ name: String) throws -> Int {
    guard offset >= 0, offset <= Shape.maximumCount,
      strides.allSatisfy({ $0 >= 0 && $0 <= Shape.maximumCount })
    else { throw damaged(name, "has an impossible offset or stride") }
    if extents.contains(0) { return 0 }
    return try Swift.zip(extents, strides).reduce(offset + 1) { sum, dim in
      let (step, overflow) = (dim.0 - 1).multipliedReportingOverflow(by: dim.1)
      guard !overflow, step <= Shape.maximumCount else { throw damaged(name, "has an impossible stride") }
      return sum + step
    }
  }

  /// Dense, of a view that is not. A small file could ask for many large ones; an honest one does not.
  private mutating func copy(_ view: Tensor, _ name: String) throws -> Tensor {
    copied += view.byteCount
    guard copied <= 8 * zip.file.bytes.count else {
      throw FileError(path, "'\(name)' repeats its elements (it was expanded); save it with .contiguous()")
    }
    return try view.contiguous()
  }

  /// All elements of a storage, described as ("storage", type, name, device, count).
  private mutating func storage(_ description: [Pickle.Value], _ type: Pickle.Value?, _ name: String) throws
    -> Tensor
  {
    guard description.count >= 5, case .global(let kind) = type ?? description[1],
      case .text(let key) = description[2]
    else { throw damaged(name, "has a storage that is not described as PyTorch does") }
    guard let stored = Self.types[kind.split(separator: ".").last.map(String.init) ?? ""] else {
      throw FileError(
        path, "'\(name)' has elements of the type \(kind), which is not read; convert it with .float()")
    }
    if let known = opened[Key(name: key, type: stored)] { return known }
    guard let entry = zip[folder + "data/" + key] else {
      throw damaged(name, "has no storage '\(key)' in the file")
    }
    let tensor = try open(entry, stored, name)
    opened[Key(name: key, type: stored)] = tensor
    return tensor
  }

  private func open(_ entry: ZipFile.Entry, _ type: StoredType, _ name: String) throws -> Tensor {
    let (owner, range) =
      entry.isCompressed
      ? (MappedFile(copying: try zip.read(entry), as: path), 0..<entry.byteCount)
      : (zip.file, try zip.range(of: entry))
    guard range.count % type.size == 0 else {
      throw damaged(name, "has a storage that ends within an element")
    }
    let bytes = owner.part(range)
    if let problem = type.problem(in: UnsafeRawBufferPointer(bytes)) { throw damaged(name, problem) }
    return try type.tensor([range.count / type.size], bytes, owner: owner)
  }

  private func damaged(_ name: String, _ problem: String) -> FileError {
    FileError(path, "is damaged: tensor '\(name)' \(problem)")
  }
}
