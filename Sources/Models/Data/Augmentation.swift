import Tensors

/// Random changes of training examples, each of which leaves the class as it is.
///
/// What happens to an example depends on the seed, the epoch and the example's place in the data set alone, not on the
/// order or the thread in which examples are made.
public struct Augmentation: Sendable, Equatable {
  /// Images [C, H, W] move by up to so many pixels, up or down and left or right; `fill` follows.
  public var shift = 0
  /// `fill` is put around images, so many pixels wide, and a part of the old size is cut out anywhere in it.
  public var cropPadding = 0
  /// How often images are mirrored, left and right changing places: 0 to 1.
  public var flip = 0.0
  /// A square of so many pixels, whose middle lies anywhere in the image, is overwritten with `fill` (DeVries and
  /// Taylor, "Improved regularization of convolutional neural networks with cutout", 2017).
  public var cutout = 0
  /// Batches are mixed with themselves in another order, with a weight from Beta(mixup, mixup), and so are the losses
  /// (Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018); 0: not at all.
  public var mixup = 0.0
  /// The value of new pixels, as pixels are stored: before normalization.
  public var fill = 0.0

  public init() {}

  var changesPixels: Bool { shift > 0 || cropPadding > 0 || flip > 0 || cutout > 0 }

  /// The most pixels of a change; no image is larger.
  private static let mostPixels = 1 << 20

  /// Refuses numbers that make no sense.
  public func check() throws {
    for (name, value) in [("shift", shift), ("crop.padding", cropPadding), ("cutout", cutout)] {
      try require(
        (0...Self.mostPixels).contains(value), "augment",
        "option '\(name)' must be an integer from 0 to \(Self.mostPixels) (got \(value))")
    }
    try require(flip >= 0 && flip <= 1, "augment", "option 'flip' must be from 0 to 1 (got \(flip))")
    try require(
      mixup >= 0 && mixup.isFinite, "augment", "option 'mixup' must be a number, 0 or more (got \(mixup))")
  }

  /// Refuses data that these changes do not fit.
  public func check(_ data: Dataset) throws {
    try check()
    try require(
      !changesPixels || data.stored.rank == 4, "augment",
      "shift, crop, flip and cutout are for images [N, C, H, W]; the inputs are \(data.stored.shape)")
    try require(
      mixup == 0 || data.dtype == .f32, "augment",
      "mixup needs f32 inputs, these are \(data.dtype); use data:normalized{scale = 255} or the like")
  }

  // MARK: One image

  /// Writes the image at `source`, changed, to `target`.
  func apply(
    _ generator: inout Generator, _ image: ImageGeometry, _ dtype: DType,
    from source: UnsafeMutableRawPointer,
    to target: UnsafeMutableRawPointer
  ) {
    let isFlipped = flip > 0 && generator.uniform() < flip
    var (dy, dx) = (0, 0)
    for distance in [shift, cropPadding] where distance > 0 {
      dy += generator.index(below: 2 * distance + 1) - distance
      dx += generator.index(below: 2 * distance + 1) - distance
    }
    let hole = cutout > 0 ? hole(&generator, image) : nil
    let filling = Filling(fill, dtype)
    for plane in 0..<image.planes {
      let offset = plane * image.height * image.width * image.step
      move(image, source + offset, target + offset, dy, dx, isFlipped, filling)
      if let hole {
        for y in hole.rows {
          filling.write(
            to: target + offset + (y * image.width + hole.columns.lowerBound) * image.step,
            byteCount: hole.columns.count * image.step)
        }
      }
    }
  }

  /// The square to overwrite, as far as it lies in the image.
  private func hole(_ generator: inout Generator, _ image: ImageGeometry) -> (
    rows: Range<Int>, columns: Range<Int>
  ) {
    func side(_ extent: Int) -> Range<Int> {
      let start = generator.index(below: max(extent, 1)) - cutout / 2
      return min(max(start, 0), extent)..<min(max(start + cutout, 0), extent)
    }
    return (side(image.height), side(image.width))
  }

