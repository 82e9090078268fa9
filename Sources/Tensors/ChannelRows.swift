import CKernels

/// Arithmetic on dense `rows x channels` data, one statistic per channel: the numbers behind batch norm and
/// group norm.
protocol ChannelRows {
  associatedtype Scalar: BinaryFloatingPoint & Element
  typealias Input = UnsafePointer<Scalar>
  typealias Output = UnsafeMutablePointer<Scalar>

  var rows: Int { get }
  init(rows: Int, channels: Int)

  /// Mean and biased variance of each channel.
  func statistics(_ x: Input, _ mean: Output, _ variance: Output)
  /// The scale and shift of a result that went through relu: the gradient flows where `x scale + shift > 0`.
  typealias Rectifier = (scale: Input, shift: Input)

  /// `y = x scale + shift (+ side)`, then relu where asked.
  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ side: Input?, relu: Bool, _ y: Output)
  /// `dScale = sum of dy xhat`, `dBias = sum of dy`, with `xhat = (x - mean) rstd`
  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?, _ dScale: Output,
    _ dBias: Output)
  /// `dx = scale rstd (dy - dBias / rows - xhat dScale / rows)`
  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?,
    _ dScale: Input, _ dBias: Input, _ dx: Output)
  /// `dx = factor dy - offset - (x - center) slope`
  func mixedGradient(
    _ dy: Input, _ x: Input, _ factor: Input, _ offset: Input, _ slope: Input, _ center: Input, _ dx: Output)
}

/// Single precision, by the C kernels.
struct KernelRows: ChannelRows {
  typealias Scalar = Float
  let rows: Int
  let channels: Int

  func statistics(_ x: Input, _ mean: Output, _ variance: Output) {
    qk_f32_batch_norm_statistics(rows, channels, x, mean, variance)
  }

  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ side: Input?, relu: Bool, _ y: Output) {
    ThreadTeam.divide(rows, of: channels) { part in
      let first = part.lowerBound * channels
      qk_f32_scale_shift(
        part.count, channels, x + first, scale, shift, side.map { $0 + first }, relu, y + first)
    }
  }

  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?, _ dScale: Output,
    _ dBias: Output
  ) {
    qk_f32_batch_norm_backward_parameters(
      rows, channels, dy, x, mean, rstd, rectifier?.scale, rectifier?.shift, dScale, dBias)
  }

  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?,
    _ dScale: Input, _ dBias: Input, _ dx: Output
  ) {
    ThreadTeam.divide(rows, of: channels) { part in
      let first = part.lowerBound * channels
      qk_f32_batch_norm_backward(
        part.count, channels, rows, dy + first, x + first, scale, mean, rstd, rectifier?.scale,
        rectifier?.shift, dScale, dBias, dx + first)
    }
  }

  func mixedGradient(
    _ dy: Input, _ x: Input, _ factor: Input, _ offset: Input, _ slope: Input, _ center: Input, _ dx: Output
  ) { qk_f32_group_norm_backward(rows, channels, dy, x, factor, offset, slope, center, dx) }
}

/// Double precision, as the formulas read.
struct PortableRows: ChannelRows {
  typealias Scalar = Double
  let rows: Int
  let channels: Int

  func statistics(_ x: Input, _ mean: Output, _ variance: Output) {
    for c in 0..<channels {
      mean[c] = sum { x[$0 + c] } / Double(rows)
      variance[c] = sum { (x[$0 + c] - mean[c]) * (x[$0 + c] - mean[c]) } / Double(rows)
    }
  }

  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ side: Input?, relu: Bool, _ y: Output) {
    for i in 0..<rows * channels {
      let v = x[i] * scale[i % channels] + shift[i % channels] + (side?[i] ?? 0)
      y[i] = relu && v <= 0 ? 0 : v
    }
  }

  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?, _ dScale: Output,
    _ dBias: Output
  ) {
    for c in 0..<channels {
      dScale[c] = sum { slope($0 + c, dy, x, rectifier) * (x[$0 + c] - mean[c]) * rstd[c] }
      dBias[c] = sum { slope($0 + c, dy, x, rectifier) }
    }
  }

  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ rectifier: Rectifier?,
    _ dScale: Input, _ dBias: Input, _ dx: Output
  ) {
    for i in 0..<rows * channels {
      let c = i % channels
      let normalized = (x[i] - mean[c]) * rstd[c]
      let rest = slope(i, dy, x, rectifier) - (dBias[c] + normalized * dScale[c]) / Double(rows)
      dx[i] = scale[c] * rstd[c] * rest
    }
  }

  func mixedGradient(
    _ dy: Input, _ x: Input, _ factor: Input, _ offset: Input, _ slope: Input, _ center: Input, _ dx: Output
  ) {
    for i in 0..<rows * channels {
      let c = i % channels
      dx[i] = factor[c] * dy[i] - offset[c] - (x[i] - center[c]) * slope[c]
    }
  }

  /// What comes back through relu to element `i`.
  private func slope(_ i: Int, _ dy: Input, _ x: Input, _ rectifier: Rectifier?) -> Double {
    guard let (scale, shift) = rectifier else { return dy[i] }
    return x[i] * scale[i % channels] + shift[i % channels] > 0 ? dy[i] : 0
  }

  /// Adds up over the rows what `term` gives for the start of each.
  private func sum(_ term: (Int) -> Double) -> Double {
    var total = 0.0
    for row in 0..<rows { total += term(row * channels) }
    return total
  }
}
