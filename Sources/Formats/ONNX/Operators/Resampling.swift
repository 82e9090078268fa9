import Models
import Tensors

/// Images and sequences at another size.
extension OnnxOperator {
  static let resampling: [String: OnnxOperator] = [
    "Resize": OnnxOperator { c in try resize(c, Sampling(c)) },
    // The form before Resize: its pixels keep their upper left corner.
    "Upsample": OnnxOperator { c in
      var sampling = try Sampling(c)
      (sampling.place, sampling.rounding) = ("asymmetric", "floor")
      return try resize(c, sampling)
    },
  ]

  struct Sampling {
    var mode, place, rounding: String
    /// Of cubic interpolation: the slope of its curve, and whether only pixels of the image count.
    let cubic: (slope: Double, excludesOutside: Bool)

    init(_ c: OnnxCall) throws {
      mode = try c.string("mode", "nearest")
      let isOld = c.opset < 11
      place = try c.string("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel")
      rounding = try c.string("nearest_mode", isOld ? "floor" : "round_prefer_floor")
      cubic = (try c.float("cubic_coeff_a", -0.75), try c.flag("exclude_outside"))
      let policy = try c.string("keep_aspect_ratio_policy", "stretch")
      try c.require(policy == "stretch", "attribute 'keep_aspect_ratio_policy' is '\(policy)'")
      try c.require(!c.flag("antialias"), "smooths what it makes smaller (antialias)")
    }
  }

  /// What is asked for along one dimension.
  struct Extent {
    let axis: Int
    let size: Int
    /// Output over input.
    let factor: Double
  }

  private static func resize(_ c: OnnxCall, _ sampling: Sampling) throws -> OnnxValue {
    let x = try c.input(0)
    let extents = try extents(c, x)
    if extents.isEmpty { return x }
    if let op = try interpolation(c, sampling, extents, c.shape(x), c.dtype(x)) { return try c.emit(op, x) }
    if sampling.mode != "nearest" {
      return try extents.reduce(x) { try interpolated(c, $0, $1, sampling) }
    }
    return try extents.reduce(x) { y, extent in
      let from = try c.shape(y)[extent.axis]
      let places = try (0..<extent.size).map { Int64(try nearest($0, extent, from, sampling)) }
      return try c.emit(IndexSelect(axis: extent.axis), y, c.constant(Tensor([places.count], places)))
    }
  }

  /// The dimensions that change, from the input `sizes`, or `scales` (an attribute in opset 7).
  private static func extents(_ c: OnnxCall, _ x: OnnxValue) throws -> [Extent] {
    let shape = try c.shape(x)
    let hasRegion = c.node.operation == "Resize" && c.opset >= 11
    let axes = try c.ints("axes")?.map { try c.axis($0, of: x) } ?? Array(shape.indices)
    let sizes = try hasRegion && c.has(3) ? c.integers(3, "sizes") : []
    if !sizes.isEmpty {
      try c.require(sizes.count == axes.count, "has \(sizes.count) sizes for \(axes.count) dimensions")
      return try zip(axes, sizes).filter { shape[$0] != $1 }.map { axis, size in
        try fixed(c, [shape[axis], size])
        return try extent(c, axis, size, Double(size) / Double(max(shape[axis], 1)))
      }
    }
    let factors: [Double]
    if c.has(hasRegion ? 2 : 1) {
      factors = try c.constant(hasRegion ? 2 : 1, "scales").doubles()
    } else if case .floats(let listed)? = c.node.attributes["scales"] {
      factors = listed.map(Double.init)
    } else {
      throw OnnxRefusal("has neither sizes nor scales")
    }
    try c.require(factors.count == axes.count, "has \(factors.count) scales for \(axes.count) dimensions")
    return try zip(axes, factors).filter { $1 != 1 }.map { axis, factor in
      try fixed(c, [shape[axis]])
      // In single precision, as ONNX Runtime: 10 times 0.7 is 7.
      let size = (Float(shape[axis]) * Float(factor)).rounded(.down)
      try c.require(
        factor > 0 && size <= 0x1p24, "makes dimension \(axis + 1) of \(shape) \(factor) times as large")
      return try extent(c, axis, Int(size), factor)
    }
  }