  /// One plane: pixel (y, x) is (y + dy, x + dx) of the source, mirrored first.
  private func move(
    _ image: ImageGeometry, _ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, _ dy: Int,
    _ dx: Int, _ isFlipped: Bool, _ filling: Filling
  ) {
    let (width, step) = (image.width, image.step)
    let first = min(max(-dx, 0), width)
    let end = max(min(width - dx, width), first)
    for y in 0..<image.height {
      let row = target + y * width * step
      guard (0..<image.height).contains(y + dy), first < end else {
        filling.write(to: row, byteCount: width * step)
        continue
      }
      let from = source + (y + dy) * width * step
      filling.write(to: row, byteCount: first * step)
      filling.write(to: row + end * step, byteCount: (width - end) * step)
      if isFlipped {
        for x in first..<end {
          (row + x * step).copyMemory(from: from + (width - 1 - x - dx) * step, byteCount: step)
        }
      } else {
        (row + first * step).copyMemory(from: from + (first + dx) * step, byteCount: (end - first) * step)
      }
    }
  }

  // MARK: One batch

  /// What a batch is mixed with: example i with example `i + distance`, counted round, and how much of i remains.
  func mixing(_ generator: inout Generator, count: Int) -> (distance: Int, weight: Float) {
    let weight = Self.beta(mixup, &generator)
    return (count > 1 ? 1 + generator.index(below: count - 1) : 0, Float(weight))
  }

  /// A number from Beta(a, a): one of Gamma(a) over the sum of two. By their logarithms, for with a small `a` both are
  /// too small to be told from 0, and still one is far larger than the other.
  private static func beta(_ a: Double, _ generator: inout Generator) -> Double {
    let (x, y) = (logGamma(a, &generator), logGamma(a, &generator))
    return 1 / (1 + Libm.exp(y - x))
  }

  /// The logarithm of a number from Gamma(shape, 1) (Marsaglia and Tsang, "A simple method for generating gamma
  /// variables", 2000).
  private static func logGamma(_ shape: Double, _ generator: inout Generator) -> Double {
    if shape < 1 {
      let power = Libm.log(1 - generator.uniform()) / shape
      return logGamma(shape + 1, &generator) + power
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = generator.normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, Libm.log(1 - generator.uniform()) < 0.5 * x * x + d - d * v + d * Libm.log(v) {
        return Libm.log(d) + Libm.log(v)
      }
    }
  }
}

extension Augmentation: CustomStringConvertible {
  /// As it is written in Lua; the same for the same changes.
  public var description: String {
    var parts: [String] = []
    if shift > 0 { parts.append("shift = \(shift)") }
    if cropPadding > 0 { parts.append("crop = {padding = \(cropPadding)}") }
    if flip > 0 { parts.append("flip = \(flip)") }
    if cutout > 0 { parts.append("cutout = \(cutout)") }
    if mixup > 0 { parts.append("mixup = \(mixup)") }
    if fill != 0 { parts.append("fill = \(fill)") }
    return "augment{\(parts.joined(separator: ", "))}"
  }
}

/// The bytes of a new pixel's elements.
private struct Filling {
  private let bytes: [UInt8]

  init(_ value: Double, _ dtype: DType) {
    func element<T: Element>(_: T.Type) -> [UInt8] { withUnsafeBytes(of: T(converting: value)) { Array($0) } }
    bytes = dtype.dispatch { element($0) }
  }

  func write(to target: UnsafeMutableRawPointer, byteCount: Int) {
    if bytes.allSatisfy({ $0 == bytes[0] }) {
      target.initializeMemory(as: UInt8.self, repeating: bytes[0], count: byteCount)
      return
    }
    for i in 0..<byteCount { target.storeBytes(of: bytes[i % bytes.count], toByteOffset: i, as: UInt8.self) }
  }
}
