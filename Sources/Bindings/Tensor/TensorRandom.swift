import LuaHost
import Tensors

extension Tensor {
  static var random: [Function] {
    [
      Function("seed", "Starts all random numbers again.", .required("seed", Int.self, "any whole number")) {
        (seed) -> Void in Random.reseed(UInt64(bitPattern: Int64(seed)))
      },
      Function(
        "random_state",
        "Where all random numbers stand: {seed = ..., streams = {...}}; see load_random_state.",
        returns: "table"
      ) {
        LuaTable([
          "seed": .int(Int(bitPattern: UInt(Random.seed))),
          "streams": .table(
            LuaTable(
              fields: Random.positions.sorted { $0.key < $1.key }.map {
                (.string($0.key), .int(Int(bitPattern: UInt($0.value))))
              })),
        ])
      },
      Function(
        "load_random_state", "Lets random numbers go on from there.",
        .requiredOption("seed", Int.self, "of all"),
        .requiredOption("streams", [String: Int].self, "numbers drawn from each stream")
      ) { (seed, streams) -> Void in
        Random.reseed(UInt64(bitPattern: Int64(seed)))
        Random.positions = streams.mapValues { UInt64(bitPattern: Int64($0)) }
      },
      Function(
        "random_integer", "A random whole number of 64 bits, to seed something else with.",
        .required("stream", String.self, "which stream it is drawn from")
      ) { stream in Int(bitPattern: UInt(Random.with(stream) { $0.next() })) },
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
