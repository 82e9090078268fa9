import CKernels

/// Images [N, C, H, W] or sequences [N, C, L] at another size. PyTorch interpolate; ONNX Resize.
///
/// `nearest` takes the pixel at `floor(i scale)` (ONNX: asymmetric, floor). `linear`, for sequences, and `bilinear`,
/// for images, mix the nearest two or four by distance; the place is `(i + 1/2) scale - 1/2`, not below 0 (ONNX:
/// half_pixel), or with `alignCorners` `i (in - 1) / (out - 1)` (ONNX: align_corners). `scale` is `in / out`, or
/// `1 / factor` where a factor is given.
public struct Interpolate: Op {
  public static let name = "interpolate"

  public enum Mode: String, CaseIterable, Sendable { case nearest, linear, bilinear }

  /// How large the result is: a number for every spatial dimension, or one for all.
  public enum Target: Sendable, Hashable {
    case size([Int])
    /// Output extents are `floor(in factor)`.
    case scale([Double])
  }

  public let target: Target
  public let mode: Mode
  public let alignCorners: Bool

  public init(_ target: Target, mode: Mode = .nearest, alignCorners: Bool = false) {
    (self.target, self.mode, self.alignCorners) = (target, mode, alignCorners)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    let x = s[0]
    try require(x.rank == 3 || x.rank == 4, "input must be [N, C, L] or [N, C, H, W], got \(x)")
    try require(
      mode == .nearest || (mode == .linear) == (x.rank == 3),
      "mode '\(mode.rawValue)' is for \(mode == .linear ? "[N, C, L]" : "[N, C, H, W]"), input is \(x)")
    try require(
      !alignCorners || mode != .nearest, "align_corners has no meaning in the mode 'nearest'")
    let sizes = try sizes(Array(x.dropFirst(2)))
    for (from, to) in zip(x.dropFirst(2), sizes) {
      try require(
        (1...Int(Int32.max)).contains(from) && (1...Int(Int32.max)).contains(to),
        "input \(x) cannot be made \(sizes.map(String.init).joined(separator: " x "))")
    }
    return try Shape(checking: [x[0], x[1]] + sizes, for: name)
  }

  private func sizes(_ x: [Int]) throws -> [Int] {
    let given =
      switch target {
      case .size(let sizes): sizes.count
      case .scale(let factors): factors.count
      }
    try require(
      given == 1 || given == x.count,
      "needs one size or factor, or one for each of \(x.count) dimensions, got \(given)")
    switch target {
    case .size(let sizes): return x.indices.map { sizes[given == 1 ? 0 : $0] }
    case .scale(let factors):
      return try x.indices.map { i in
        let (extent, factor) = (x[i], factors[given == 1 ? 0 : i])
        let size = Double(extent) * factor
        try require(
          factor > 0 && size <= Double(Shape.maximumCount),
          "scale_factor must be positive and leave a tensor that fits (got \(factor))")
        return Int(size)
      }
    }
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].channelsInnermost()
    let (down, across) = try taps(x.shape, context.shape)
    let format = context.shape.channelsInnermost
    if context.dtype == .f64 {
      let y = try Tensor.zeros(context.shape, .f64, format: format)
      let (input, output) = (x.pointer(Double.self), y.pointer(Double.self))
      forEachShare(x.shape, down, across) { from, to, share in output[to] += share * input[from] }
      return y
    }
    let y = try Tensor(undefined: context.shape, .f32, format: format)
    try withKernel(x.shape, down, across) { shape, row in qk_f32_resize(&shape, x.floats, row, y.floats) }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, dy) = (record.inputs[0].shape, try dy.channelsInnermost())
    let dx = try Tensor.zeros(x, dy.dtype, format: x.channelsInnermost)
    let (down, across) = try taps(x, dy.shape)
    if dy.dtype == .f64 {
      let (from, to) = (dy.pointer(Double.self), dx.pointer(Double.self))
      forEachShare(x, down, across) { source, result, share in to[source] += share * from[result] }
    } else {
      try withKernel(x, down, across) { shape, row in
        qk_f32_resize_backward(&shape, dy.floats, row, dx.floats)
      }
    }
    return [dx]
  }

  public func cost(of inputs: [Shape], output: Shape) -> Cost {
    Cost(macs: mode == .nearest ? 0 : output.elements * (1 << (output.rank - 2)))
  }
}

