import CKernels

/// The mean of the elements under a sliding window, of images [N, C, H, W]. ONNX AveragePool.
public struct AvgPool2d: PoolingOp {
  public static let name = "avg_pool2d"
  public let window: Window2d
  /// Whether the zeros of the padding count in the divisor, which then is the kernel's size (PyTorch's default).
  public let countIncludePad: Bool

  public init(_ window: Window2d, countIncludePad: Bool = true) {
    self.window = window
    self.countIncludePad = countIncludePad
  }

  /// PyTorch's arguments: the stride is the kernel unless given.
  public init(_ kernel: Size2d, stride: Size2d? = nil, padding: Padding2d = 0, countIncludePad: Bool = true) {
    self.init(
      Window2d(kernel: kernel, stride: stride ?? kernel, padding: padding), countIncludePad: countIncludePad)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].channelsLast()
    let y = try Tensor(undefined: context.shape, context.dtype, format: .channelsLast)
    if context.dtype == .f64 {
      let (input, output) = (x.pointer(Double.self), y.pointer(Double.self))
      window.forEachPosition(x.shape, y.shape) { at, taps in
        var sum = 0.0
        taps { sum += input[$0] }
        output[at] = sum / divisor(taps)
      }
    } else {
      var shape = kernelWindow(x.shape, y.shape, countPadding: countIncludePad)
      qk_f32_average_pool(&shape, x.floats, y.floats)
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0].shape
    let gradient = try dy.channelsLast()
    let dx = try Tensor.zeros(x, dy.dtype, format: .channelsLast)
    if dy.dtype == .f64 {
      let (from, to) = (gradient.pointer(Double.self), dx.pointer(Double.self))
      window.forEachPosition(x, dy.shape) { at, taps in
        let share = from[at] / divisor(taps)
        taps { to[$0] += share }
      }
    } else {
      var shape = kernelWindow(x, dy.shape, countPadding: countIncludePad)
      qk_f32_average_pool_backward(&shape, gradient.floats, dx.floats)
    }
    return [dx]
  }

  private func divisor(_ taps: ((Int) -> Void) -> Void) -> Double {
    if countIncludePad { return Double(window.kernel.height * window.kernel.width) }
    var count = 0.0
    taps { _ in count += 1 }
    return count
  }
}
