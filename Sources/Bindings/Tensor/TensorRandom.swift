import LuaHost
import Tensors

extension Tensor {
  static var random: [Function] {
    [
      Function("seed", "Starts all random numbers again.", .required("seed", Int.self, "any whole number")) {
        (seed) -> Void in Random.reseed(UInt64(bitPattern: Int64(seed)))
      },
      Function("rand", "Random numbers, uniform in [0, 1).", .extents, .dtype()) { extents, dtype in
        try draw(extents.shape(for: "rand"), dtype) { $0.uniform() }
      },
      Function("randn", "Random numbers of the standard normal distribution.", .extents, .dtype()) {
        extents, dtype in
        try draw(extents.shape(for: "randn"), dtype) { $0.normal() }
      },
      Function(
        "randint", "Random whole numbers from low up to, but without, high.",
        .required("low", Int.self, "the least"),
        .required("high", Int.self, "one more than the largest"),
        .required("shape", OneOf<Int, [Int]>.self, "extents, as in {2, 3}"), .dtype(default: .i64)
      ) { low, high, extents, dtype in
        let (span, overflow) = high.subtractingReportingOverflow(low)
        try require(!overflow && span > 0, "randint", "high \(high) must be above low \(low)")
        return try draw([extents].shape(for: "randint"), dtype) { Double(low + $0.index(below: span)) }
      },
      Function(
        "randperm", "The numbers 0 to n - 1 in random order.",
        .required("n", Int.self, "how many", .notNegative),
        .dtype(default: .i64)
      ) { n, dtype in
        let shape = try Shape(checking: [n], for: "randperm")
        return try Tensor.from(
          Random.with("script") { (0..<n).map(Double.init).shuffled(using: &$0) }, shape, dtype)
      },
    ]
  }

  private static func draw(
    _ shape: Shape, _ dtype: DType, _ next: (inout Generator) -> Double
  ) throws -> Tensor {
    try Tensor.from(
      Random.with("script") { generator in (0..<shape.elements).map { _ in next(&generator) } }, shape, dtype)
  }
}
