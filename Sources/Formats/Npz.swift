import Models
import Tensors

/// NumPy's file of several arrays: a ZIP archive of .npy files, stored (`np.savez`) or deflated
/// (`np.savez_compressed`).
public enum Npz {
  /// Every array, by name.
  public static func read(_ path: String) throws -> [String: Tensor] {
    try decode(try AtomicFile.read(path), path)
  }

  public static func write(_ tensors: [String: Tensor], to path: String, compressed: Bool = false) throws {
    try AtomicFile.write(try encode(tensors, compressed: compressed, path), to: path)
  }

  /// The bytes of a file that holds `tensors`: the same tensors give the same bytes.
  static func encode(_ tensors: [String: Tensor], compressed: Bool, _ path: String) throws -> [UInt8] {
    let entries = try tensors.sorted { $0.key < $1.key }.map {
      (name: $0.key + ".npy", bytes: try Npy.encode($0.value))
    }
    return try ZipArchive.encode(entries, compressed: compressed, path)
  }

  /// The arrays in `bytes`; errors name `path`.
  static func decode(_ bytes: [UInt8], _ path: String) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    let archive = try ZipFile(decoding: bytes, path: path)
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      tensors[String(entry.name.dropLast(4))] = try Npy.decode(archive.read(entry), "\(path): \(entry.name)")
    }
    return tensors
  }

  /// Inputs [N, ...] and classes [N] from two arrays of a file.
  public static func dataset(_ path: String, inputs: String, targets: String) throws -> Dataset {
    let tensors = try read(path)
    func array(_ name: String, _ option: String) throws -> Tensor {
      guard let tensor = tensors[name] else {
        let there = tensors.isEmpty ? "none" : tensors.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
        throw FileError(
          path, "has no array '\(name)'; choose one with the option \(option) (there are \(there))")
      }
      return tensor
    }
    let (x, y) = (try array(inputs, "inputs"), try array(targets, "targets"))
    return try Dataset(inputs: x, targets: y.asClasses(of: "\(path): \(targets)"))
  }
}