/// Where the elements of one dimension of the result come from: `share` (f32) of `second` (i32), the rest of `first`.
private struct Taps {
  let first, second, share: Tensor
  /// The shares before they were rounded.
  let exact: [Double]

  init(extent: Int, places: [Double], isNearest: Bool) throws {
    let below = places.map { Swift.min(Int($0), extent - 1) }
    exact = isNearest ? places.map { _ in 0 } : zip(places, below).map { Swift.min($0 - Double($1), 1) }
    first = try Tensor([places.count], below.map { Int32($0) })
    second =
      isNearest ? first : try Tensor([places.count], below.map { Int32(Swift.min($0 + 1, extent - 1)) })
    share = try Tensor([places.count], exact.map { Float($0) })
  }
}

extension Interpolate {
  /// For the rows and the columns; a sequence is one row.
  private func taps(_ x: Shape, _ y: Shape) throws -> (down: Taps, across: Taps) {
    let across = try taps(x[x.rank - 1], y[y.rank - 1], factor(x.rank - 3))
    if x.rank == 3 { return (try Taps(extent: 1, places: [0], isNearest: true), across) }
    return (try taps(x[2], y[2], factor(0)), across)
  }

  private func factor(_ dimension: Int) -> Double? {
    if case .scale(let factors) = target { factors[factors.count == 1 ? 0 : dimension] } else { nil }
  }

  private func taps(_ extent: Int, _ size: Int, _ factor: Double?) throws -> Taps {
    let ratio = factor.map { 1 / $0 } ?? Double(extent) / Double(size)
    let places = (0..<size).map { i in
      // Exactly, as i * ratio may fall just short of a whole number.
      if mode == .nearest && factor == nil { return Double(i * extent / size) }
      if alignCorners { return size > 1 ? Double(i * (extent - 1)) / Double(size - 1) : 0 }
      return mode == .nearest ? Double(i) * ratio : Swift.max((Double(i) + 0.5) * ratio - 0.5, 0)
    }
    return try Taps(extent: extent, places: places, isNearest: mode == .nearest)
  }

  /// Calls `body` with what the kernels read, and a row as wide as the input for them to write.
  private func withKernel(
    _ x: Shape, _ down: Taps, _ across: Taps,
    _ body: (inout qk_f32_resize_shape, UnsafeMutablePointer<Float>) -> Void
  ) throws {
    let width = x[x.rank - 1]
    let row = try Tensor(undefined: [width * x[1]])
    var shape = qk_f32_resize_shape(
      batch: x[0], channels: x[1], height: x.rank == 3 ? 1 : x[2], width: width, out_height: down.first.count,
      out_width: across.first.count, top: down.first.pointer(), bottom: down.second.pointer(),
      left: across.first.pointer(), right: across.second.pointer(), down: down.share.floats,
      across: across.share.floats, nearest: mode == .nearest)
    withExtendedLifetime((down, across)) { body(&shape, row.floats) }
  }

  /// As the formulas read, in double precision, for channels-last data: every place in x that a place in y takes a
  /// share of.
  private func forEachShare(
    _ x: Shape, _ down: Taps, _ across: Taps, _ body: (_ x: Int, _ y: Int, _ share: Double) -> Void
  ) {
    let (height, width, channels) = (x.rank == 3 ? 1 : x[2], x[x.rank - 1], x[1])
    func pairs(_ taps: Taps, _ i: Int) -> [(place: Int, share: Double)] {
      let (first, second) = (taps.first.pointer(Int32.self)[i], taps.second.pointer(Int32.self)[i])
      return [(Int(first), 1 - taps.exact[i]), (Int(second), taps.exact[i])]
    }
    for n in 0..<x[0] {
      for i in down.exact.indices {
        for j in across.exact.indices {
          let result = ((n * down.exact.count + i) * across.exact.count + j) * channels
          for row in pairs(down, i) {
            for column in pairs(across, j) {
              let source = ((n * height + row.place) * width + column.place) * channels
              for c in 0..<channels { body(source + c, result + c, row.share * column.share) }
            }
          }
        }
      }
    }
  }
}
