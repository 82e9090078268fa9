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
  /// `y = x scale + shift`
  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ y: Output)
  /// `dScale = sum of dy xhat`, `dBias = sum of dy`, with `xhat = (x - mean) rstd`
  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ dScale: Output, _ dBias: Output)
  /// `dx = scale rstd (dy - dBias / rows - xhat dScale / rows)`
  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ dScale: Input, _ dBias: Input,
    _ dx: Output)
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

  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ y: Output) {
    qk_f32_scale_shift(rows, channels, x, scale, shift, false, y)
  }

  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ dScale: Output, _ dBias: Output
  ) { qk_f32_batch_norm_backward_parameters(rows, channels, dy, x, mean, rstd, dScale, dBias) }

  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ dScale: Input, _ dBias: Input,
    _ dx: Output
  ) { qk_f32_batch_norm_backward(rows, channels, rows, dy, x, scale, mean, rstd, dScale, dBias, dx) }

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

  func scaleShift(_ x: Input, _ scale: Input, _ shift: Input, _ y: Output) {
    for i in 0..<rows * channels { y[i] = x[i] * scale[i % channels] + shift[i % channels] }
  }

  func parameterGradients(
    _ dy: Input, _ x: Input, _ mean: Input, _ rstd: Input, _ dScale: Output, _ dBias: Output
  ) {
    for c in 0..<channels {
      dScale[c] = sum { dy[$0 + c] * (x[$0 + c] - mean[c]) * rstd[c] }
      dBias[c] = sum { dy[$0 + c] }
    }
  }

  func inputGradient(
    _ dy: Input, _ x: Input, _ scale: Input, _ mean: Input, _ rstd: Input, _ dScale: Input, _ dBias: Input,
    _ dx: Output
  ) {
    for i in 0..<rows * channels {
      let c = i % channels
      let normalized = (x[i] - mean[c]) * rstd[c]
      dx[i] = scale[c] * rstd[c] * (dy[i] - (dBias[c] + normalized * dScale[c]) / Double(rows))
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

  /// Adds up over the rows what `term` gives for the start of each.
  private func sum(_ term: (Int) -> Double) -> Double {
    var total = 0.0
    for row in 0..<rows { total += term(row * channels) }
    return total
  }
}
