import Compression
import Tensors

/// The ops that may stay in f32 inside a program, and how a file holds their attributes.
enum FloatOps {
  struct Form: Sendable {
    let name: String
    /// How many operands it takes.
    let operands: ClosedRange<Int>
    let write: @Sendable (any Op, inout StepRecord) -> Void
    let read: @Sendable (StepRecord) throws -> any Op
  }

  static func form(of op: any Op) -> Form? { all[op.name] }

  static let all: [String: Form] = Dictionary(
    uniqueKeysWithValues: (plain + withAxes + layers + shapes).map { ($0.name, $0) })

  /// Ops without attributes.
  private static let plain: [Form] = [
    fixed(Linear(), 2...3), fixed(MatMul(), 2...2), fixed(Add(), 2...2), fixed(Sub(), 2...2),
    fixed(Mul(), 2...2), fixed(Div(), 2...2), fixed(Pow(), 2...2), fixed(Maximum(), 2...2),
    fixed(Minimum(), 2...2), fixed(Relu(), 1...1), fixed(Sigmoid(), 1...1), fixed(Tanh(), 1...1),
    fixed(Silu(), 1...1), fixed(HardSwish(), 1...1), fixed(Softplus(), 1...1), fixed(Mish(), 1...1),
    fixed(Exp(), 1...1), fixed(Log(), 1...1), fixed(Sqrt(), 1...1), fixed(Abs(), 1...1), fixed(Neg(), 1...1),
    fixed(Square(), 1...1), fixed(Reciprocal(), 1...1), fixed(Erf(), 1...1), fixed(Sign(), 1...1),
    fixed(Round(), 1...1), fixed(Floor(), 1...1), fixed(Ceil(), 1...1), fixed(Equal(), 2...2),
    fixed(NotEqual(), 2...2), fixed(Less(), 2...2), fixed(LessOrEqual(), 2...2), fixed(Greater(), 2...2),
    fixed(GreaterOrEqual(), 2...2), fixed(LogicalAnd(), 2...2), fixed(LogicalOr(), 2...2),
    fixed(LogicalNot(), 1...1), fixed(Where(), 3...3), fixed(PRelu(), 2...2),
    fixed(GlobalAvgPool2d(), 1...1), fixed(Embedding(), 2...2),
  ]

  private static let withAxes: [Form] = [
    axis({ Softmax(axis: $0) }, \.axis), axis({ LogSoftmax(axis: $0) }, \.axis),
    axis({ Concat(axis: $0) }, \.axis, 1...16), axis({ Gather(axis: $0) }, \.axis, 2...2),
    axis({ Squeeze(axis: $0) }, \.axis), axis({ Unsqueeze(axis: $0) }, \.axis),
    axis({ Flatten(axis: $0) }, \.axis), axis({ IndexSelect(axis: $0) }, \.axis, 2...2),
    reduction({ Sum(axes: $0, keepDims: $1) }, \.axes, \.keepDims),
    reduction({ Mean(axes: $0, keepDims: $1) }, \.axes, \.keepDims),
    reduction({ Max(axes: $0, keepDims: $1) }, \.axes, \.keepDims),
    reduction({ Min(axes: $0, keepDims: $1) }, \.axes, \.keepDims),
  ]

