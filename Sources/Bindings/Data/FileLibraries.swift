import Formats
import LuaHost
import Tensors

/// Tensors in files.
enum FileLibraries {
  /// `qs.npy`
  static var npy: Library {
    Library(
      "qs.npy", "NumPy's files of one tensor; see tensor:save.",
      [
        Function(
          "load", "Reads a tensor from a .npy file.", .required("path", String.self, "the file"),
          .option("map", default: false, "map the file, which must stay as it is, and read what is looked at")
        ) { path, map in try map ? Npy.map(path) : Npy.read(path) },
        Function(
          "save", "Writes a tensor to a .npy file, exactly.", .required("path", String.self, "the file"),
          .required("x", Tensor.self, "any tensor")
        ) { (path, x) -> Void in try Npy.write(x, to: path) },
      ])
  }

  /// `qs.npz`
  static var npz: Library {
    Library(
      "qs.npz", "NumPy's files of several tensors.",
      [
        Function(
          "load", "Reads all tensors of a .npz file, by name.", .required("path", String.self, "the file"),
          returns: "table<string, tensor>"
        ) { path in try Npz.read(path) },
        Function(
          "save", "Writes tensors by name, as numpy.savez does.", .required("path", String.self, "the file"),
          .required("tensors", [String: Tensor].self, "by name"),
          .option("compressed", default: false, "smaller and slower, as numpy.savez_compressed")
        ) { (path, tensors, compressed) -> Void in
          try Npz.write(tensors, to: path, compressed: compressed)
        },
      ])
  }

  /// `qs.safetensors`
  static var safetensors: Library {
    Library(
      "qs.safetensors", "Files of named tensors; see module:save.",
      [
        Function(
          "load",
          "Reads all tensors of a file, or of all the files that a model.safetensors.index.json names, and the texts "
            + "that are saved with them. F16 and BF16 become f32.",
          .required("path", String.self, "the file"), returns: "table<string, tensor>, table<string, string>"
        ) { path in
          let file = try Safetensors(contentsOf: path)
          return LuaResults(file.tensors, file.metadata)
        },
        Function(
          "save", "Writes tensors by name.", .required("path", String.self, "the file"),
          .required("tensors", [String: Tensor].self, "by name"),
          .option("metadata", default: [String: String](), "texts by name, to save with them")
        ) { (path, tensors, metadata) -> Void in
          try Safetensors(tensors, metadata: metadata).write(to: path)
        },
      ])
  }

  /// `qs.torch`
  static var torch: Library {
    Library(
      "qs.torch", "PyTorch's files; see module:load.",
      [
        Function(
          "load",
          "Reads the tensors of a file that torch.save wrote, by name; what nests gives names with dots. Nothing in the "
            + "file is run. Half and bfloat16 become f32.",
          .required("path", String.self, "the file, from PyTorch 1.6 or later"),
          .option("key", String?.self, "the part of the file to read, such as \"model\""),
          returns: "table<string, tensor>"
        ) { path, key in try TorchFile(contentsOf: path, key: key).tensors }
      ])
  }
}
