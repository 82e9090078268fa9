import Foundation
import TestSupport
import Testing

@testable import Formats
@testable import Tensors

/// The ONNX project's own node tests: models of one operator, or of its definition written out, with inputs and the
/// outputs they must give.
@Suite(.enabled(if: SharedData.folder("onnx-node-tests") != nil, "shared/data/onnx-node-tests is absent"))
struct OnnxNodeTests {
  /// Their expected outputs wrap around where the operator's definition saturates, as ours and ONNX Runtime's do.
  private static let wrapping = ["qlinearmatmul_2D_int8_float32", "qlinearmatmul_3D_int8_float32"]

  @Test func passWhereTheOperatorIsSupported() throws {
    let outcomes = try OnnxNodeCase.all().map { ($0, $0.outcome()) }
    for (node, outcome) in outcomes where !Self.wrapping.contains(node.name) {
      if case .wrong(let problem) = outcome { Issue.record("\(node.name): \(problem)") }
    }
    let passed = outcomes.count { $0.1 == .passed }
    #expect(passed * 4 >= outcomes.count * 3, "\(passed) of \(outcomes.count) pass")
    if let list = ProcessInfo.processInfo.environment["QSCRIPT_ONNX_OUTCOMES"] {
      let lines = outcomes.map { "\($0.0.name)\t\($0.1)" }.joined(separator: "\n")
      try lines.write(toFile: list, atomically: true, encoding: .utf8)
    }
  }
}

/// One case of the node tests.
struct OnnxNodeCase {
  enum Outcome: Equatable {
    case passed
    case refused(String)
    case wrong(String)
  }

  let name: String
  let folder: String

  static func all() throws -> [OnnxNodeCase] {
    guard let root = SharedData.folder("onnx-node-tests") else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: root).filter { $0.hasPrefix("test_") }.sorted()
      .map { OnnxNodeCase(name: String($0.dropFirst(5)), folder: root + "/" + $0) }
  }

  func outcome() -> Outcome {
    do {
      let file = try MappedFile(folder + "/model.onnx")
      let model = try OnnxModel(decoding: file.bytes, source: OnnxSource(file)).graph
      let inputs = try model.inputs.indices.map { try tensor("input", $0) }
      let expected = try model.outputs.indices.map { try tensor("output", $0) }
      let actual = try results(
        inputs: Dictionary(uniqueKeysWithValues: zip(model.inputs.map(\.name), inputs)))
      for (i, (a, b)) in zip(actual, expected).enumerated() {
        if let problem = try difference(a, b) { return .wrong("output \(i + 1): \(problem)") }
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

  private func tensor(_ kind: String, _ i: Int) throws -> Tensor {
    let file = try MappedFile(folder + "/test_data_set_0/\(kind)_\(i).pb")
    let stored = try OnnxTensor(ProtobufMessage(file.bytes), OnnxSource(file))
    guard let type = OnnxType(rawValue: stored.typeCode), type.isOurs || type == .int4 || type == .uint4
    else {
      throw ProtobufMessage.Malformed(
        problem:
          "element type \(OnnxType(rawValue: stored.typeCode).map { "\($0)" } ?? "unknown") is not supported")
    }
    return try stored.tensor()
  }

  private func difference(_ actual: Tensor, _ expected: Tensor) throws -> String? {
    if actual.shape != expected.shape { return "shape \(actual.shape) instead of \(expected.shape)" }
    if actual.dtype != expected.dtype { return "type \(actual.dtype) instead of \(expected.dtype)" }
    for (a, b) in zip(try actual.doubles(), try expected.doubles()) where a != b && !(a.isNaN && b.isNaN) {
      // As ONNX's own runner compares.
      if !expected.dtype.isFloatingPoint || !(abs(a - b) <= 1e-7 + 1e-3 * abs(b)) {
        return "\(a) instead of \(b)"
      }
    }
    return nil
  }
}
