import Foundation
import Tensors

extension Safetensors {
  private struct Index: Decodable {
    /// The file, beside the index, that has each tensor.
    var weight_map: [String: String]
  }

  /// The tensors of a model in several files beside `path`, as the `model.safetensors.index.json` in `bytes` lists
  /// them.
  init(index bytes: [UInt8], path: String) throws {
    let index: Index
    do {
      index = try JSONDecoder().decode(Index.self, from: Data(bytes))
    } catch is DecodingError {
      throw FileError(
        path, "is not an index of safetensors files: it needs a \"weight_map\" of names to files")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    self.init([:])
    for (file, entries) in Dictionary(grouping: index.weight_map, by: \.value).sorted(by: { $0.key < $1.key })
    {
      guard !file.contains("/"), !file.contains("\0"), file != "..", file.hasSuffix(".safetensors") else {
        throw FileError(path, "names '\(file)'; only .safetensors files in the index's own folder are read")
      }
      let shard = try Safetensors(MappedFile(folder + "/" + file))
      for name in entries.map(\.key).sorted() {
        guard let tensor = shard.tensors[name] else {
          throw FileError(
            path, "says that '\(name)' is in '\(file)', which does not have it; fetch both again")
        }
        tensors[name] = tensor
      }
    }
  }
}
