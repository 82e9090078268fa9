import Formats
import LuaHost
import Models
import Tensors

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
          .option("format", default: OnnxExportFormat.qdq, "how quantized layers are written"),
          .option(
            "samples", OneOf<Tensor, [Tensor]>?.self,
            "an input, or a list of inputs, whose values inside the model go to model.npz beside model.onnx; "
              + "scripts/peers/check.py tells how another runtime's differ")
        ) { (graph, path, format, samples) -> Void in
          let inputs: [Tensor] =
            switch samples {
            case .first(let x): [x]
            case .second(let list): list
            case nil: []
            }
          try OnnxFile.write(graph, to: path, format: format, samples: inputs)
        },
      ])
  }
}

extension OnnxExportFormat: LuaEnum {}
extension TFLiteExportOptions.Layout: LuaEnum {}
extension TFLiteExportOptions.Numbers: LuaEnum {}

/// `qs.tflite`
enum TFLiteLibrary {
  static var library: Library {
    Library(
      "qs.tflite", "Models of TensorFlow Lite, read as graphs and written from graphs.",
      [
        Function(
          "load",
          "Reads a TFLite model, float or int8, as a graph. Images are [N, C, H, W]; integer inputs and outputs become real.",
          .required("path", String.self, "the .tflite file"), returns: "graph"
        ) { path in try TFLiteFile.read(path) },
        Function(
          "save",
          "Writes a convolutional or fully connected network, float or quantized, as a TFLite model.",
          .required("graph", Graph.self, "captured, imported or quantized"),
          .required("path", String.self, "the file"),
          .option(
            "layout", default: TFLiteExportOptions.Layout.nhwc,
            "how images lie in the file's inputs; \"nchw\" adds an operator that turns them over"),
          .option(
            "io", default: TFLiteExportOptions.Numbers.float, "what a quantized model takes and gives"),
          .option(
            "samples", Tensor?.self,
            "inputs whose results give the range of a quantized model's last layer; it is written in float without"
          )
        ) { (graph, path, layout, io, samples) -> Void in
          try TFLiteFile.write(graph, to: path, .init(layout: layout, io: io, samples: samples))
        },
      ])
  }
}
