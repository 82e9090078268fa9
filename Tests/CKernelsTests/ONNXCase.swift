import Foundation
import Tensors
import TestSupport

@testable import Formats

/// One of ONNX's operator test cases, read from the shared data beside the repository: inputs and expected outputs.
struct ONNXCase {
  let inputs, outputs: [ONNXTensor]

  static let folder = SharedData.folder("onnx-node-tests")

  init(_ name: String) throws {
    let data = "\(Self.folder ?? "")/\(name)/test_data_set_0"
    func tensors(_ prefix: String) throws -> [ONNXTensor] {
      let files = try FileManager.default.contentsOfDirectory(atPath: data).filter { $0.hasPrefix(prefix) }
      return try files.indices.map { try ONNXTensor("\(data)/\(prefix)_\($0).pb") }
    }
    inputs = try tensors("input")
    outputs = try tensors("output")
  }
}

/// A stored tensor, its values widened.
struct ONNXTensor {
  let dims: [Int]
  let values: [Double]

  var integers: [Int] { values.map { Int($0) } }
  var floats: [Float] { values.map { Float($0) } }
  /// One number for a scalar, or for a tensor of one element.
  var integer: Int { integers[0] }
  var float: Float { floats[0] }

  init(_ path: String) throws {
    let file = try MappedFile(path)
    let tensor = try OnnxTensor(ProtobufMessage(file.bytes), OnnxSource(file)).tensor()
    (dims, values) = (tensor.shape.dims, try tensor.doubles())
  }
}
