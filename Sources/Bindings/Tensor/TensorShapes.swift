import LuaHost
import Tensors

extension TensorFunction {
  static var shapes: [TensorFunction] {
    [
      reshape("reshape"), reshape("view"),
      TensorFunction(
        "transpose", "Exchanges two dimensions; a view.", .required("dim1", Dimension.self, "one"),
        .required("dim2", Dimension.self, "the other")
      ) { x, a, b in
        var order = Array(0..<x.rank)
        order.swapAt(try a.axis(of: x.shape, for: "transpose"), try b.axis(of: x.shape, for: "transpose"))
        return try Transpose(order)(x)
      },
      TensorFunction(
        "permute", "The dimensions in another order; a view.",
        .rest("dims", Dimension.self, "every dimension once")
      ) { x, dims in try Transpose(dims.map { try $0.axis(of: x.shape, for: "permute") })(x) },
      TensorFunction(
        "squeeze", "Without the dimensions of extent 1; a view.",
        .optional("dim", Dimension?.self, "the only one to remove; its extent must be 1")
      ) { x, dim in
        if let dim { return try x.squeezed(axis: dim.axis(of: x.shape, for: "squeeze")) }
        return try x.shape.indices.reversed().filter { x.shape[$0] == 1 }.reduce(x) {
          try $0.squeezed(axis: $1)
        }
      },
      TensorFunction(
        "unsqueeze", "With one more dimension, of extent 1; a view.",
        .required("dim", Dimension.self, "its place in the result")
      ) { x, dim in try x.unsqueezed(axis: dim.newAxis(in: x.shape, for: "unsqueeze")) },
      TensorFunction(
        "flatten", "The dimensions from one on as one; the others stay.",
        .optional("dim", default: Dimension.first, "the first to flatten")
      ) { x, dim in
        let axis = try dim.axis(of: x.rank == 0 ? [1] : x.shape, for: "flatten")
        let dims = x.shape.dims
        return try Reshape(dims.prefix(axis) + [dims.dropFirst(axis).reduce(1, *)])(x)
      },
      TensorFunction(
        "expand", "Repeats dimensions of extent 1; -1 keeps an extent.",
        .rest("shape", OneOf<Int, [Int]>.self, "extents")
      ) { x, extents in
        let missing = extents.flat.count - x.rank
        let dims = extents.flat.enumerated().map { $1 == -1 && $0 >= missing ? x.shape[$0 - missing] : $1 }
        return try BroadcastTo(shape: Shape(checking: dims, for: "expand"))(x)
      },
      TensorFunction(
        "narrow", "A range of one dimension; a view.", .required("dim", Dimension.self, "along which"),
        .required("start", Int.self, "first position, from 1; negative from the end"),
        .required("length", Int.self, "number of positions", .notNegative)
      ) { x, dim, start, length in
        let axis = try dim.axis(of: x.shape, for: "narrow")
        try require(
          start != 0, "narrow", "positions count from 1, or from the end with negative numbers (got 0)")
        let first = start > 0 ? start - 1 : start + x.shape[axis]
        try require(
          first >= 0 && first <= x.shape[axis] && length <= x.shape[axis] - first, "narrow",
          "\(length) positions from \(start) do not lie within dimension \(axis + 1) of \(x.shape)")
        return try Slice(axis: axis, start: first, count: length)(x)
      },
      TensorFunction(
        "to", "The same values as another element type; itself where it has that type.",
        .required("dtype", DType.self, "fractions are cut off and large values saturate")
      ) { x, dtype in try x.cast(to: dtype) },
      TensorFunction("float", "As f32.") { x in try x.cast(to: .f32) },
      TensorFunction("double", "As f64.") { x in try x.cast(to: .f64) },
      TensorFunction("long", "As i64.") { x in try x.cast(to: .i64) },
    ]
  }

  private static func reshape(_ name: String) -> TensorFunction {
    TensorFunction(
      name, "The same elements under another shape, in row-major order.",
      .rest("shape", OneOf<Int, [Int]>.self, "extents; one may be -1 and follows from the others")
    ) { x, extents in try Reshape(extents.flat)(x) }
  }

