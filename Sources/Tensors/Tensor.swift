/// A dense array of numbers: shape, element type, storage, and how its elements lie in the storage.
///
/// Shapes mean what they mean in ONNX and PyTorch. How bytes lie is an engine detail told by the strides:
/// `contiguous` (last dimension innermost), `channelsLast` (channels of [N, C, H, W] innermost) or
/// `sequenceChannelsLast` (those of [N, C, L]), or a view of one of them. Tensors are eager; one that was computed from tensors wanting gradients remembers its
/// `origin`, and that record is what autograd walks back and what a captured graph is made of.
public final class Tensor {
  // One-byte members stand together: see `qt_keep_small_blocks` for why every byte counts.

  public let shape: Shape
  public let dtype: DType
  /// The format whose strides these are, unless there are strides of their own.
  private let plainFormat: MemoryFormat
  /// Set for a leaf whose gradient `backward` is to collect (`grad`).
  @exclusivity(unchecked)
  public var requiresGrad = false
  private let ownStrides: OwnStrides?
  @exclusivity(unchecked)
  public private(set) var storage: Storage
  /// Where the first element lies in the storage, in elements.
  public let offset: Int

  // Access is not checked for overlap: every op looks at these, and none is ever passed `inout`.

  @exclusivity(unchecked)
  var collected: CollectedGradient?
  @exclusivity(unchecked)
  public internal(set) var origin: Origin?
  /// What its integers stand for, where somebody said so.
  @exclusivity(unchecked)
  public var quantization: Quantization?

  /// Strides that are those of no format: beside the tensor, for most have none, and a small object is made and freed
  /// much faster.
  private final class OwnStrides {
    let strides: Strides
    init(_ strides: Strides) { self.strides = strides }
  }

  convenience init(shape: Shape, strides: Strides, dtype: DType, storage: Storage, offset: Int = 0) {
    let isPlain = strides == shape.contiguousStrides
    self.init(
      shape, .contiguous, isPlain ? nil : OwnStrides(strides), dtype: dtype, storage: storage, offset: offset)
  }

  private init(
    _ shape: Shape, _ format: MemoryFormat, _ ownStrides: OwnStrides?, dtype: DType, storage: Storage,
    offset: Int
  ) {
    self.shape = shape
    plainFormat = format
    self.ownStrides = ownStrides
    self.dtype = dtype
    self.storage = storage
    self.offset = offset
  }

  /// A dense tensor with undefined contents.
  public convenience init(
    undefined shape: Shape, _ dtype: DType = .f32, format: MemoryFormat = .contiguous
  ) throws {
    self.init(
      shape, format, nil, dtype: dtype, storage: try Storage(byteCount: shape.elements * dtype.size),
      offset: 0)
  }

  public var strides: Strides { ownStrides?.strides ?? shape.strides(in: plainFormat) }

  /// Whether no other tensor shares the bytes.
  var ownsStorage: Bool { isKnownUniquelyReferenced(&storage) }

  public var rank: Int { shape.rank }
  /// Number of elements.
  public var count: Int { shape.elements }
  public var byteCount: Int { count * dtype.size }

  /// Whether a gradient would flow into this tensor.
  public var wantsGradient: Bool { requiresGrad || (origin?.wantsGradient ?? false) }

  /// The first element. The tensor must stay bound to a name (or an argument) while the pointer is used.
  @inline(__always)
  public func pointer<T: Element>(_ type: T.Type = T.self) -> UnsafeMutablePointer<T> {
    precondition(T.dtype == dtype, "tensor holds \(dtype), asked for \(T.dtype)")
    return storage.pointer.assumingMemoryBound(to: T.self) + offset
  }

  public var floats: UnsafeMutablePointer<Float> { pointer(Float.self) }

  /// The first byte.
  public var bytes: UnsafeMutableRawPointer { storage.pointer + offset * dtype.size }
}

/// How the elements of a dense tensor lie in memory.
public enum MemoryFormat: Sendable {
  case contiguous
  /// The channels of [N, C, H, W] innermost; contiguous for every other rank.
  case channelsLast
  /// The channels of [N, C, L] innermost; contiguous for every other rank.
  case sequenceChannelsLast

  /// The rank it is for.
  fileprivate var rank: Int? {
    switch self {
    case .contiguous: nil
    case .channelsLast: 4
    case .sequenceChannelsLast: 3
    }
  }
}

extension Shape {
  func strides(in format: MemoryFormat) -> Strides {
    format.rank == rank ? channelsLastStrides : contiguousStrides
  }

  /// The format that puts dimension 1, the channels, innermost: contiguous for [N, C].
  var channelsInnermost: MemoryFormat { rank == 3 ? .sequenceChannelsLast : .channelsLast }
}

extension Tensor {
  /// Dense, last dimension innermost. Strides of dimensions of extent 1 say nothing.
  public var isContiguous: Bool {
    if ownStrides == nil && plainFormat == .contiguous { return true }
    let strides = strides
    var step = 1
    for i in stride(from: rank - 1, through: 0, by: -1) where shape[i] != 1 {
      if strides[i] != step { return shape.elements == 0 }
      step *= shape[i]
    }
    return true
  }

  /// Dense [N, C, H, W] with the channels innermost. A tensor can be both (one channel, or 1x1 pixels).
  public var isChannelsLast: Bool {
    rank == 4 && hasChannelsInnermost
  }

  /// The format a result should have so that it lies like this tensor.
  public var format: MemoryFormat {
    if isContiguous { return .contiguous }
    return isChannelsLast ? .channelsLast : isSequenceChannelsLast ? .sequenceChannelsLast : .contiguous
  }

  /// Whether every element of the storage range is used once, in one of the formats.
  public var isDense: Bool { ownStrides == nil || isContiguous || isChannelsLast || isSequenceChannelsLast }

  var isSequenceChannelsLast: Bool { rank == 3 && hasChannelsInnermost }

  private var hasChannelsInnermost: Bool {
    let (strides, wanted) = (strides, shape.channelsLastStrides)
    for i in 0..<rank where shape[i] != 1 && strides[i] != wanted[i] { return shape.elements == 0 }
    return true
  }

  /// Another view of the same storage.
  public func view(_ shape: Shape, strides: Strides, offset: Int? = nil) -> Tensor {
    let view = Tensor(
      shape: shape, strides: strides, dtype: dtype, storage: storage, offset: offset ?? self.offset)
    if let quantization, quantization.scales.count == 1 { view.quantization = quantization }
    return view
  }

  /// The same values with no record of where they came from; shares the storage.
  public func detached() -> Tensor {
    let copy = Tensor(shape, plainFormat, ownStrides, dtype: dtype, storage: storage, offset: offset)
    if let quantization, quantization.scales.count == 1 { copy.quantization = quantization }
    return copy
  }

  /// Whether both hold the element of one index at the same place.
  func liesLike(_ other: Tensor) -> Bool {
    guard shape == other.shape else { return false }
    if ownStrides == nil && other.ownStrides == nil && plainFormat == other.plainFormat { return true }
    return strides == other.strides
  }
}
