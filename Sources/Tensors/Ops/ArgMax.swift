/// The 0-based place of the largest element along one dimension, the first among equals, as i64; NaN counts as
/// largest. No gradient. ONNX ArgMax.
public struct ArgMax: ArgumentOp {
  public static let name = "argmax"
  public let axis: Int
  public let keepDims: Bool

  public init(axis: Int, keepDims: Bool = false) {
    self.axis = axis
    self.keepDims = keepDims
  }

  @inline(__always) func better<T: Element>(_ a: T, _ b: T) -> Bool { a > b }
}

/// The 0-based place of the smallest element along one dimension; otherwise as `ArgMax`. ONNX ArgMin.
public struct ArgMin: ArgumentOp {
  public static let name = "argmin"
  public let axis: Int
  public let keepDims: Bool

  public init(axis: Int, keepDims: Bool = false) {
    self.axis = axis
    self.keepDims = keepDims
  }

  @inline(__always) func better<T: Element>(_ a: T, _ b: T) -> Bool { a < b }
}

protocol ArgumentOp: ReductionOp {
  var axis: Int { get }
  func better<T: Element>(_ a: T, _ b: T) -> Bool
}

extension ArgumentOp {
  public var axes: [Int] { [axis] }
  public static var allowsEmpty: Bool { false }
  public func dtype(of x: DType) throws -> DType { .i64 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    let x = try x.movingToEnd(axis).contiguous()
    let y = try Tensor(undefined: context.shape, .i64)
    switch x.dtype {
    case .f32: search(x, y, Float.self)
    case .f64: search(x, y, Double.self)
    case .i64: search(x, y, Int64.self)
    case .i32: search(x, y, Int32.self)
    case .i8: search(x, y, Int8.self)
    case .u8: search(x, y, UInt8.self)
    case .bool: search(x, y, Truth.self)
    }
    return y
  }

  private func search<T: Element>(_ x: Tensor, _ y: Tensor, _: T.Type) {
    let n = x.shape[x.rank - 1]
    let (input, output) = (x.pointer(T.self), y.pointer(Int64.self))
    for line in 0..<y.count {
      let from = input + line * n
      var (place, best) = (0, from[0])
      for i in 1..<n {
        let isNaN = from[i] != from[i]
        if isNaN ? best == best : better(from[i], best) { (place, best) = (i, from[i]) }
      }
      output[line] = Int64(place)
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}
