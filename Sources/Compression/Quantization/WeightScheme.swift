import Tensors

/// How weights are rounded, as a recipe says it.
public struct WeightScheme: Hashable, Sendable, Codable {
  public enum Levels: Hashable, Sendable, Codable {
    /// 2 to 8 bits. Symmetric codes leave the lowest one out, so that the grid is its own mirror image: -127...127,
    /// -7...7, -3...3, -1...1 (the restricted range of Jacob et al., CVPR 2018, section 3, and of Wu et al.,
    /// "Integer quantization for deep learning inference", 2020). Asymmetric ones use all: -8...7 with a zero point
    /// of their own, ONNX's int4.
    case integer(bits: Int)
    /// -1, 0, 1: 0 below 0.7 times the mean magnitude, and the mean magnitude of the others as scale (Li and Liu,
    /// "Ternary weight networks", 2016).
    case ternary
    /// -1, 1: the sign, that of 0 being +1, and the mean magnitude as scale (Rastegari et al., "XNOR-Net", 2016).
    case binary
  }

  /// What shares one scale.
  public enum Granularity: Hashable, Sendable, Codable {
    case tensor
    /// Each output channel (dimension 0).
    case channel
    /// So many inputs of each output channel: 16, 32, 64 or 128. Scales are rounded to fp16, as the kernels that
    /// take groups keep them.
    case group(Int)

    /// The elements of a weight [O, ...] that share a scale, in the order of the scales.
    func slices(of shape: Shape) -> [Range<Int>] {
      let channels = shape[0]
      let depth = shape.elements / max(channels, 1)
      switch self {
      case .tensor: return [0..<shape.elements]
      case .channel: return (0..<channels).map { $0 * depth..<($0 + 1) * depth }
      case .group(let size):
        return (0..<channels).flatMap { channel in
          stride(from: channel * depth, to: (channel + 1) * depth, by: size).map {
            $0..<min($0 + size, (channel + 1) * depth)
          }
        }
      }
    }
  }

  public var levels: Levels
  public var granularity: Granularity
  /// Whether zero points are 0.
  public var isSymmetric: Bool
  /// Whether scales are powers of two: the next one above, so that nothing is clipped; for ternary and binary weights
  /// the nearest.
  public var powerOfTwo: Bool

  public init(
    _ levels: Levels = .integer(bits: 8), _ granularity: Granularity = .channel, isSymmetric: Bool = true,
    powerOfTwo: Bool = false
  ) {
    (self.levels, self.granularity) = (levels, granularity)
    (self.isSymmetric, self.powerOfTwo) = (isSymmetric, powerOfTwo)
  }

  /// The lowest and the highest code.
  public var codes: ClosedRange<Int> {
    switch levels {
    case .integer(let bits): (isSymmetric ? 1 : 0) - (1 << (bits - 1))...(1 << (bits - 1)) - 1
    case .ternary, .binary: -1...1
    }
  }

  /// Bits one code takes in a file.
  public var bits: Int {
    switch levels {
    case .integer(let bits): bits
    case .ternary: 2
    case .binary: 1
    }
  }

  public var hasGroups: Bool { if case .group = granularity { true } else { false } }

  /// Refuses what has no meaning, naming the remedy.
  public func check(for function: String) throws {
    if case .integer(let bits) = levels {
      try require((2...8).contains(bits), function, "weights must have 2 to 8 bits (got \(bits))")
    } else {
      try require(
        isSymmetric, function, "ternary and binary weights are symmetric; leave 'symmetric = false' out")
    }
    if case .group(let size) = granularity {
      try require(
        Self.groups.contains(size), function, "a group of weights must be 16, 32, 64 or 128 (got \(size))")
    }
  }

  static let groups = [16, 32, 64, 128]
}
