import Models
import Tensors

/// Normalisation layers.
extension OnnxOperator {
  static let normalizations: [String: OnnxOperator] = [
    "BatchNormalization": OnnxOperator { c in try batchNorm(c) },
    "LayerNormalization": OnnxOperator(several: { c in try layerNorm(c) }),
    "RMSNormalization": OnnxOperator { c in try rmsNorm(c) },
    "SimplifiedLayerNormalization": OnnxOperator { c in try rmsNorm(c) },
    "InstanceNormalization": OnnxOperator { c in
      let x = try c.input(0)
      let op = InstanceNorm(epsilon: try c.float("epsilon", 1e-5))
      return try c.emit(op, x, c.input(1), c.input(2))
    },
    "GroupNormalization": OnnxOperator { c in try groupNorm(c) },
  ]

  private static func batchNorm(_ c: OnnxCall) throws -> OnnxValue {
    try c.require(
      !c.flag("training_mode"), "it is exported for training (training_mode); export the model for inference")
    let x = try c.input(0)
    let op = BatchNorm(epsilon: try c.float("epsilon", 1e-5), momentum: 1 - (try c.float("momentum", 0.9)))
    let parameters = try (1...4).map(c.input)
    switch try c.shape(x).rank {
    case 2, 4: return try c.emit(op, [x] + parameters)
    case 3: return try c.emit(Squeeze(axis: 2), c.emit(op, [c.emit(Unsqueeze(axis: 2), x)] + parameters))
    default: throw OnnxRefusal("needs [N, C], [N, C, L] or [N, C, H, W], got \(try c.shape(x))")
    }
  }

  /// `(x - mean) / sqrt(variance + epsilon)` over some dimensions, with the mean and the inverse deviation.
  private static func normalized(_ c: OnnxCall, _ x: OnnxValue, axes: [Int], epsilon: Double) throws -> (
    result: OnnxValue, mean: OnnxValue, inverse: OnnxValue
  ) {
    let mean = try c.emit(Mean(axes: axes, keepDims: true), x)
    let centred = try c.sub(x, mean)
    let variance = try c.emit(Mean(axes: axes, keepDims: true), c.emit(Square(), centred))
    let inverse = try c.emit(Reciprocal(), c.emit(Sqrt(), c.add(variance, c.scalar(epsilon, like: x))))
    return (try c.mul(centred, inverse), mean, inverse)
  }

  private static func layerNorm(_ c: OnnxCall) throws -> [OnnxValue] {
    let x = try c.input(0)
    let shape = try c.shape(x)
    let axis = try c.axis(c.int("axis", -1), of: x)
    let epsilon = try c.float("epsilon", 1e-5)
    let normalizedShape = Shape(shape.dims[axis...])
    let parameters = try c.inputs.indices.dropFirst().prefix(2).compactMap {
      c.has($0) ? try c.input($0) : nil
    }
    if c.node.outputs.count == 1, try parameters.allSatisfy({ try c.shape($0) == normalizedShape }) {
      return [try c.emit(LayerNorm(axes: shape.rank - axis, epsilon: epsilon), [x] + parameters)]
    }
    let (result, mean, inverse) = try normalized(c, x, axes: Array(axis..<shape.rank), epsilon: epsilon)
    let scaled = try c.mul(result, c.input(1))
    return [c.has(2) ? try c.add(scaled, c.input(2)) : scaled, mean, inverse]
  }

  private static func rmsNorm(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let axes = try c.axis(c.int("axis", -1), of: x)..<c.shape(x).rank
    let mean = try c.emit(Mean(axes: Array(axes), keepDims: true), c.emit(Square(), x))
    let inverse = try c.emit(
      Reciprocal(), c.emit(Sqrt(), c.add(mean, c.scalar(c.float("epsilon", 1e-5), like: x))))
    return try c.mul(c.mul(x, inverse), c.input(1))
  }

  /// Scale and bias are per channel from opset 21 on, per group before.
  private static func groupNorm(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let (shape, groups) = (try c.shape(x), try c.int("num_groups", 1))
    try c.require(
      shape.rank > 2 && groups > 0 && shape[1] > 0 && shape[1] % groups == 0,
      "\(groups) groups do not fit \(shape)")
    let op = GroupNorm(groups: groups, epsilon: try c.float("epsilon", 1e-5))
    if c.opset >= 21 { return try c.emit(op, x, c.input(1), c.input(2)) }
    let width = shape[1] / groups
    let ofChannel = c.constant(try Tensor([shape[1]], (0..<shape[1]).map { Int64($0 / width) }))
    return try c.emit(
      op, x, c.emit(IndexSelect(axis: 0), c.input(1), ofChannel),
      c.emit(IndexSelect(axis: 0), c.input(2), ofChannel))
  }
}
