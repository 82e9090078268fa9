import LuaHost
import Tensors

extension TensorFunction {
  static var reductions: [TensorFunction] {
    [
      reduction("sum", "The sum; of integers an i64.") { Sum(axes: $0, keepDims: $1) },
      reduction("mean", "The arithmetic mean.") { Mean(axes: $0, keepDims: $1) },
      reduction("prod", "The product; of integers an i64.") { Prod(axes: $0, keepDims: $1) },
      reduction("max", "The largest element; see argmax for its place.") { Max(axes: $0, keepDims: $1) },
      reduction("min", "The smallest element; see argmin for its place.") { Min(axes: $0, keepDims: $1) },
      spread("var", "The variance.") { x, op in try op(x) },
      spread("std", "The standard deviation.") { x, op in try Sqrt()(op(x)) },
      place("argmax", "The place of the largest element, the first among equals.") {
        ArgMax(axis: $0, keepDims: $1)
      },
      TensorFunction(
        "cumsum", "The sum of all elements up to each one.",
        .optional("dim", default: Dimension.last, "along which"),
        .option("exclusive", default: false, "whether an element is left out of the sum in its place"),
        .option("reverse", default: false, "whether the sums start at the end")
      ) { x, dim, exclusive, reverse in
        try x.cumsum(axis: dim.axis(of: x.shape, for: "cumsum"), exclusive: exclusive, reverse: reverse)
      },
      along("softmax", "e^x / sum e^x.") { try $0.softmax(axis: $1) },
      along("log_softmax", "The logarithm of softmax, computed without losing digits.") {
        try $0.logSoftmax(axis: $1)
      },
      place("argmin", "The place of the smallest element, the first among equals.") {
        ArgMin(axis: $0, keepDims: $1)
      },
    ]
  }

  private static func reduction(
    _ name: String, _ doc: String, _ op: @escaping ([Int], Bool) -> any Op
  ) -> TensorFunction {
    TensorFunction(name, doc, .dimensions, .keepDimension) { x, dims, keep in
      try op(dims.axes(of: x.shape, for: name), keep).apply(x)
    }
  }

  private static func spread(
    _ name: String, _ doc: String, _ finish: @escaping (Tensor, Variance) throws -> Tensor
  ) -> TensorFunction {
    TensorFunction(
      name, doc, .dimensions, .keepDimension,
      .option(
        "correction", default: 1, "subtracted from the number of elements; 0 for that of a whole population")
    ) { x, dims, keep, correction in
      try finish(x, Variance(axes: dims.axes(of: x.shape, for: name), keepDims: keep, correction: correction))
    }
  }

  private static func along(
    _ name: String, _ doc: String, _ compute: @escaping (Tensor, Int) throws -> Tensor
  ) -> TensorFunction {
    TensorFunction(name, doc, .optional("dim", default: Dimension.last, "along which")) { x, dim in
      try compute(x, dim.axis(of: x.shape, for: name))
    }
  }

  private static func place(_ name: String, _ doc: String, _ op: @escaping (Int, Bool) -> any Op)
    -> TensorFunction
  {
    TensorFunction(
      name, doc + " Counted from 0, for places are data; i64.",
      .optional(
        "dim", Dimension?.self, "along which to look; all elements in row-major order where left out"),
      .keepDimension
    ) { x, dim, keep in
      guard let dim else { return try op(0, false).apply(x.reshaped([x.count])) }
      return try op(dim.axis(of: x.shape, for: name), keep).apply(x)
    }
  }
}

extension Param where Value == Dimensions? {
  fileprivate static var dimensions: Param {
    .optional("dim", Dimensions?.self, "one dimension or a list; all where left out")
  }
}

extension Param where Value == Bool {
  fileprivate static var keepDimension: Param {
    .option("keepdim", default: false, "keep the reduced dimensions, with extent 1")
  }
}
