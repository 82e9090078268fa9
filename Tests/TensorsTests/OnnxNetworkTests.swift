import TestSupport
import Testing

@testable import Tensors

/// The ONNX project's own node tests, for the operators of networks: convolution, pooling, normalisation, loss.
@Suite(.enabled(if: SharedData.folder("onnx-node-tests") != nil, "shared/data/onnx-node-tests is absent"))
struct OnnxNetworkTests {
  private static let cases = [
    "attention_3d", "attention_3d_causal", "attention_3d_diff_heads_sizes_attn_mask",
    "attention_3d_diff_heads_sizes_causal", "attention_3d_transpose_verification",
    "averagepool_2d_default", "averagepool_2d_dilations", "averagepool_2d_pads",
    "averagepool_2d_precomputed_pads", "averagepool_2d_precomputed_same_upper",
    "averagepool_2d_precomputed_strides", "averagepool_2d_same_lower", "averagepool_2d_same_upper",
    "averagepool_2d_strides", "batchnorm_epsilon", "batchnorm_epsilon_training_mode",
    "batchnorm_example_training_mode", "conv_with_autopad_same", "conv_with_strides_and_asymmetric_padding",
    "conv_with_strides_no_padding", "conv_with_strides_padding", "globalaveragepool_precomputed",
    "layer_normalization_2d_axis0", "layer_normalization_2d_axis1", "layer_normalization_3d_axis1_epsilon",
    "layer_normalization_3d_axis_negative_3_epsilon", "layer_normalization_4d_axis2",
    "layer_normalization_default_axis", "maxpool_2d_default", "maxpool_2d_pads",
    "maxpool_2d_precomputed_same_upper", "maxpool_2d_precomputed_strides", "maxpool_2d_same_lower",
    "maxpool_2d_same_upper", "sce_mean", "sce_mean_log_prob",
  ]

  @Test(arguments: cases, [DType.f32, .f64]) func matches(name: String, dtype: DType) throws {
    let node = try OnnxNodeCase("test_" + name)
    let expected = try #require(node.outputs.first ?? nil)
    let inputs = try node.inputs.compactMap { $0 }.map { $0.dtype == .f32 ? try $0.converted(to: dtype) : $0 }
    let actual = try op(for: node, inputs).apply(inputs)
    #expect(actual.shape == expected.shape)
    #expect(actual.dtype == dtype)
    for (a, b) in zip(try actual.doubles(), try expected.doubles()) {
      #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(node.operation)")
    }
  }

  private func op(for node: OnnxNodeCase, _ t: [Tensor]) throws -> any Op {
    switch node.operation {
    case "Conv":
      let window = try window(node, t[0].shape, kernel: Size2d(t[1].shape[2], t[1].shape[3]))
      return Conv2d(
        stride: window.stride, padding: window.padding, dilation: window.dilation,
        groups: node.integer("group", default: 1))
    case "MaxPool": return MaxPool2d(try window(node, t[0].shape))
    case "AveragePool":
      return AvgPool2d(
        try window(node, t[0].shape), countIncludePad: node.integer("count_include_pad", default: 0) == 1)
    case "GlobalAveragePool": return GlobalAvgPool2d()
    case "BatchNormalization":
      return BatchNorm(
        epsilon: node.real("epsilon", default: 1e-5), training: node.integer("training_mode", default: 0) == 1
      )
    case "LayerNormalization":
      let axis = try t[0].shape.axis(node.integer("axis", default: -1), for: node.operation)
      return LayerNorm(axes: t[0].rank - axis, epsilon: node.real("epsilon", default: 1e-5))
    case "Attention":
      return Attention(
        heads: node.integer("q_num_heads", default: 1), isCausal: node.integer("is_causal", default: 0) == 1)
    default:
      try #require(node.operation == "SoftmaxCrossEntropyLoss", "no op for \(node.operation)")
      return CrossEntropy()
    }
  }

  private func window(_ node: OnnxNodeCase, _ x: Shape, kernel: Size2d? = nil) throws -> Window2d {
    func size(_ name: String) -> Size2d? { node.integers(name).map { Size2d($0[0], $0[1]) } }
    let kernel = try #require(kernel ?? size("kernel_shape"))
    let (stride, dilation) = (size("strides") ?? 1, size("dilations") ?? 1)
    let pads = node.integers("pads") ?? [0, 0, 0, 0]
    let given = Padding2d(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3])
    let automatic = node.text("auto_pad") ?? "NOTSET"
    let padding =
      automatic.hasPrefix("SAME") ? same(x, kernel, stride, upper: automatic == "SAME_UPPER") : given
    return Window2d(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
  }

  /// ONNX's auto_pad: as many positions as pixels divided by the stride; the odd pixel at the end if `upper`.
  private func same(_ x: Shape, _ kernel: Size2d, _ stride: Size2d, upper: Bool) -> Padding2d {
    func sides(_ extent: Int, _ kernel: Int, _ stride: Int) -> (Int, Int) {
      let total = max(0, ((extent + stride - 1) / stride - 1) * stride + kernel - extent)
      return upper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
    }
    let (top, bottom) = sides(x[2], kernel.height, stride.height)
    let (left, right) = sides(x[3], kernel.width, stride.width)
    return Padding2d(top: top, left: left, bottom: bottom, right: right)
  }
}