  private static func extent(_ c: OnnxCall, _ axis: Int, _ size: Int, _ factor: Double) throws -> Extent {
    let from = try c.shape(c.input(0))[axis]
    try c.require(
      from > 0 && size > 0 && size <= 1 << 24, "makes \(size) of \(from) in dimension \(axis + 1)")
    return Extent(axis: axis, size: size, factor: factor)
  }

  /// The op of ours that takes its numbers from the same places; nil where there is none.
  private static func interpolation(
    _ c: OnnxCall, _ sampling: Sampling, _ extents: [Extent], _ shape: Shape, _ type: DType
  ) throws -> Interpolate? {
    guard shape.rank == 3 || shape.rank == 4, type.isFloatingPoint, extents.allSatisfy({ $0.axis >= 2 })
    else {
      return nil
    }
    var (sizes, factors) = (Array(shape.dropFirst(2)), [Double](repeating: 1, count: shape.rank - 2))
    for extent in extents {
      (sizes[extent.axis - 2], factors[extent.axis - 2]) = (extent.size, extent.factor)
    }
    // Where the sizes do not tell their factors, the factors are what counts.
    let isExact = extents.allSatisfy { $0.factor == Double($0.size) / Double(shape[$0.axis]) }
    // The op rounds products in double precision.
    guard isExact || extents.allSatisfy({ $0.size == Int(Double(shape[$0.axis]) * $0.factor) }) else {
      return nil
    }
    let target = isExact ? Interpolate.Target.size(sizes) : .scale(factors)
    switch (sampling.mode, sampling.place) {
    case ("nearest", "asymmetric") where sampling.rounding == "floor":
      return Interpolate(target)
    case ("nearest", "half_pixel"), ("nearest", "pytorch_half_pixel"):
      // A whole number of pixels for each: rounding either way finds the one it lies in.
      let isWhole = extents.allSatisfy { $0.factor >= 1 && $0.factor == $0.factor.rounded() }
      return isWhole && sampling.rounding.hasPrefix("round") ? Interpolate(target) : nil
    case ("linear", "half_pixel"):
      return Interpolate(target, mode: shape.rank == 3 ? .linear : .bilinear)
    case ("linear", "pytorch_half_pixel") where sizes.allSatisfy({ $0 > 1 }):
      return Interpolate(target, mode: shape.rank == 3 ? .linear : .bilinear)
    case ("linear", "align_corners"):
      return Interpolate(target, mode: shape.rank == 3 ? .linear : .bilinear, alignCorners: true)
    default: return nil
    }
  }

  /// Where place `i` of the result lies among `from` elements.
  static func place<T: BinaryFloatingPoint>(of i: Int, _ extent: Extent, _ from: Int, _ sampling: Sampling)
    throws -> T
  {
    let (position, size, factor) = (T(i), T(extent.size), T(extent.factor))
    switch sampling.place {
    case "half_pixel": return (position + 0.5) / factor - 0.5
    case "pytorch_half_pixel": return extent.size > 1 ? (position + 0.5) / factor - 0.5 : 0
    case "half_pixel_symmetric":
      let adjustment = size / (T(from) * factor)
      return T(from) / 2 * (1 - adjustment) + (position + 0.5) / factor - 0.5
    case "asymmetric": return position / factor
    case "align_corners": return extent.size > 1 ? position * T(from - 1) / (size - 1) : 0
    default: throw OnnxRefusal("attribute 'coordinate_transformation_mode' is '\(sampling.place)'")
    }
  }

  /// Which of `from` elements stands at place `i` of the result: in single precision as in ONNX Runtime, for what is
  /// half way, or a whole number, is so after rounding.
  private static func nearest(_ i: Int, _ extent: Extent, _ from: Int, _ sampling: Sampling) throws -> Int {
    let place: Float = try place(of: i, extent, from, sampling)
    let below = place.rounded(.down)
    let rounded: Float
    switch sampling.rounding {
    case "floor": rounded = below
    case "ceil": rounded = place.rounded(.up)
    case "round_prefer_floor": rounded = place - below > 0.5 ? below + 1 : below
    case "round_prefer_ceil": rounded = place - below >= 0.5 ? below + 1 : below
    default: throw OnnxRefusal("attribute 'nearest_mode' is '\(sampling.rounding)'")
    }
    return Int(min(max(rounded, 0), Float(from - 1)))
  }
}
