import Formats
import LuaHost
import Models

/// `qs.onnx`
enum OnnxLibrary {
  static var library: Library {
    Library(
      "qs.onnx", "Models of ONNX, read as graphs and written from modules and graphs.",
      [
        Function(
          "load",
          "Reads an ONNX model (opset 7 and later) as a graph, which runs, trains, quantizes and compiles as a captured "
            + "one does. Weights are mapped from the file.",
          .required("path", String.self, "the .onnx file; external data lies beside it"),
          .option("dims", default: [String: Int](), "sizes for dimensions that only have a name"),
          returns: "graph"
        ) { path, dims in
          try OnnxFile.read(path, OnnxOptions(dimensions: dims))
        },
        Function(
          "save",
          "Writes a graph as an ONNX model of opset 21; quantized layers as QDQ, which ONNX Runtime fuses, or as "
            + "QLinear operators.",
          .required("graph", Graph.self, "captured, imported or quantized"),
          .required("path", String.self, "the file"),
          .option("format", default: OnnxExportFormat.qdq, "how quantized layers are written")
        ) { (graph, path, format) -> Void in
          try OnnxFile.write(graph, to: path, format: format)
        },
      ])
  }
}

extension OnnxExportFormat: LuaEnum {}

/// `qs.tflite`
enum TFLiteLibrary {
  static var library: Library {
    Library(
      "qs.tflite", "Models of TensorFlow Lite.",
      [
        Function(
          "load",
          "Reads a TFLite model, float or int8, as a graph. Images are [N, C, H, W]; integer inputs and outputs become real.",
          .required("path", String.self, "the .tflite file"), returns: "graph"
        ) { path in try TFLiteFile.read(path) }
      ])
  }
}
