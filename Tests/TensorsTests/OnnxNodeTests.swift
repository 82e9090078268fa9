import TestSupport
import Testing

@testable import Tensors

/// The ONNX project's own node tests, for the operators that have an op of ours.
@Suite(.enabled(if: SharedData.folder("onnx-node-tests") != nil, "shared/data/onnx-node-tests is absent"))
struct OnnxNodeTests {
  private static let cases = [
    "abs", "and2d", "and4d", "and_bcast3v1d", "and_bcast3v2d", "and_bcast4v2d", "add_bcast", "add_uint8",
    "argmax_default_axis_random", "argmax_keepdims_random", "argmax_negative_axis_keepdims_random",
    "cast_FLOAT_to_DOUBLE", "clip", "clip_default_int8_min", "clip_default_max", "clip_inbounds",
    "clip_splitbounds",
    "concat_1d_axis_0", "concat_2d_axis_1", "concat_2d_axis_negative_1", "concat_3d_axis_1",
    "concat_3d_axis_negative_3",
    "constant_pad", "convtranspose_1d", "convtranspose_group_2", "convtranspose_group_2_image_3",
    "convtranspose_kernel_shape", "convtranspose_output_shape", "convtranspose_pad", "convtranspose_pads",
    "cumsum_1d", "cumsum_1d_exclusive", "cumsum_1d_reverse", "cumsum_1d_reverse_exclusive",
    "cumsum_2d_axis_1", "cumsum_2d_negative_axis", "div",
    "equal",
    "equal_bcast", "equal_int8", "erf", "exp_example", "flatten_axis1", "flatten_axis3",
    "flatten_negative_axis2",
    "gather_0", "gather_2d_indices", "gather_elements_1", "gelu_default_1", "gelu_default_2", "gelu_tanh_1",
    "greater",
    "greater_bcast", "group_normalization_epsilon", "hardsigmoid", "hardsigmoid_default", "hardswish",
    "instancenorm_example", "less", "less_int8", "log_example",
    "logsoftmax_axis_0", "logsoftmax_axis_2", "logsoftmax_example_1", "logsoftmax_large_number",
    "logsoftmax_negative_axis", "matmul_1d_3d", "matmul_2d", "matmul_3d", "matmul_4d", "matmul_bcast",
    "maxpool_1d_default", "max_float32",
    "max_int32", "max_int64", "max_int8", "max_two_inputs", "min_float32", "min_int64", "min_two_inputs",
    "mul_bcast",
    "mul_int8", "mul_uint8", "neg", "not_2d", "not_4d", "pow", "pow_bcast_array", "pow_types_int32_int32",
    "pow_types_int64_int64", "prelu_broadcast", "reciprocal_example", "reduce_max_do_not_keepdims_random",
    "reduce_max_keepdims_random",
    "reduce_max_bool_inputs", "reduce_mean_default_axes_keepdims_random",
    "reduce_mean_do_not_keepdims_random",
    "reduce_mean_negative_axes_keepdims_random", "reduce_min_keepdims_random",
    "reduce_min_negative_axes_keepdims_random", "reduce_sum_default_axes_keepdims_random",
    "reduce_sum_do_not_keepdims_random", "reduce_sum_empty_set_non_reduced_axis_zero",
    "reduce_sum_negative_axes_keepdims_example", "reflect_pad", "relu", "sigmoid", "slice_default_steps",
    "slice_neg_steps",
    "slice_negative_axes", "softmax_axis_0", "softmax_axis_1", "softmax_default_axis", "softmax_large_number",
    "sqrt_example", "squeeze",
    "sub", "sub_int8", "sub_uint8", "tanh", "tile", "top_k_same_values", "top_k_same_values_2d",
    "top_k_same_values_largest", "top_k_smallest", "transpose_all_permutations_1",
    "transpose_all_permutations_4",
    "unsqueeze_axis_1", "unsqueeze_negative_axes", "where_long_example", "wrap_pad",
  ]

  @Test(arguments: cases) func matches(name: String) throws {
    let node = try OnnxNodeCase("test_" + name)
    let expected = try #require(node.outputs.first ?? nil)
    let inputs = node.inputs.compactMap { $0 }
    let actual = try #require(try Self.run(node, inputs), "no op for \(node.operation)")
    #expect(actual.shape == expected.shape)
    #expect(actual.dtype == expected.dtype)
    for (a, b) in zip(try actual.doubles(), try expected.doubles()) where a != b && !(a.isNaN && b.isNaN) {
      #expect(abs(a - b) <= 2e-6 * max(1, abs(b)), "\(node.operation)")
    }
  }

