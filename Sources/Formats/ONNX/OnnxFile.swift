import Models
import Tensors

/// What is to be fixed while an ONNX model is read.
public struct OnnxOptions: Sendable {
  /// Sizes for dimensions that only have a name, by name.
  public var dimensions: [String: Int]
  public init(dimensions: [String: Int] = [:]) { self.dimensions = dimensions }
}

/// Models of ONNX (https://onnx.ai), opset 7 and later.
public enum OnnxFile {
  /// Reads a model as a graph. Weights are shared with the mapped file where they lie aligned.
  ///
  /// - Parameter constants: values for some inputs, by name, which then are inputs no more: for models whose shapes
  ///   depend on an input's value.
  public static func read(
    _ path: String, _ options: OnnxOptions = OnnxOptions(), constants: [String: Tensor] = [:]
  )
    throws -> Graph
  { try read(MappedFile(path), options, constants: constants) }

  static func read(
    _ file: MappedFile, _ options: OnnxOptions = OnnxOptions(), constants: [String: Tensor] = [:]
  ) throws -> Graph {
    do {
      let model = try OnnxModel(decoding: file.bytes, source: OnnxSource(file))
      func graph(_ model: OnnxModel) throws -> Graph {
        try OnnxImporter(model, fileBytes: file.bytes.count, options).run(constants: constants)
      }
      if let open = model.withOpenBatch {
        // Where the model needs its batch of 1, it is read as it is; other errors would come again.
        do { return try graph(open) } catch is OnnxRefusal {} catch is ShapeError {}
      }
      return try graph(model)
    } catch let refusal as OnnxRefusal {
      throw FileError(file.path, refusal.problem)
    } catch let damage as ProtobufMessage.Malformed {
      throw FileError(file.path, damage.problem)
    } catch let error as ShapeError {
      throw FileError(file.path, "\(error)")
    }
  }
}

extension OnnxModel {
  /// The model with a first dimension called `batch` where every input has one sample; nil where not all have.
  ///
  /// Exporters for inference fix the batch at 1. What is in the model then decides whether it takes more.
  fileprivate var withOpenBatch: OnnxModel? {
    let stored = Set(graph.initializers.map(\.name))
    var open = self
    for (i, input) in graph.inputs.enumerated() where !stored.contains(input.name) {
      guard let shape = input.shape, shape.count > 1, shape[0] == .fixed(1) else { return nil }
      open.graph.inputs[i].shape?[0] = .symbol("batch")
    }
    return open
  }
}
