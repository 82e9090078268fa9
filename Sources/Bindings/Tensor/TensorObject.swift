import Formats
import LuaHost
import Tensors

extension Tensor: LuaObject {
  public static var luaName: String { "tensor" }

  public static var luaType: LuaType {
    LuaType(
      """
      An array of numbers: f32, f64, i64, i32, i8, u8 or bool. Positions and dimensions that a script writes count \
      from 1, or from the end with negative numbers. Values inside tensors are data and stay as they are in files: \
      class numbers, and so the results of argmax, count from 0.
      """,
      keepsIdentity: false, properties: properties,
      methods: operators + indexing + contents + TensorFunction.all.map(\.method) + inPlace + gradients)
  }

  private static var properties: [Property] {
    [
      Property("shape", "The extents, a list.") { (t: Tensor) in t.shape.dims },
      Property("dtype", "The element type.", type: DType.luaName) { (t: Tensor) in t.dtype },
      Property("ndim", "The number of dimensions.") { (t: Tensor) in t.rank },
      Property(
        "requires_grad",
        "Whether gradients flow into it; may be set on a tensor that was not computed from others.",
        get: { (t: Tensor) in t.wantsGradient }, set: { try $0.setRequiresGradient($1) }),
      Property(
        "grad", "The gradient that backward has collected, or nil.",
        get: { (t: Tensor) in try t.rowGradient?.dense() ?? t.grad },
        set: { try $0.setGradient($1) }),
      Property(
        "quantization",
        "What its integers stand for, {scale = ..., zero_point = ...}, or nil; the integer kernels of qs.int8 read it.",
        get: { (t: Tensor) in t.quantization }, set: { try $0.setQuantization($1) }),
    ]
  }

  private func setQuantization(_ given: Quantization?) throws {
    if let given {
      try require(
        !dtype.isFloatingPoint && dtype != .bool, "quantization", "needs a tensor of integers, got \(dtype)")
      try require(
        given.scales.count == 1 || given.scales.count == shape.first, "quantization",
        "there are \(given.scales.count) scales for \(shape.first ?? 0) indices of the first dimension")
    }
    quantization = given
  }

  private func setRequiresGradient(_ wanted: Bool) throws {
    try require(
      dtype.isFloatingPoint || !wanted, "requires_grad",
      "only f32 and f64 tensors have gradients, this one is \(dtype)")
    try require(
      origin == nil, "requires_grad",
      "this tensor was computed from others; set it on them, or detach() it first")
    requiresGrad = wanted
  }

  private func setGradient(_ gradient: Tensor?) throws {
    if let gradient {
      try require(
        gradient.shape == shape && gradient.dtype == dtype, "grad",
        "must be \(dtype) \(shape) like the tensor, got \(gradient.dtype) \(gradient.shape)")
    }
    grad = gradient
  }

  private static var indexing: [Function] {
    [
      Function("__len", "The extent of the first dimension.", .receiver(Tensor.self)) { t in
        try require(t.rank > 0, "#", "a tensor without dimensions has no length")
        return t.shape[0]
      },
      Function(
        "__index", "A part of the tensor: t[2], t[-1], t[{ {1, 3}, 2 }], t[{ {}, {1, -1, 2} }].",
        .receiver(Tensor.self),
        .required(
          "index", LuaValue.self, "a position, or a table of positions and ranges {first, last, step}")
      ) { (t, index) -> Tensor? in
        if case .string = index { return nil }
        // nil one past the end, which is where ipairs stops.
        if case .int(let position) = index, t.rank > 0, position == t.shape[0] + 1 { return nil }
        return try TensorIndex(index, of: t.shape).select(from: t)
      },
      Function(
        "__newindex", "Overwrites a part of the tensor.", .receiver(Tensor.self),
        .required("index", LuaValue.self, "a position, or a table of positions and ranges"),
        .required("value", OneOf<Tensor, LuaNumbers>.self, "what broadcasts to the part's shape")
      ) { (t, index, value) -> Void in
        if case .string(let name) = index { throw LuaError("tensor has no field to set, '\(name)'") }
        let window = try TensorIndex(index, of: t.shape).window(of: t)
        try t.requireChangeable("index")
        switch value {
        case .first(let source): try window.assign(source)
        case .second(let numbers): try window.assign(numbers.tensor(t.dtype))
        }
      },
    ]
  }

  private static var contents: [Function] {
    [
      Function("numel", "The number of elements.", .receiver(Tensor.self)) { t in t.count },
      Function("item", "The only element as a number; a boolean of a bool tensor.", .receiver(Tensor.self)) {
        t in
        Tape.noteRead(t)
        return t.dtype.luaValue(try t.item())
      },
      Function("totable", "The elements as nested tables.", .receiver(Tensor.self)) { t in
        Tape.noteRead(t)
        return try t.luaValue()
      },
      Function(
        "save", "Writes it to a .npy file, exactly.", .receiver(Tensor.self),
        .required("path", String.self, "the file; written whole or not at all")
      ) { (t, path) -> Void in try Npy.write(t, to: path) },
      Function("free", "Gives the memory back now; the tensor cannot be used again.", .receiver(Tensor.self))
      { _ in },
      Function(
        "__tostring", "The values, then the type and shape.", .receiver(Tensor.self), returns: "string"
      ) { t in
        t.description
      },
    ]
  }

  private func luaValue() throws -> LuaValue {
    let values = try doubles()
    var next = 0
    func nested(_ axis: Int) -> LuaValue {
      if axis == rank {
        defer { next += 1 }
        return dtype.luaValue(values[next])
      }
      return .table(LuaTable(items: (0..<shape[axis]).map { _ in nested(axis + 1) }))
    }
    return nested(0)
  }
}

extension DType {
  fileprivate func luaValue(_ value: Double) -> LuaValue {
    if self == .bool { return .bool(value != 0) }
    return isFloatingPoint ? .number(value) : Int(exactly: value).map(LuaValue.int) ?? .number(value)
  }
}

extension LuaNumbers {
  func tensor(_ dtype: DType) throws -> Tensor {
    try .from(values, Shape(checking: shape, for: "tensor"), dtype)
  }
}
