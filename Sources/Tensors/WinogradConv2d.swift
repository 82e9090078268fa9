import CKernels

/// Our own fp32 convolutions with 3x3 kernels and a stride of 1, and the gradients of their inputs, which are such
/// convolutions too: by Winograd's method, which multiplies less than half as often. The bits are the same for any
/// number of threads.
struct WinogradConv2d {
  private var conv: qk_f32_conv2d

  /// nil where the kernels are not made for these shapes, this machine or the precision wanted.
  init?(_ op: Conv2d, _ x: Shape, _ weight: Shape, _ y: Shape) {
    self.init(op, source: x, result: y, padding: Size2d(op.padding.top, op.padding.left), weight)
  }

  /// What computes the gradient of `x`.
  init?(gradientOf op: Conv2d, _ x: Shape, _ weight: Shape, _ y: Shape) {
    self.init(op, source: y, result: x, padding: Size2d(2 - op.padding.top, 2 - op.padding.left), weight)
  }

  private init?(_ op: Conv2d, source: Shape, result: Shape, padding: Size2d, _ weight: Shape) {
    guard Precision.current == .f32, op.groups == 1, op.dilation == 1, op.stride == 1, source[0] > 0,
      padding.height >= 0, padding.width >= 0
    else { return nil }
    conv = qk_f32_conv2d(
      batch: source[0], channels: source[1], height: source[2], width: source[3], out_channels: result[1],
      out_height: result[2], out_width: result[3], kernel_height: weight[2], kernel_width: weight[3],
      stride: 1, pad_top: padding.height, pad_left: padding.width)
    guard qk_f32_winograd_fits(&conv) else { return nil }
  }

  /// Threads that the work is worth, each with images of its own.
  var threads: Int { ThreadTeam.threads(macs: conv.macs, parts: conv.batch) }

  /// What follows the sum in the same pass: `bias`, a scale and shift of each channel, a sum with `side`, relu.
  struct End {
    var bias, scale, shift, side: Tensor?
    var relu = false

    fileprivate func withPointers<Result>(_ body: (UnsafePointer<qk_f32_winograd_end>) -> Result) -> Result {
      withExtendedLifetime(self) {
        var end = qk_f32_winograd_end(
          bias: bias?.floats, scale: scale?.floats, shift: shift?.floats, side: side?.floats, relu: relu)
        return body(&end)
      }
    }
  }

  /// `source`, `side` and `result` channels-last, the rest contiguous; `turned` where this computes a gradient.
  func run(_ source: Tensor, _ weight: Tensor, _ end: End = End(), turned: Bool = false, into result: Tensor)
    throws
  {
    let (images, threads) = (conv.batch, threads)
    try withUnsafePointer(to: conv) { conv in
      let packed = try Tensor(undefined: [qk_f32_winograd_weights(conv)])
      let size = qk_f32_winograd_scratch(conv)
      let scratch = try Tensor(undefined: [threads * size])
      qk_f32_winograd_pack(conv, turned, weight.floats, packed.floats)
      end.withPointers { end in
        ThreadTeam.run(parts: threads, threads: threads) { part, member in
          qk_f32_winograd_forward(
            conv, images * part / threads, images * (part + 1) / threads, source.floats, packed.floats, end,
            scratch.floats + member * size, result.floats)
        }
      }
    }
  }
}

extension Conv2d {
  /// This convolution, then batch norm with its running statistics, then perhaps a sum with `side` and relu, in one
  /// pass over memory and with the same bits; nil where no kernel does that. Nothing is recorded.
  ///
  /// - Parameter parameters: of the norm: scale, bias, running mean, running variance.
  public func evaluate(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ norm: BatchNorm, _ parameters: [Tensor],
    adding side: Tensor?, relu: Bool
  ) throws -> Tensor? {
    let tensors = [x, weight] + (bias.map { [$0] } ?? []) + parameters + (side.map { [$0] } ?? [])
    guard tensors.allSatisfy({ $0.dtype == .f32 }) else { return nil }
    guard let shape = try? shape(of: [x.shape, weight.shape] + (bias.map { [$0.shape] } ?? [])) else {
      return nil
    }
    guard side.map({ $0.shape == shape }) ?? true, parameters.allSatisfy({ $0.shape == [shape[1]] }),
      let winograd = WinogradConv2d(self, x.shape, weight.shape, shape)
    else { return nil }
    let y = try Tensor(undefined: shape, .f32, format: .channelsLast)
    let (scale, shift) = try norm.evaluationFactors(parameters)
    let end = WinogradConv2d.End(
      bias: try bias?.contiguous(), scale: scale, shift: shift, side: try side?.channelsLast(), relu: relu)
    try winograd.run(try x.channelsLast(), try weight.contiguous(), end, into: y)
    return y
  }
}
