/// `before[i]` elements in front of and `after[i]` behind dimension i. ONNX Pad.
public struct Pad: Op {
  public static let name = "pad"

  /// What the new elements are. Names are PyTorch's.
  public enum Mode: String, CaseIterable, Sendable {
    /// All of one value.
    case constant
    /// The elements mirrored at the edge, which is not repeated.
    case reflect
    /// The element at the edge, repeated. ONNX: edge.
    case replicate
    /// The elements of the other end. ONNX: wrap.
    case circular
  }

  public let before: [Int]
  public let after: [Int]
  public let mode: Mode
  /// In mode `constant`.
  public let value: Double

  public init(before: [Int], after: [Int], mode: Mode = .constant, value: Double = 0) {
    self.before = before
    self.after = after
    self.mode = mode
    self.value = value
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      before.count == s[0].rank && after.count == s[0].rank,
      "\(s[0]) has \(s[0].rank) dimensions, got padding for \(before.count) and \(after.count)")
    try require(
      (before + after).allSatisfy { (0...Shape.maximumCount).contains($0) }, "padding cannot be negative")
    for (axis, extent) in s[0].enumerated() {
      let most = mode.mostPadding(of: extent)
      let wanted = Swift.max(before[axis], after[axis])
      try require(
        wanted <= most,
        "mode '\(mode.rawValue)' can add at most \(most) on a side of dimension \(axis + 1) of \(s[0]), got \(wanted)"
      )
    }
    return try Shape(checking: s[0].indices.map { before[$0] + s[0][$0] + after[$0] }, for: name)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = t[0]
    if mode == .constant {
      let y = try Tensor.full(context.shape, value, context.dtype, format: x.format)
      middle(of: y, x.shape).copyElements(from: x)
      return y
    }
    let y = try Tensor(undefined: context.shape, context.dtype, format: x.format)
    middle(of: y, x.shape).copyElements(from: x)
    for axis in x.shape.indices {
      forEachCopy(axis, x.shape, y) { added, source in added.copyElements(from: source) }
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let shape = record.inputs[0].shape
    if mode == .constant { return [middle(of: dy, shape)] }
    let sums = try dy.copy()
    for axis in shape.indices.reversed() {
      forEachCopy(axis, shape, sums) { added, source in Add().fill(source, added, into: source) }
    }
    return [middle(of: sums, shape)]
  }

  private func middle(of y: Tensor, _ shape: Shape) -> Tensor {
    y.view(
      shape, strides: y.strides,
      offset: y.offset + before.indices.reduce(0) { $0 + before[$1] * y.strides[$1] })
  }

  /// Calls `body` with every slice added along one dimension and the slice of `y` it repeats. What was added along
  /// earlier dimensions is part of both, what will be along later ones of neither.
  private func forEachCopy(_ axis: Int, _ shape: Shape, _ y: Tensor, _ body: (Tensor, Tensor) -> Void) {
    func slice(_ position: Int) -> Tensor {
      var (extents, offset) = (y.shape, y.offset + position * y.strides[axis])
      for later in shape.indices where later > axis {
        extents[later] = shape[later]
        offset += before[later] * y.strides[later]
      }
      extents[axis] = 1
      return y.view(extents, strides: y.strides, offset: offset)
    }
    let (start, end) = (before[axis], before[axis] + shape[axis])
    for position in Array(0..<start) + Array(end..<end + after[axis]) {
      body(slice(position), slice(start + mode.source(position - start, of: shape[axis])))
    }
  }
}

extension Pad.Mode {
  fileprivate func mostPadding(of extent: Int) -> Int {
    switch self {
    case .constant: .max
    case .reflect: Swift.max(extent - 1, 0)
    case .replicate: extent > 0 ? .max : 0
    case .circular: extent
    }
  }

  /// Which of `extent` elements stands at a position before or behind them.
  fileprivate func source(_ position: Int, of extent: Int) -> Int {
    switch self {
    case .constant: preconditionFailure("a constant repeats no element")
    case .reflect: position < 0 ? -position : 2 * (extent - 1) - position
    case .replicate: position < 0 ? 0 : extent - 1
    case .circular: position < 0 ? position + extent : position - extent
    }
  }
}
