import LuaHost
import Tensors

extension Tensor {
  static var creation: [Function] {
    [
      Function(
        "tensor", "A tensor of the numbers in nested tables, or of one number.",
        .required("values", LuaNumbers.self, "as in {{1, 2}, {3, 4}}"), .dtype()
      ) { values, dtype in try values.tensor(dtype) },
      Function("zeros", "A tensor of zeros.", .extents, .dtype()) { extents, dtype in
        try Tensor.zeros(extents.shape(for: "zeros"), dtype)
      },
      Function("ones", "A tensor of ones.", .extents, .dtype()) { extents, dtype in
        try Tensor.ones(extents.shape(for: "ones"), dtype)
      },
      Function(
        "full", "A tensor of one number.",
        .required("shape", OneOf<Int, [Int]>.self, "extents, as in {2, 3}"),
        .required("value", Double.self, "every element"), .dtype()
      ) { extents, value, dtype in try Tensor.full([extents].shape(for: "full"), value, dtype) },
      like("zeros_like", "Zeros of the shape and type of another tensor.", 0),
      like("ones_like", "Ones of the shape and type of another tensor.", 1),
      Function(
        "eye", "The n x n identity matrix.", .required("n", Int.self, "rows and columns", .notNegative),
        .dtype()
      ) {
        n, dtype in try Tensor.eye(Shape(checking: [n, n], for: "eye")[0], dtype)
      },
      Function(
        "arange",
        "start, start + step, ... up to, but without, stop. With one argument it is the stop, from 0.",
        .required("start", Double.self, "the first number, or the stop"),
        .optional("stop", Double?.self, "where to end"),
        .optional("step", default: 1.0, "may be negative"), .dtype()
      ) { (start: Double, stop: Double?, step: Double, dtype: DType) in
        let (from, to) = stop.map { (start, $0) } ?? (0, start)
        try require(step != 0 && !step.isNaN, "arange", "step cannot be \(step)")
        let count = ((to - from) / step).rounded(.up)
        try require(
          count <= Double(Shape.maximumCount), "arange", "from \(from) to \(to) by \(step) is too much")
        return try Tensor.arange(start: from, count: Int(Swift.max(0, count)), step: step, dtype)
      },
      Function(
        "linspace", "Numbers at equal distances, both ends included.",
        .required("start", Double.self, "the first"),
        .required("stop", Double.self, "the last"), .required("count", Int.self, "how many", .positive),
        .dtype()
      ) { start, stop, count, dtype in
        let shape = try Shape(checking: [count], for: "linspace")
        let step = (stop - start) / Double(Swift.max(count - 1, 1))
        return try Tensor.from(
          (0..<count).map { $0 == count - 1 && count > 1 ? stop : start + Double($0) * step }, shape, dtype)
      },
    ] + combining
  }

  private static func like(_ name: String, _ doc: String, _ value: Double) -> Function {
    Function(name, doc, .required("x", Tensor.self, "any tensor")) { x in
      try Tensor.full(x.shape, value, x.dtype)
    }
  }

  private static var combining: [Function] {
    [
      Function(
        "cat", "Tensors one after the other along a dimension.",
        .required("tensors", [Tensor].self, "equal but for it"),
        .optional("dim", default: Dimension.first, "along which")
      ) { tensors, dim in
        try require(!tensors.isEmpty, "cat", "needs at least one tensor")
        return try Tensor.concat(tensors, axis: dim.axis(of: tensors[0].shape, for: "cat"))
      },
      Function(
        "stack", "Tensors of one shape along a new dimension.",
        .required("tensors", [Tensor].self, "of one shape"),
        .optional("dim", default: Dimension.first, "its place in the result")
      ) { tensors, dim in
        try require(!tensors.isEmpty, "stack", "needs at least one tensor")
        return try Tensor.stack(tensors, axis: dim.newAxis(in: tensors[0].shape, for: "stack"))
      },
      Function(
        "where", "Elements of one tensor or number where a condition holds, of another where not.",
        .required("condition", Tensor.self, "bool"), .required("a", OperandArgument.self, "where true"),
        .required("b", OperandArgument.self, "where false")
      ) { condition, a, b in
        switch (a, b) {
        case (.first(let a), .first(let b)): try condition.choose(a, b)
        case (.first(let a), .second(let b)): try condition.choose(a, b)
        case (.second(let a), .first(let b)): try condition.logicalNot().choose(b, a)
        case (.second(let a), .second(let b)): try condition.choose(.scalar(a), b)
        }
      },
    ]
  }
}

extension Param where Value == DType {
  static func dtype(default dtype: DType = .f32) -> Param { .option("dtype", default: dtype, "element type") }
}

extension Param where Value == Extents {
  static var extents: Param { .rest("shape", OneOf<Int, [Int]>.self, "extents, as in 2, 3 or {2, 3}") }
}
