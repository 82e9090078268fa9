import Models
import Tensors

/// Activation functions.
extension OnnxOperator {
  static let activations: [String: OnnxOperator] = [
    "Relu": unary(Relu()), "Sigmoid": unary(Sigmoid()), "Tanh": unary(Tanh()),
    "HardSwish": unary(HardSwish()),
    "Softplus": unary(Softplus()), "Mish": unary(Mish()),
    "Softsign": OnnxOperator { c in
      let x = try c.input(0)
      return try c.div(x, c.add(c.emit(Abs(), x), c.scalar(1, like: x)))
    },
    "LeakyRelu": OnnxOperator { c in try c.emit(LeakyRelu(c.float("alpha", 0.01)), c.input(0)) },
    "PRelu": OnnxOperator { c in try c.emit(PRelu(), c.input(0), c.input(1)) },
    "ThresholdedRelu": OnnxOperator { c in
      let x = try c.input(0)
      let above = try c.emit(Greater(), x, c.scalar(c.float("alpha", 1), like: x))
      return try c.emit(Where(), above, x, c.scalar(0, like: x))
    },
    "Elu": OnnxOperator { c in try c.emit(Elu(alpha: c.float("alpha", 1)), c.input(0)) },
    "Celu": OnnxOperator { c in
      let (x, alpha) = (try c.input(0), try c.float("alpha", 1))
      let inner = try c.emit(Elu(alpha: 1), c.div(x, c.scalar(alpha, like: x)))
      return try c.mul(inner, c.scalar(alpha, like: x))
    },
    "Selu": OnnxOperator { c in
      let x = try c.input(0)
      let alpha = try c.float("alpha", 1.67326319217681884765625)
      return try c.mul(
        c.emit(Elu(alpha: alpha), x), c.scalar(c.float("gamma", 1.05070102214813232421875), like: x))
    },
    "Swish": OnnxOperator { c in
      let (x, alpha) = (try c.input(0), try c.float("alpha", 1))
      if alpha == 1 { return try c.emit(Silu(), x) }
      return try c.mul(x, c.emit(Sigmoid(), c.mul(x, c.scalar(alpha, like: x))))
    },
    "HardSigmoid": OnnxOperator { c in
      try c.emit(HardSigmoid(alpha: c.float("alpha", 0.2), beta: c.float("beta", 0.5)), c.input(0))
    },
    "Gelu": OnnxOperator { c in
      let form = try c.string("approximate", "none")
      try c.require(form == "none" || form == "tanh", "attribute 'approximate' is '\(form)'")
      return try c.emit(Gelu(form == "tanh" ? .tanh : .none), c.input(0))
    },
    "com.microsoft.Gelu": unary(Gelu(.none)),
    "com.microsoft.FastGelu": OnnxOperator { c in
      try c.emit(Gelu(.tanh), c.has(1) ? c.add(c.input(0), c.input(1)) : c.input(0))
    },
    "Softmax": OnnxOperator { c in try overAxis(c) { Softmax(axis: $0) } },
    "LogSoftmax": OnnxOperator { c in try overAxis(c) { LogSoftmax(axis: $0) } },
    "Dropout": OnnxOperator(several: { c in try dropout(c) }),
  ]

  /// Before opset 13 the dimensions from the axis on were normalised together.
  private static func overAxis(_ c: OnnxCall, _ op: (Int) -> any Op) throws -> OnnxValue {
    let x = try c.input(0)
    let shape = try c.shape(x)
    let axis = try c.axis(c.int("axis", c.opset < 13 ? 1 : -1), of: x)
    if c.opset >= 13 || axis == shape.rank - 1 { return try c.emit(op(axis), x) }
    let flat = try c.emit(Flatten(axis: axis), x)
    return try c.reshape(c.emit(op(1), flat), shape.dims)
  }

  /// In evaluation nothing happens: everything is kept.
  private static func dropout(_ c: OnnxCall) throws -> [OnnxValue] {
    let x = try c.input(0)
    let ratio = try c.number(1, "ratio") ?? c.float("ratio", 0.5)
    let trains = try c.number(2, "training_mode") ?? 0 != 0
    try c.require(!trains || ratio == 0, "it drops numbers at random even in evaluation (training_mode)")
    if c.node.outputs.count < 2 { return [x] }
    return [x, try c.emit(Equal(), x, x)]
  }
}