  private static func run(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor? {
    if let op = elementwise[node.operation] { return try op.apply(t) }
    return try reduction(node, t) ?? movement(node, t) ?? parametric(node, t) ?? neural(node, t)
  }

  private static let elementwise: [String: any Op] = [
    "Abs": Abs(), "Add": Add(), "And": LogicalAnd(), "Div": Div(), "Equal": Equal(), "Erf": Erf(),
    "Exp": Exp(),
    "Greater": Greater(), "HardSwish": HardSwish(), "Less": Less(), "Log": Log(), "MatMul": MatMul(),
    "Mul": Mul(),
    "Neg": Neg(), "Not": LogicalNot(), "Pow": Pow(), "Reciprocal": Reciprocal(), "Relu": Relu(),
    "Sigmoid": Sigmoid(),
    "PRelu": PRelu(), "Sqrt": Sqrt(), "Sub": Sub(), "Tanh": Tanh(), "Where": Where(), "Max": Maximum(),
    "Min": Minimum(),
  ]

  private static func reduction(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor? {
    guard node.operation.hasPrefix("Reduce") || node.operation == "ArgMax" else { return nil }
    let keep = node.integer("keepdims", default: 1) == 1
    let listed = try t.count > 1 ? integers(t[1]) : node.integers("axes")
    let axes = listed?.isEmpty == true ? nil : listed
    return switch node.operation {
    case "ReduceSum": try t[0].sum(axes: axes, keepDims: keep)
    case "ReduceMean": try t[0].mean(axes: axes, keepDims: keep)
    case "ReduceMax": try t[0].max(axes: axes, keepDims: keep)
    case "ReduceMin": try t[0].min(axes: axes, keepDims: keep)
    case "ArgMax": try t[0].argmax(axis: node.integer("axis", default: 0), keepDims: keep)
    default: nil
    }
  }

  private static func movement(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor? {
    let axis = node.integer("axis", default: 0)
    switch node.operation {
    case "Concat": return try Tensor.concat(t, axis: axis)
    case "Gather": return try t[0].indexSelect(axis: axis, t[1])
    case "GatherElements": return try t[0].gather(axis: axis, t[1])
    case "Flatten":
      let axis = node.integer("axis", default: 1)
      return try Flatten(axis: axis < 0 ? axis + t[0].rank : axis)(t[0])
    case "Transpose": return try t[0].permuted(node.integers("perm") ?? t[0].shape.indices.reversed())
    case "Tile": return try t[0].tiled(integers(t[1]))
    case "Squeeze": return try integers(t[1]).sorted(by: >).reduce(t[0]) { try $0.squeezed(axis: $1) }
    case "Unsqueeze":
      let rank = t[0].rank + t[1].count
      return try integers(t[1]).map { $0 < 0 ? $0 + rank : $0 }.sorted().reduce(t[0]) {
        try $0.unsqueezed(axis: $1)
      }
    case "Slice":
      let (starts, ends) = (try integers(t[1]), try integers(t[2]))
      let axes = try t.count > 3 ? integers(t[3]) : Array(starts.indices)
      let steps = try t.count > 4 ? integers(t[4]) : starts.map { _ in 1 }
      return try axes.indices.reduce(t[0]) { x, i in
        let extent = x.shape[axes[i] < 0 ? axes[i] + x.rank : axes[i]]
        func place(_ index: Int) -> Int {
          let index = index < 0 ? index + extent : index
          return steps[i] < 0 ? min(max(index, -1), extent - 1) : min(max(index, 0), extent)
        }
        let distance = place(ends[i]) - place(starts[i])
        let count = max(0, (distance + steps[i] - steps[i].signum()) / steps[i])
        return try x.slice(axis: axes[i], start: place(starts[i]), count: count, step: steps[i])
      }
    case "Pad":
      let pads = try integers(t[1])
      let half = pads.count / 2
      let modes: [String: Pad.Mode] = ["reflect": .reflect, "edge": .replicate, "wrap": .circular]
      return try t[0].padded(
        before: Array(pads[..<half]), after: Array(pads[half...]),
        mode: modes[node.text("mode") ?? ""] ?? .constant,
        value: t.count > 2 ? t[2].item() : 0)
    case "ScatterElements":
      return try t[0].scatter(
        axis: axis, t[1], t[2], reduction: node.text("reduction") == "add" ? .add : .none)
    case "TopK":
      return try t[0].topk(
        Int(t[1].item()), axis: node.integer("axis", default: -1),
        largest: node.integer("largest", default: 1) == 1
      ).values
    default: return nil
    }
  }

  private static func parametric(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor? {
    switch node.operation {
    case "Cast": return try t[0].cast(to: .f64)
    case "Clip":
      let low = try node.inputs.count > 1 ? node.inputs[1]?.item() : nil
      let high = try node.inputs.count > 2 ? node.inputs[2]?.item() : nil
      return try t[0].clip(low ?? -.infinity, high ?? .infinity)
    case "CumSum":
      return try Cumsum(
        axis: t[0].shape.axis(Int(t[1].item()), for: "cumsum"),
        exclusive: node.integer("exclusive", default: 0) == 1,
        reverse: node.integer("reverse", default: 0) == 1)(t[0])
    case "Gelu": return try t[0].gelu(node.text("approximate") == "tanh" ? .tanh : .none)
    case "HardSigmoid":
      return try HardSigmoid(alpha: node.real("alpha", default: 0.2), beta: node.real("beta", default: 0.5))(
        t[0])
    case "Softmax": return try t[0].softmax(axis: node.integer("axis", default: -1))
    case "LogSoftmax": return try t[0].logSoftmax(axis: node.integer("axis", default: -1))
    default: return nil
    }
  }

  /// Recurrent nodes hold both directions in one tensor and their gates in another order; their results have an axis
  /// of directions, which comes third from the front, or third from the end where the batch is first.
  @Test(arguments: ["gru_batchwise", "gru_with_initial_bias", "lstm_batchwise", "lstm_with_initial_bias"])
  func recurrentLayersMatch(name: String) throws {
    let node = try OnnxNodeCase("test_" + name)
    let isLSTM = node.operation == "LSTM"
    let order = isLSTM ? [0, 2, 3, 1] : [1, 0, 2]
    let t = node.inputs.compactMap { $0 }
    let batchFirst = node.integer("layout", default: 0) == 1
    let size = node.integer("hidden_size", default: 0)
    func reordered(_ x: Tensor) throws -> Tensor {
      try Tensor.concat(order.map { try x.narrow(axis: 0, start: $0 * size, count: size) }, axis: 0)
    }
    var inputs = [try batchFirst ? t[0].transposed(0, 1) : t[0]]
    inputs += try t[1...2].map { try reordered($0.select(axis: 0, index: 0)) }
    if t.count > 3 {
      let both = try t[3].select(axis: 0, index: 0), half = order.count * size
      inputs += try [0, half].map { try reordered(both.narrow(axis: 0, start: $0, count: half)) }
    }
    let y = try isLSTM ? LSTM().apply(inputs) : GRU().apply(inputs)
    let final = try y.select(axis: 0, index: t[0].shape[batchFirst ? 1 : 0] - 1)
    let expected = try #require(node.outputs.last ?? nil)
    for (a, b) in zip(try final.doubles(), try expected.doubles()) { #expect(abs(a - b) <= 2e-6) }
  }

  private static func neural(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor? {
    let epsilon = node.real("epsilon", default: 1e-5)
    switch node.operation {
    case "ConvTranspose": return try convTranspose(node, t)
    case "MaxPool": return try MaxPool1d(node.integers("kernel_shape")?[0] ?? 0, stride: 1)(t[0])
    case "GroupNormalization":
      return try GroupNorm(groups: node.integer("num_groups", default: 1), epsilon: epsilon).apply(t)
    case "InstanceNormalization": return try InstanceNorm(epsilon: epsilon).apply(t)
    default: return nil
    }
  }

  /// With the paddings that lead to `output_shape` where that is given.
  private static func convTranspose(_ node: OnnxNodeCase, _ t: [Tensor]) throws -> Tensor {
    let dimensions = t[0].rank - 2
    func list(_ name: String, _ value: Int) -> [Int] {
      node.integers(name) ?? Array(repeating: value, count: dimensions)
    }
    let (strides, groups) = (list("strides", 1), node.integer("group", default: 1))
    var more = list("output_padding", 0)
    if dimensions == 1 { return try ConvTranspose1d(stride: strides[0], groups: groups).apply(t) }
    var pads = node.integers("pads") ?? [0, 0, 0, 0]
    if let size = node.integers("output_shape") {
      for i in 0..<2 {
        let total = strides[i] * (t[0].shape[2 + i] - 1) + more[i] + t[1].shape[2 + i] - size[i]
        (pads[i], pads[i + 2]) = (max(total, 0) - max(total, 0) / 2, max(total, 0) / 2)
        more[i] -= min(total, 0)
      }
    }
    return try ConvTranspose2d(
      stride: Size2d(strides[0], strides[1]),
      padding: Padding2d(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3]),
      outputPadding: Size2d(more[0], more[1]), groups: groups
    ).apply(t)
  }

  private static func integers(_ tensor: Tensor) throws -> [Int] {
    try tensor.array(Int64.self).map(Int.init)
  }
}
