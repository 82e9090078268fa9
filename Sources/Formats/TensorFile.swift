import Tensors

/// A file of named tensors in whichever form it has: safetensors, the index of several, or PyTorch's archive.
public enum TensorFile {
  /// The tensors by name. `key` is the part to take of a PyTorch file that nests; see `TorchFile`.
  public static func read(_ path: String, key: String? = nil) throws -> [String: Tensor] {
    if path.hasSuffix(".json") { return try Safetensors(contentsOf: path).tensors }
    let file = try MappedFile(path)
    if TorchFile.isOne(file) { return try TorchFile(file, key: key).tensors }
    return try Safetensors(file).tensors
  }
}