  static var picking: [TensorFunction] {
    [
      TensorFunction(
        "gather", "One element for each index, along a dimension.",
        .required("dim", Dimension.self, "along which"),
        .required("indices", Tensor.self, "i64, counted from 0; of as many dimensions as the tensor")
      ) { x, dim, indices in try x.gather(axis: dim.axis(of: x.shape, for: "gather"), indices) },
      TensorFunction(
        "index_select", "The slices of a dimension that the indices name.",
        .required("dim", Dimension.self, "along which"),
        .required("indices", Tensor.self, "i64, counted from 0")
      ) { x, dim, indices in try x.indexSelect(axis: dim.axis(of: x.shape, for: "index_select"), indices) },
      TensorFunction(
        "scatter", "With updates in place of the elements that indices name along a dimension.",
        .required("dim", Dimension.self, "along which"),
        .required("indices", Tensor.self, "i64, counted from 0; of as many dimensions as the tensor"),
        .required("updates", OperandArgument.self, "of the shape of the indices, or one number")
      ) { x, dim, indices, updates in
        let axis = try dim.axis(of: x.shape, for: "scatter")
        let updates = try updates.tensor(like: x, for: "scatter")
        return try x.scatter(
          axis: axis, indices, updates.rank == 0 ? updates.broadcast(to: indices.shape) : updates)
      },
      TensorFunction(
        "scatter_add", "With updates added to the elements that indices name along a dimension.",
        .required("dim", Dimension.self, "along which"),
        .required("indices", Tensor.self, "i64, counted from 0; of as many dimensions as the tensor"),
        .required("updates", Tensor.self, "of the shape of the indices")
      ) { x, dim, indices, updates in
        try x.scatter(axis: dim.axis(of: x.shape, for: "scatter_add"), indices, updates, reduction: .add)
      },
      TensorFunction(
        "topk", "The k largest elements along a dimension, best first, and their places, counted from 0.",
        .required("k", Int.self, "how many", .notNegative),
        .optional("dim", default: Dimension.last, "along which"),
        .option("largest", default: true, "false for the smallest"), returns: "tensor, tensor"
      ) { x, k, dim, largest in
        let best = try x.topk(k, axis: dim.axis(of: x.shape, for: "topk"), largest: largest)
        return LuaResults(best.values, best.indices)
      },
      TensorFunction(
        "pad", "With more elements around it.",
        .required("padding", [Int].self, "pairs from the last dimension on: {left, right, top, bottom}"),
        .option("mode", default: Pad.Mode.constant, "what the new elements are"),
        .option("value", default: 0.0, "of the mode \"constant\"")
      ) { x, padding, mode, value in
        try require(
          padding.count % 2 == 0 && padding.count <= 2 * x.rank, "pad",
          "argument 'padding' must be at most \(x.rank) pairs for \(x.shape), got \(padding.count) numbers")
        var (before, after) = ([Int](repeating: 0, count: x.rank), [Int](repeating: 0, count: x.rank))
        for pair in 0..<(padding.count / 2) {
          before[x.rank - 1 - pair] = padding[2 * pair]
          after[x.rank - 1 - pair] = padding[2 * pair + 1]
        }
        return try x.padded(before: before, after: after, mode: mode, value: value)
      },
      TensorFunction(
        "one_hot", "1 at the place each index names along a new last dimension, 0 elsewhere.",
        .required("classes", Int.self, "the extent of the new dimension", .positive), .dtype()
      ) { x, classes, dtype in try x.oneHot(depth: classes, dtype) },
      TensorFunction(
        "masked_select", "The elements where a mask is true, in row-major order.",
        .required("mask", Tensor.self, "bool, broadcasts to the tensor")
      ) { x, mask in try x.masked(mask) },
      TensorFunction(
        "masked_fill", "With one number wherever a mask is true.",
        .required("mask", Tensor.self, "bool, broadcasts with the tensor"),
        .required("value", Double.self, "the number")
      ) { x, mask, value in try mask.choose(Tensor.full([], value, x.dtype), x) },
    ]
  }

  static var all: [TensorFunction] { arithmetic + elementwise + reductions + shapes + picking + neural }
}