  private static let layers: [Form] = [
    Form(LayerNorm.self, 1...3) { op, r in
      r.integers["axes"] = op.axes
      r.put(op.epsilon, "epsilon")
    } read: { r in
      LayerNorm(axes: try r.size("axes"), epsilon: try r.real("epsilon"))
    },
    Form(BatchNorm.self, 5...5) { op, r in
      r.put(op.epsilon, "epsilon")
    } read: { r in
      BatchNorm(epsilon: try r.real("epsilon"))
    },
    Form(GroupNorm.self, 1...3) { op, r in
      r.integers["groups"] = op.groups
      r.put(op.epsilon, "epsilon")
    } read: { r in
      GroupNorm(groups: try r.size("groups"), epsilon: try r.real("epsilon"))
    },
    Form(Attention.self, 3...4) { op, r in
      r.integers["heads"] = op.heads
      r.integers["causal"] = op.isCausal ? 1 : 0
      if let scale = op.scale { r.put(scale, "scale") }
    } read: { r in
      Attention(
        heads: try r.size("heads"), scale: r.strings["scale"] == nil ? nil : try r.real("scale"),
        isCausal: try r.integer("causal") != 0)
    },
    Form(Gelu.self, 1...1) { op, r in
      r.strings["approximation"] = op.approximation.rawValue
    } read: { r in
      guard let kind = Gelu.Approximation(rawValue: try r.string("approximation")) else {
        throw ShapeError("program", "a step has an unknown kind of gelu")
      }
      return Gelu(kind)
    },
    Form(LeakyRelu.self, 1...1) { op, r in
      r.put(op.alpha, "alpha")
    } read: { r in
      LeakyRelu(try r.real("alpha"))
    },
    Form(Elu.self, 1...1) { op, r in
      r.put(op.alpha, "alpha")
    } read: { r in
      Elu(alpha: try r.real("alpha"))
    },
    Form(Clip.self, 1...1) { op, r in
      r.put(op.lowest, "lowest")
      r.put(op.highest, "highest")
    } read: { r in
      Clip(try r.real("lowest"), try r.real("highest"))
    },
    Form(HardSigmoid.self, 1...1) { op, r in
      r.put(op.alpha, "alpha")
      r.put(op.beta, "beta")
    } read: { r in
      HardSigmoid(alpha: try r.real("alpha"), beta: try r.real("beta"))
    },
    Form(Conv2d.self, 2...3) { op, r in
      r.put(Window2d(kernel: 1, stride: op.stride, padding: op.padding, dilation: op.dilation))
      r.integers["groups"] = op.groups
    } read: { r in
      let window = try r.window()
      return Conv2d(
        stride: window.stride, padding: window.padding, dilation: window.dilation,
        groups: try r.size("groups"))
    },
    Form(MaxPool2d.self, 1...1) { op, r in
      r.put(op.window)
    } read: { r in
      MaxPool2d(try r.window())
    },
    Form(AvgPool2d.self, 1...1) { op, r in
      r.put(op.window)
      r.integers["count_include_pad"] = op.countIncludePad ? 1 : 0
    } read: { r in
      AvgPool2d(try r.window(), countIncludePad: try r.integer("count_include_pad") != 0)
    },
  ]

  private static let shapes: [Form] = [
    Form(Reshape.self, 1...1) { op, r in
      r.put(list: op.target, "target")
    } read: { r in
      Reshape(try r.list("target", -2...Shape.largestExtent))
    },
    Form(Transpose.self, 1...1) { op, r in
      r.put(list: op.permutation, "permutation")
    } read: { r in
      Transpose(try r.list("permutation", 0...15))
    },
    Form(BroadcastTo.self, 1...1) { op, r in
      r.put(list: op.target.dims, "target")
    } read: { r in
      BroadcastTo(shape: try Shape(checking: r.list("target", 0...Shape.largestExtent), for: "program"))
    },
    Form(Slice.self, 1...1) { op, r in
      for (name, value) in [("axis", op.axis), ("start", op.start), ("count", op.count), ("step", op.step)] {
        r.integers[name] = value
      }
    } read: { r in
      Slice(
        axis: try r.size("axis", least: 0), start: try r.integer("start"),
        count: try r.size("count", least: 0), step: try r.integer("step"))
    },
    Form(Cumsum.self, 1...1) { op, r in
      r.integers["axis"] = op.axis
      r.integers["exclusive"] = op.exclusive ? 1 : 0
      r.integers["reverse"] = op.reverse ? 1 : 0
    } read: { r in
      Cumsum(
        axis: try r.size("axis", least: 0), exclusive: try r.integer("exclusive") != 0,
        reverse: try r.integer("reverse") != 0)
    },
    Form(Cast.self, 1...1) { op, r in
      r.strings["target"] = op.target.rawValue
    } read: { r in
      guard let type = DType(rawValue: try r.string("target")) else {
        throw ShapeError("program", "a step converts to an unknown type")
      }
      return Cast(to: type)
    },
  ]

