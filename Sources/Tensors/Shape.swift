/// The extents of a tensor, outermost first; ONNX's order (NCHW for images). At most eight dimensions,
/// held inline so that making, comparing and passing a shape never allocates.
public struct Shape: Sendable, Hashable, RandomAccessCollection, MutableCollection, ExpressibleByArrayLiteral
{
  public static let maximumRank = 8
  /// Most elements a tensor may have: products of extents stay far from overflowing.
  public static let maximumCount = 1 << 40

  private var extents = InlineArray<8, Int>(repeating: 0)
  public private(set) var rank = 0

  /// The shape of a scalar.
  public init() {}

  public init(_ dims: some Sequence<Int>) {
    for extent in dims { append(extent) }
  }

  public init(arrayLiteral dims: Int...) { self.init(dims) }

  public init(repeating extent: Int, rank: Int) {
    precondition(rank <= Self.maximumRank, "a tensor has at most 8 dimensions")
    self.rank = rank
    for i in 0..<rank { extents[i] = extent }
  }

  /// A shape from numbers a user wrote: refuses negative extents, more than eight dimensions and
  /// more than 2^40 elements.
  public init(checking dims: [Int], for function: String) throws {
    guard dims.count <= Self.maximumRank else {
      throw ShapeError(function, "a tensor has at most 8 dimensions, got \(dims.count)")
    }
    if let bad = dims.first(where: { $0 < 0 }) {
      throw ShapeError(function, "an extent cannot be negative, got \(bad)")
    }
    var count = 1
    for extent in dims {
      let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
      guard !overflow, product <= Self.maximumCount else {
        throw ShapeError(function, "shape \(Shape(dims)) has more than 2^40 elements")
      }
      count = product
    }
    self.init(dims)
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { rank }
  public subscript(i: Int) -> Int {
    get { extents[i] }
    set { extents[i] = newValue }
  }

  public var dims: [Int] { Array(self) }

  public static func == (a: Shape, b: Shape) -> Bool {
    guard a.rank == b.rank else { return false }
    for i in 0..<a.rank where a.extents[i] != b.extents[i] { return false }
    return true
  }

  public func hash(into hasher: inout Hasher) { for extent in self { hasher.combine(extent) } }

  /// Number of elements: the product of the extents, 1 for a scalar.
  public var elements: Int {
    var product = 1
    for i in 0..<rank { product *= extents[i] }
    return product
  }

  /// The strides, in elements, of a dense tensor whose last dimension is innermost.
  public var contiguousStrides: Shape {
    var strides = self
    var step = 1
    for i in stride(from: rank - 1, through: 0, by: -1) {
      strides[i] = step
      step *= Swift.max(extents[i], 1)
    }
    return strides
  }

  /// The strides of a dense [N, C, H, W] or [N, C, L] tensor whose channels are innermost (NHWC, NLC bytes).
  public var channelsLastStrides: Shape {
    precondition(rank == 3 || rank == 4)
    let (c, h, w) = (Swift.max(extents[1], 1), Swift.max(extents[2], 1), Swift.max(extents[3], 1))
    return rank == 3 ? [h * c, 1, c] : [h * w * c, 1, w * c, c]
  }

  /// Adds a dimension, the innermost.
  public mutating func append(_ extent: Int) {
    precondition(rank < Self.maximumRank, "a tensor has at most 8 dimensions")
    extents[rank] = extent
    rank += 1
  }

  public func removing(at axis: Int) -> Shape {
    var shape = Shape()
    for i in 0..<rank where i != axis { shape.append(extents[i]) }
    return shape
  }

  /// Without the last `count` dimensions.
  func dropping(last count: Int) -> Shape {
    var shape = Shape()
    for i in 0..<Swift.max(rank - count, 0) { shape.append(extents[i]) }
    return shape
  }

  public func replacing(_ axis: Int, with extent: Int) -> Shape {
    var copy = self
    copy[axis] = extent
    return copy
  }

  /// The shape both operands broadcast to (NumPy's rule), or nil where they do not fit.
  public static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    if a == b { return a }
    let rank = Swift.max(a.rank, b.rank)
    var result = Shape(repeating: 1, rank: rank)
    for i in 0..<rank {
      let x = i < rank - a.rank ? 1 : a[i - (rank - a.rank)]
      let y = i < rank - b.rank ? 1 : b[i - (rank - b.rank)]
      guard x == y || x == 1 || y == 1 else { return nil }
      result[i] = x == 1 ? y : x
    }
    return result
  }

  /// A dimension as a user may write it, counted from the end when negative (0-based: -1 is the last).
  public func axis(_ dim: Int, for function: String) throws -> Int {
    let axis = dim < 0 ? dim + rank : dim
    guard axis >= 0 && axis < rank else {
      throw ShapeError(
        function, "\(self) has \(rank) dimensions, there is no dimension \(dim < 0 ? dim : dim + 1)")
    }
    return axis
  }
}

/// Distances in elements between neighbours along each dimension.
public typealias Strides = Shape

extension Shape: CustomStringConvertible {
  public var description: String { "[" + map(String.init).joined(separator: ", ") + "]" }
}
