import Compression
import Models
import Tensors

extension OnnxExport {
  /// Writes a float op that reads `x`; returns the name of its result.
  func float(_ op: any Op, inputs x: [String]) throws -> String {
    if let operation = Self.plain[op.name] { return add(operation, x) }
    switch op {
    case is Linear: return try linear(x)
    case let op as Attention: return try attention(op, x)
    case let op as Flatten: return add("Flatten", x, ["axis": .int(op.axis)])
    case let op as Reshape:
      return add("Reshape", x + [try integers(op.target.map { $0 == Reshape.keep ? 0 : $0 }, "shape")])
    case let op as Transpose: return add("Transpose", x, ["perm": .ints(op.permutation)])
    case let op as Squeeze: return add("Squeeze", x + [try integers([op.axis], "axes")])
    case let op as Unsqueeze: return add("Unsqueeze", x + [try integers([op.axis], "axes")])
    case let op as Concat: return add("Concat", x, ["axis": .int(op.axis)])
    case let op as Slice: return try slice(op, x)
    case let op as BroadcastTo: return add("Expand", x + [try integers(op.target.dims, "shape")])
    case let op as Tile:
      var repeats = [Int](repeating: 1, count: inputShape(0).rank)
      repeats[op.axis] = op.count
      return add("Tile", x + [try integers(repeats, "repeats")])
    case let op as Pad:
      return add(
        "Pad", x + [try integers(op.before + op.after, "pads"), try scalar(op.value, type(0))],
        ["mode": .string(op.mode.onnxName)])
    default:
      return try sliding(op, x) ?? normalization(op, x) ?? elementwise(op, x) ?? reduction(op, x)
        ?? indexing(op, x) ?? refuse(op)
    }
  }

  private func refuse(_ op: any Op) throws -> String {
    throw ShapeError("onnx", "the operation has no ONNX form yet; leave it out of the graph that is written")
  }

  /// Ops that are one ONNX operator without attributes.
  private static let plain: [String: String] = [
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "truncated_div": "Div", "matmul": "MatMul",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "logical_and": "And", "logical_or": "Or", "logical_not": "Not",
    "where": "Where",
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
    "abs": "Abs",
    "neg": "Neg", "erf": "Erf", "reciprocal": "Reciprocal", "floor": "Floor", "ceil": "Ceil",
    "round": "Round",
    "sign": "Sign", "hard_swish": "HardSwish", "softplus": "Softplus", "mish": "Mish",
    "global_avg_pool2d": "GlobalAveragePool", "pow": "Pow", "dropout": "Identity", "prelu": "PRelu",
  ]

  private func type(_ i: Int) -> DType { exporter.graph[reads[i]].dtype }

  private func elementwise(_ op: any Op, _ x: [String]) throws -> String? {
    switch op {
    case let op as Clip:
      return add(
        "Clip",
        [
          x[0], op.lowest == -.infinity ? "" : try scalar(op.lowest, type(0), "min"),
          op.highest == .infinity ? "" : try scalar(op.highest, type(0), "max"),
        ])
    case let op as Gelu:
      return add("Gelu", x, ["approximate": .string(op.approximation == .tanh ? "tanh" : "none")])
    case is Silu: return add("Mul", [x[0], add("Sigmoid", x)])
    case is Square: return add("Mul", [x[0], x[0]])
    case is NotEqual: return add("Not", [add("Equal", x)])
    case let op as HardSigmoid:
      return add("HardSigmoid", x, ["alpha": .float(Float(op.alpha)), "beta": .float(Float(op.beta))])
    case let op as LeakyRelu: return add("LeakyRelu", x, ["alpha": .float(Float(op.alpha))])
    case let op as Elu: return add("Elu", x, ["alpha": .float(Float(op.alpha))])
    case let op as Softmax: return add("Softmax", x, ["axis": .int(op.axis)])
    case let op as LogSoftmax: return add("LogSoftmax", x, ["axis": .int(op.axis)])
    case let op as Mod: return add("Mod", x, ["fmod": .int(op.truncated ? 1 : 0)])
    case let op as Cast: return add("Cast", x, ["to": .int(OnnxType(op.target).rawValue)])
    default: return nil
    }
  }

  private func reduction(_ op: any Op, _ x: [String]) throws -> String? {
    func reduce(_ operation: String, _ axes: [Int], _ keep: Bool) throws -> String {
      let attributes: [String: OnnxAttribute] = ["keepdims": .int(keep ? 1 : 0)]
      // No axes at all mean all of them in ONNX.
      if axes.isEmpty {
        return add(
          operation, x + [try integers([], "axes")],
          attributes.merging(["noop_with_empty_axes": .int(1)]) { $1 })
      }
      return add(operation, x + [try integers(axes, "axes")], attributes)
    }
    switch op {
    case let op as Sum: return try reduce("ReduceSum", op.axes, op.keepDims)
    case let op as Mean: return try reduce("ReduceMean", op.axes, op.keepDims)
    case let op as Max: return try reduce("ReduceMax", op.axes, op.keepDims)
    case let op as Min: return try reduce("ReduceMin", op.axes, op.keepDims)
    case let op as Prod: return try reduce("ReduceProd", op.axes, op.keepDims)
    case let op as ArgMax:
      return add("ArgMax", x, ["axis": .int(op.axis), "keepdims": .int(op.keepDims ? 1 : 0)])
    case let op as ArgMin:
      return add("ArgMin", x, ["axis": .int(op.axis), "keepdims": .int(op.keepDims ? 1 : 0)])
    case let op as Cumsum:
      return add(
        "CumSum", x + [try scalar(Double(op.axis), .i64, "axis")],
        ["exclusive": .int(op.exclusive ? 1 : 0), "reverse": .int(op.reverse ? 1 : 0)])
    default: return nil
    }
  }