  // MARK: Making forms

  private static func fixed<O: Op>(_ op: O, _ operands: ClosedRange<Int>) -> Form {
    Form(O.self, operands) { _, _ in
    } read: { _ in
      op
    }
  }

  private static func axis<O: Op>(
    _ make: @escaping @Sendable (Int) -> O, _ axis: @escaping @Sendable (O) -> Int,
    _ operands: ClosedRange<Int> = 1...1
  ) -> Form {
    Form(O.self, operands) { op, r in
      r.integers["axis"] = axis(op)
    } read: { r in
      make(try r.size("axis", least: 0))
    }
  }

  private static func reduction<O: Op>(
    _ make: @escaping @Sendable ([Int], Bool) -> O, _ axes: @escaping @Sendable (O) -> [Int],
    _ keepDims: @escaping @Sendable (O) -> Bool
  ) -> Form {
    Form(O.self, 1...1) { op, r in
      r.put(list: axes(op), "axes")
      r.integers["keep"] = keepDims(op) ? 1 : 0
    } read: { r in
      make(try r.list("axes", 0...15), try r.integer("keep") != 0)
    }
  }
}

extension FloatOps.Form {
  fileprivate init<O: Op>(
    _: O.Type, _ operands: ClosedRange<Int>, write: @escaping @Sendable (O, inout StepRecord) -> Void,
    read: @escaping @Sendable (StepRecord) throws -> O
  ) {
    self.init(
      name: O.name, operands: operands,
      write: { op, record in
        guard let op = op as? O else { preconditionFailure("forms are found by name") }
        write(op, &record)
      }, read: { try read($0) })
  }
}

extension Shape {
  fileprivate static let largestExtent = 1 << 40
}

extension StepRecord {
  /// A double with all its bits.
  fileprivate mutating func put(_ value: Double, _ name: String) {
    strings[name] = String(value.bitPattern, radix: 16)
  }

  fileprivate func real(_ name: String) throws -> Double {
    guard let bits = UInt64(try string(name), radix: 16), !Double(bitPattern: bits).isNaN else {
      throw ShapeError("program", "a step's '\(name)' is not a number")
    }
    return Double(bitPattern: bits)
  }

  fileprivate mutating func put(list: [Int], _ name: String) {
    strings[name] = list.map(String.init).joined(separator: " ")
  }

  fileprivate func list(_ name: String, _ range: ClosedRange<Int>) throws -> [Int] {
    let words = try string(name).split(separator: " ")
    let numbers = words.compactMap { Int($0) }
    try require(
      numbers.count == words.count && numbers.count <= 16 && numbers.allSatisfy(range.contains), "program",
      "a step's '\(name)' is not a list of numbers from \(range.lowerBound)")
    return numbers
  }

  private static var sizes: [String] { ["kernel", "stride", "dilation"] }

  fileprivate mutating func put(_ window: Window2d) {
    for (name, size) in zip(Self.sizes, [window.kernel, window.stride, window.dilation]) {
      put(list: [size.height, size.width], name)
    }
    let p = window.padding
    put(list: [p.top, p.left, p.bottom, p.right], "padding")
  }

  fileprivate func window() throws -> Window2d {
    let sizes = try Self.sizes.map { name in
      let pair = try list(name, 1...(1 << 20))
      try require(pair.count == 2, "program", "a step's '\(name)' is not two numbers")
      return Size2d(pair[0], pair[1])
    }
    let padding = try list("padding", 0...(1 << 20))
    try require(padding.count == 4, "program", "a step's padding is not four numbers")
    let window = Window2d(
      kernel: sizes[0], stride: sizes[1],
      padding: Padding2d(top: padding[0], left: padding[1], bottom: padding[2], right: padding[3]),
      dilation: sizes[2])
    try window.check(for: "program")
    return window
  }
}
