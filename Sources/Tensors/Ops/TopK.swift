/// The 0-based places of the k largest elements along one dimension, or the smallest, best first, as i64; the first
/// among equals, and NaN counts as largest. No gradient: `Tensor.topk` picks the values by `Gather`, whose gradient
/// flows to them. The second output of ONNX TopK.
public struct TopK: Op {
  public static let name = "topk"
  public let k: Int
  public let axis: Int
  public let largest: Bool

  public init(_ k: Int, axis: Int, largest: Bool = true) {
    (self.k, self.axis, self.largest) = (k, axis, largest)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    try require(
      (0...s[0][axis]).contains(k),
      "dimension \(axis + 1) of \(s[0]) has \(s[0][axis]) elements, asked for \(k)")
    return s[0].replacing(axis, with: k)
  }

  public func dtype(of types: [DType]) throws -> DType { .i64 }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].movingToEnd(axis).contiguous()
    let y = try Tensor(undefined: x.shape.replacing(x.rank - 1, with: k), .i64)
    switch x.dtype {
    case .f32: select(x, y, Float.self)
    case .f64: select(x, y, Double.self)
    case .i64: select(x, y, Int64.self)
    case .i32: select(x, y, Int32.self)
    case .i8: select(x, y, Int8.self)
    case .u8: select(x, y, UInt8.self)
    case .bool: select(x, y, Truth.self)
    }
    return y.movingFromEnd(axis)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }

  private func select<T: Element>(_ x: Tensor, _ y: Tensor, _: T.Type) {
    let n = x.shape[x.rank - 1]
    if y.count == 0 { return }
    for line in 0..<(y.count / k) {
      let (from, to) = (x.pointer(T.self) + line * n, y.pointer(Int64.self) + line * k)
      if k <= 64 { insert(from, n, to) } else { sort(from, n, to) }
    }
  }

  /// Whether `a` comes before `b`, which stands in front of it.
  @inline(__always)
  private func better<T: Element>(_ a: T, _ b: T) -> Bool {
    largest ? a > b || (a != a && b == b) : a < b || (b != b && a == a)
  }

  /// Keeps the best so far in order; few elements get past the worst of them.
  private func insert<T: Element>(_ x: UnsafePointer<T>, _ n: Int, _ best: UnsafeMutablePointer<Int64>) {
    var count = 0
    for i in 0..<n where count < k || better(x[i], x[Int(best[k - 1])]) {
      var place = count < k ? count : k - 1
      while place > 0, better(x[i], x[Int(best[place - 1])]) {
        best[place] = best[place - 1]
        place -= 1
      }
      best[place] = Int64(i)
      count = Swift.min(count + 1, k)
    }
  }

  private func sort<T: Element>(_ x: UnsafePointer<T>, _ n: Int, _ best: UnsafeMutablePointer<Int64>) {
    let order = (0..<n).sorted { better(x[$0], x[$1]) || (!better(x[$1], x[$0]) && $0 < $1) }
    for i in 0..<k { best[i] = Int64(order[i]) }
  }
}