  private func indexing(_ op: any Op, _ x: [String]) throws -> String? {
    switch op {
    case is Embedding: return add("Gather", x, ["axis": .int(0)])
    case let op as IndexSelect: return add("Gather", x, ["axis": .int(op.axis)])
    case let op as SelectPosition:
      return add("Gather", x + [try scalar(Double(op.index), .i64, "position")], ["axis": .int(1)])
    case let op as Gather: return add("GatherElements", x, ["axis": .int(op.axis)])
    case let op as Scatter:
      return add(
        "ScatterElements", x, ["axis": .int(op.axis), "reduction": .string(op.reduction.rawValue)])
    case let op as TopK:
      let attributes: [String: OnnxAttribute] = ["axis": .int(op.axis), "largest": .int(op.largest ? 1 : 0)]
      return exporter.add(
        "TopK", x + [try integers([op.k], "k")], attributes, outputs: 2, named: title)[1]
    default: return nil
    }
  }

  // MARK: Layers

  /// Gemm over rows; over more dimensions MatMul with the weight turned, and Add.
  private func linear(_ x: [String]) throws -> String {
    if inputShape(0).rank == 2 { return add("Gemm", x, ["transB": .int(1)]) }
    let product = add("MatMul", [x[0], add("Transpose", [x[1]], ["perm": .ints([1, 0])])])
    return x.count > 2 ? add("Add", [product, x[2]]) : product
  }

  private func slice(_ op: Slice, _ x: [String]) throws -> String {
    let last = op.start + op.step * op.count
    // Walking backwards to the first element ends before it, which only a number far below says.
    let end = last < 0 ? Int(Int32.min) : last
    return add(
      "Slice",
      x + [
        try integers([op.start], "starts"), try integers([op.count == 0 ? op.start : end], "ends"),
        try integers([op.axis], "axes"), try integers([op.step], "steps"),
      ])
  }

  /// Spelled out: the operator of its own came with opset 23.
  ///
  /// - Parameter rounded: what becomes of an inner value, the scores (true) or their softmax.
  func attention(_ op: Attention, _ x: [String], rounded: (String, Bool) throws -> String = { x, _ in x })
    throws -> String
  {
    func heads(_ i: Int, _ order: [Int]) throws -> String {
      let size = inputShape(i)[2] / op.heads
      let split = add("Reshape", [x[i], try integers([0, 0, op.heads, size], "shape")])
      return add("Transpose", [split], ["perm": .ints(order)])
    }
    let product = add("MatMul", [try heads(0, [0, 2, 1, 3]), try heads(1, [0, 2, 3, 1])])
    var scores = try rounded(add("Mul", [product, scalar(op.scale(for: inputShape(0)))]), true)
    if x.count > 3 { scores = add("Add", [scores, x[3]]) }
    if op.isCausal {
      scores = add("Add", [scores, try exporter.hasOpenLengths ? openCausalMask(x) : causalMask()])
    }
    let weights = try rounded(add("Softmax", [scores], ["axis": .int(-1)]), false)
    let mixed = add("MatMul", [weights, try heads(2, [0, 2, 1, 3])])
    let joined = add("Transpose", [mixed], ["perm": .ints([0, 2, 1, 3])])
    return add("Reshape", [joined, try integers([0, 0, inputShape(2)[2]], "shape")])
  }

  /// Minus infinity where a key comes after the query.
  private func causalMask() throws -> String {
    let (rows, columns) = (inputShape(0)[1], inputShape(1)[1])
    let mask = (0..<rows * columns).map { $0 % columns > $0 / columns ? -Double.infinity : 0 }
    return try exporter.constant(Tensor.from(mask, [rows, columns], .f32), "causal_mask")
  }

  /// The same for lengths that are known when the model runs.
  private func openCausalMask(_ x: [String]) throws -> String {
    func places(_ input: String) throws -> String {
      let length = add("Squeeze", [add("Shape", [input], ["start": .int(1), "end": .int(2)])])
      return add(
        "Range",
        [
          try exporter.constant(.scalar(0, .i64), "first"), length,
          try exporter.constant(.scalar(1, .i64), "step"),
        ])
    }
    let queries = add("Unsqueeze", [try places(x[0]), try integers([1], "axes")])
    let isSeen = add("LessOrEqual", [try places(x[1]), queries])
    return add("Where", [isSeen, try scalar(0), try scalar(-.infinity)])
  }
}
