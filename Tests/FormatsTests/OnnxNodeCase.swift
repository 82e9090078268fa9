import Foundation
import Models
import TestSupport
import Tensors

@testable import Formats

/// One case of the node tests.
struct OnnxNodeCase {
  enum Outcome: Equatable {
    case passed
    case refused(String)
    case wrong(String)
  }

  private static let root = SharedData.folder("onnx-node-tests") ?? ""

  let name: String
  private var folder: String { "\(Self.root)/test_\(name)" }

  static func all() throws -> [OnnxNodeCase] {
    try FileManager.default.contentsOfDirectory(atPath: root).filter { $0.hasPrefix("test_") }.sorted()
      .map { OnnxNodeCase(name: String($0.dropFirst(5))) }
  }

  func model() throws -> OnnxModel {
    let file = try MappedFile(folder + "/model.onnx")
    return try OnnxModel(decoding: file.bytes, source: OnnxSource(file))
  }

  /// The operator it is about; that of the plain case where this one has its definition written out.
  func operation() throws -> String {
    let plain = name.range(of: "_expanded").map { OnnxNodeCase(name: String(name[..<$0.lowerBound])) } ?? self
    return try plain.model().graph.nodes.first?.operation ?? ""
  }

  func outcome() -> Outcome {
    do {
      let model = try model().graph
      let inputs = try model.inputs.indices.map { try tensor("input", $0).tensor() }
      let expected = try model.outputs.indices.map { try tensor("output", $0) }
      let actual = try results(
        inputs: Dictionary(uniqueKeysWithValues: zip(model.inputs.map(\.name), inputs)))
      for (i, (a, b)) in zip(actual, expected).enumerated() {
        if let problem = try difference(a, b.tensor(), isHalf: b.typeCode == OnnxType.float16.rawValue) {
          return .wrong("output \(i + 1): \(problem)")
        }
      }
      return .passed
    } catch let error as FileError {
      return .refused(error.problem)
    } catch let error as ProtobufMessage.Malformed {
      return .refused(error.problem)
    } catch {
      return .wrong("\(error)")
    }
  }

  /// The same with all numbers of 32 bits in 64; the model has one node, whose inputs and outputs are in files.
  func outcomeInDoublePrecision() throws -> Outcome {
    var model = try model()
    for i in model.graph.inputs.indices where model.graph.inputs[i].type == .float {
      model.graph.inputs[i].type = .double
    }
    let graph = try OnnxImporter(model, fileBytes: 0, OnnxOptions()).run(constants: [:])
    graph.setTraining(false)
    func wide(_ x: Tensor) throws -> Tensor { x.dtype == .f32 ? try x.converted(to: .f64) : x }
    let inputs = try model.graph.inputs.indices.map { try wide(tensor("input", $0).tensor()) }
    let expected = try model.graph.outputs.indices.map { try wide(tensor("output", $0).tensor()) }
    for (a, b) in zip(try graph.replay(inputs), expected) {
      if let problem = try difference(a, b, isHalf: false) { return .wrong(problem) }
    }
    return .passed
  }

  /// Some cases get shapes and axes as inputs, which models have as constants: they are fixed where it takes that.
  private func results(inputs: [String: Tensor]) throws -> [Tensor] {
    let path = folder + "/model.onnx"
    let kinds: [(Tensor) -> Bool] = [
      { _ in false }, { !$0.dtype.isFloatingPoint }, { $0.count <= 16 || !$0.dtype.isFloatingPoint },
      { _ in true },
    ]
    var refusal: (any Error)?
    for isConstant in kinds {
      do {
        let graph = try OnnxFile.read(path, constants: inputs.filter { isConstant($0.value) })
        graph.setTraining(false)
        return try graph.replay(graph.inputs.compactMap { inputs[graph[$0].name] })
      } catch let error as FileError {
        refusal = refusal ?? error
      }
    }
    throw refusal ?? FileError(path, "has no inputs")
  }

  func tensor(_ kind: String, _ i: Int) throws -> OnnxTensor {
    let file = try MappedFile(folder + "/test_data_set_0/\(kind)_\(i).pb")
    let stored = try OnnxTensor(ProtobufMessage(file.bytes), OnnxSource(file))
    let narrow: [OnnxType] = [.float16, .int2, .uint2, .int4, .uint4]
    guard let type = OnnxType(rawValue: stored.typeCode), type.isOurs || narrow.contains(type) else {
      throw ProtobufMessage.Malformed(
        problem:
          "element type \(OnnxType(rawValue: stored.typeCode).map { "\($0)" } ?? "unknown") is not supported")
    }
    return stored
  }

  /// - Parameter isHalf: whether the file has the numbers in 16 bits, which are f32 here.
  private func difference(_ actual: Tensor, _ expected: Tensor, isHalf: Bool) throws -> String? {
    if actual.shape != expected.shape { return "shape \(actual.shape) instead of \(expected.shape)" }
    if actual.dtype != expected.dtype { return "type \(actual.dtype) instead of \(expected.dtype)" }
    let rounded = try actual.doubles().map { isHalf ? Double(Float16($0)) : $0 }
    for (a, b) in zip(rounded, try expected.doubles()) where a != b && !(a.isNaN && b.isNaN) {
      // ONNX's own runner allows 1e-3 for all.
      let tolerance = isHalf ? 1e-3 * abs(b) + 1e-7 : 1e-5 * max(1, abs(b))
      if !expected.dtype.isFloatingPoint || !(abs(a - b) <= tolerance) { return "\(a) instead of \(b)" }
    }
    return nil
  }
}
