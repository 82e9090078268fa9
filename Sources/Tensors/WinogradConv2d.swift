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

  /// `source` and `result` channels-last, `weight` contiguous; `turned` where this computes a gradient.
  func run(
    _ source: Tensor, _ weight: Tensor, bias: Tensor? = nil, relu: Bool = false, turned: Bool = false,
    into result: Tensor
  ) throws {
    let (images, threads) = (conv.batch, min(Engine.threads, conv.batch))
    try withUnsafePointer(to: conv) { conv in
      let packed = try Tensor(undefined: [qk_f32_winograd_weights(conv)])
      let size = qk_f32_winograd_scratch(conv)
      let scratch = try Tensor(undefined: [threads * size])
      withExtendedLifetime((packed, bias)) {
        qk_f32_winograd_pack(conv, turned, weight.floats, packed.floats)
        ThreadTeam.run(parts: threads, threads: threads) { part, member in
          qk_f32_winograd_forward(
            conv, images * part / threads, images * (part + 1) / threads, source.floats, packed.floats,
            bias?.floats, relu, scratch.floats + member * size, result.floats)
        }
      }
    }
  }
}
