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
  private static let wrapping = [
    "qlinearmatmul_2D_int8_float16", "qlinearmatmul_2D_int8_float32", "qlinearmatmul_3D_int8_float32",
  ]

  /// Of the 691 cases there; the others are refused, each with a reason.
  private static let passing = 635

  @Test func passWhereTheOperatorIsSupported() throws {
    let outcomes = try OnnxNodeCase.all().map { ($0, $0.outcome()) }
    for (node, outcome) in outcomes where !Self.wrapping.contains(node.name) {
      if case .wrong(let problem) = outcome { Issue.record("\(node.name): \(problem)") }
    }
    #expect(outcomes.count { $0.1 == .passed } == Self.passing)
    if let list = ProcessInfo.processInfo.environment["QSCRIPT_ONNX_OUTCOMES"] {
      try Self.table(outcomes).write(toFile: list, atomically: true, encoding: .utf8)
    }
  }

  @Test(arguments: [
    "attention_3d", "attention_3d_causal", "attention_3d_diff_heads_sizes_attn_mask",
    "averagepool_2d_dilations",
    "averagepool_2d_pads", "averagepool_2d_precomputed_same_upper", "batchnorm_epsilon",
    "conv_with_autopad_same", "conv_with_strides_and_asymmetric_padding", "convtranspose_group_2",
    "convtranspose_output_shape", "convtranspose_pads", "globalaveragepool_precomputed",
    "group_normalization_epsilon", "instancenorm_example", "layer_normalization_2d_axis0",
    "layer_normalization_4d_axis2", "maxpool_2d_pads", "maxpool_2d_same_lower", "prelu_broadcast", "sce_mean",
    "sce_mean_log_prob",
  ]) func operatorsOfNetworksPassInDoublePrecision(name: String) throws {
    #expect(try OnnxNodeCase(name: name).outcomeInDoublePrecision() == .passed)
  }

  /// Models for training are not read; the op computes as they do.
  @Test(arguments: ["batchnorm_epsilon_training_mode", "batchnorm_example_training_mode"])
  func batchNormInTrainingMode(name: String) throws {
    let node = OnnxNodeCase(name: name)
    var epsilon = 1e-5
    if case .float(let given)? = try node.model().graph.nodes[0].attributes["epsilon"] {
      epsilon = Double(given)
    }
    for dtype in [DType.f32, .f64] {
      let inputs = try (0..<5).map { try node.tensor("input", $0).tensor().converted(to: dtype) }
      let y = try BatchNorm(epsilon: epsilon, training: true).apply(inputs)
      let expected = try node.tensor("output", 0).tensor()
      for (a, b) in zip(try y.doubles(), try expected.doubles()) {
        #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
      }
    }
  }

  /// What `scripts/onnx-support` reads, separated by tabs: `operator NAME` for each that is supported, and
  /// `case NAME OPERATOR OUTCOME REASON`.
  private static func table(_ outcomes: [(OnnxNodeCase, OnnxNodeCase.Outcome)]) throws -> String {
    var lines = OnnxOperator.all.keys.sorted().map { "operator\t\($0)" }
    for (node, outcome) in outcomes {
      let (kind, reason) =
        switch outcome {
        case .passed: ("passed", "")
        case .refused(let problem): ("refused", problem)
        case .wrong(let problem): (wrapping.contains(node.name) ? "wraps" : "wrong", problem)
        }
      lines.append("case\t\(node.name)\t\(try node.operation())\t\(kind)\t\(reason)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
