/// Two extents or steps of an image, such as a kernel's size or a stride. `3` means the same both ways.
public struct Size2d: Sendable, Hashable, ExpressibleByIntegerLiteral {
  public var height: Int
  public var width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  public init(_ both: Int) { self.init(both, both) }
  public init(integerLiteral both: Int) { self.init(both) }
}

/// Pixels added around an image. PyTorch pads both sides alike, ONNX and TensorFlow may not.
public struct Padding2d: Sendable, Hashable, ExpressibleByIntegerLiteral {
  public var top, left, bottom, right: Int

  public init(top: Int, left: Int, bottom: Int, right: Int) {
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  public init(_ size: Size2d) {
    self.init(top: size.height, left: size.width, bottom: size.height, right: size.width)
  }

  public init(integerLiteral all: Int) { self.init(Size2d(all)) }

  /// The padding as PyTorch writes it, or nil where two sides differ.
  public var symmetric: Size2d? { top == bottom && left == right ? Size2d(top, left) : nil }
}

/// A window sliding over the pixels of an image: what convolution and pooling share.
public struct Window2d: Sendable, Hashable {
  public let kernel: Size2d
  public let stride: Size2d
  public let padding: Padding2d
  public let dilation: Size2d

  public init(kernel: Size2d, stride: Size2d, padding: Padding2d = 0, dilation: Size2d = 1) {
    (self.kernel, self.stride, self.padding, self.dilation) = (kernel, stride, padding, dilation)
  }

  /// Far above anything useful; keeps every product of extents from overflowing.
  private static let largest = 1 << 20

  /// Refuses attributes that make no sense, whatever the image.
  public func check(for function: String) throws {
    for (name, size) in [("kernel", kernel), ("stride", stride), ("dilation", dilation)] {
      let (low, high) = (min(size.height, size.width), max(size.height, size.width))
      try require(low >= 1, function, "\(name) must be positive (got \(low))")
      try require(high <= Self.largest, function, "\(name) must be at most \(Self.largest) (got \(high))")
    }
    for side in [padding.top, padding.left, padding.bottom, padding.right] {
      try require(side >= 0, function, "padding cannot be negative (got \(side))")
      try require(side <= Self.largest, function, "padding must be at most \(Self.largest) (got \(side))")
    }
  }

  /// Pixels between the first and the last tap, both included.
  var reach: Size2d {
    Size2d(dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1)
  }

  /// Positions of the window over an image; not positive where it does not fit.
  func positions(_ height: Int, _ width: Int) -> Size2d {
    let free = Size2d(
      height + padding.top + padding.bottom - reach.height, width + padding.left + padding.right - reach.width
    )
    return Size2d(
      free.height < 0 ? 0 : free.height / stride.height + 1,
      free.width < 0 ? 0 : free.width / stride.width + 1)
  }

  /// The shape of a result with `channels` channels, for images [N, C, H, W].
  func shape(over images: Shape, channels: Int, for function: String) throws -> Shape {
    try check(for: function)
    let size = positions(images[2], images[3])
    try require(
      size.height > 0 && size.width > 0, function,
      "input \(images) is smaller than the kernel: it covers \(reach.height) x \(reach.width) pixels, the "
        + "padded input has \(images[2] + padding.top + padding.bottom) x "
        + "\(images[3] + padding.left + padding.right)")
    return try Shape(checking: [images[0], channels, size.height, size.width], for: function)
  }

  /// Whether every position of the window over an image has a real pixel in it.
  func isFull(_ height: Int, _ width: Int, at positions: Size2d) -> Bool {
    func isFull(_ count: Int, _ extent: Int, _ dilation: Int, _ taps: (Int) -> Range<Int>) -> Bool {
      // Taps that are no farther apart than there are pixels cannot step over them: only the ends may miss.
      let checked = extent >= dilation ? [0, count - 1] : Array(0..<count)
      return checked.allSatisfy { !taps($0).isEmpty }
    }
    return isFull(positions.height, height, dilation.height) { rows($0, of: height) }
      && isFull(positions.width, width, dilation.width) { columns($0, of: width) }
  }

  /// The taps of the window at output `position` that fall on real pixels: indices into the kernel.
  @inline(__always)
  static func taps(
    _ position: Int, _ extent: Int, kernel: Int, stride: Int, dilation: Int, padding: Int
  ) -> Range<Int> {
    let start = position * stride - padding
    let first = start >= 0 ? 0 : (-start + dilation - 1) / dilation
    let end = extent <= start ? 0 : min(kernel, (extent - start + dilation - 1) / dilation)
    return min(first, max(end, 0))..<max(end, 0)
  }

  @inline(__always)
  func rows(_ position: Int, of height: Int) -> Range<Int> {
    Self.taps(
      position, height, kernel: kernel.height, stride: stride.height, dilation: dilation.height,
      padding: padding.top)
  }

  @inline(__always)
  func columns(_ position: Int, of width: Int) -> Range<Int> {
    Self.taps(
      position, width, kernel: kernel.width, stride: stride.width, dilation: dilation.width,
      padding: padding.left)
  }
}

extension Op {
  /// Refuses anything but images [N, C, H, W].
  func requireImages(_ shape: Shape) throws {
    try require(shape.rank == 4, "input must be [N, C, H, W], got \(shape)")
  }

  /// The one floating-point type of all the inputs at `positions`.
  func floatingType(_ types: [DType], _ positions: Range<Int>? = nil) throws -> DType {
    let chosen = types[positions ?? types.indices]
    guard let first = chosen.first else { preconditionFailure("an op has inputs") }
    try require(first.isFloatingPoint, "input must be f32 or f64, got \(first)")
    for type in chosen where type != first {
      throw ShapeError(name, "inputs must have one element type, got \(first) and \(type)")
    }
    return first
  }
}
