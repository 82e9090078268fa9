import Tensors

/// A file of named tensors in whichever form it has: safetensors, the index of several, or PyTorch's archive.
public enum TensorFile {
  /// The tensors by name. `key` is the part to take of a PyTorch file that nests; see `TorchFile`.
  public static func read(_ path: String, key: String? = nil) throws -> [String: Tensor] {
    let file = path.hasSuffix(".json") ? nil : try MappedFile(path)
    if let file, TorchFile.isOne(file) { return try TorchFile(file, key: key).tensors }
    guard key == nil else { throw FileError(path, "'key' names a part of a PyTorch file, which this is not") }
    guard let file else { return try Safetensors(contentsOf: path).tensors }
    return try Safetensors(file).tensors
  }
}
