import CKernels

/// Our own fp32 convolutions, for the channel counts of small networks, where they are ahead of oneDNN. The bits
/// are the same for any number of threads.
struct DirectConv2d {
  private var conv: qk_f32_conv2d
  private let images: Int
  private let gradientParts: Int

  /// nil where the kernels are not made for these shapes, this machine or the precision wanted.
  init?(_ op: Conv2d, _ x: Shape, _ weight: Shape, _ y: Shape) {
    guard Precision.current == .f32, op.groups == 1, op.dilation == 1, op.stride.height == op.stride.width
    else { return nil }
    images = x[0]
    gradientParts = op.gradientParts(weight, y)
    conv = qk_f32_conv2d(
      batch: x[0], channels: x[1], height: x[2], width: x[3], out_channels: weight[0], out_height: y[2],
      out_width: y[3], kernel_height: weight[2], kernel_width: weight[3], stride: op.stride.height,
      pad_top: op.padding.top, pad_left: op.padding.left)
    guard images > 0, qk_f32_conv2d_fits(&conv) else { return nil }
  }

  /// Whether oneDNN is no quicker: it is with many output channels and a stride of 1.
  var isQuickestForward: Bool { conv.out_channels < 64 || conv.stride == 2 }

  /// Threads that the work is worth in so many parts.
  func threads(_ parts: Int) -> Int { ThreadTeam.threads(macs: conv.macs, parts: parts) }

  /// `x` and `y` channels-last, `weight` contiguous.
  func forward(_ x: Tensor, _ weight: Tensor, into y: Tensor) throws {
    let packed = try floats(1) { qk_f32_conv2d_weights($0) }
    let threads = threads(images)
    let scratch = try floats(threads) { qk_f32_conv2d_scratch($0) }
    withConv { conv in
      qk_f32_conv2d_pack(conv, weight.floats, packed.floats)
      ThreadTeam.run(parts: threads, threads: threads) { part, member in
        qk_f32_conv2d_forward(
          conv, images * part / threads, images * (part + 1) / threads, x.floats, packed.floats,
          scratch.floats + member * qk_f32_conv2d_scratch(conv), y.floats)
      }
    }
  }

  /// The gradient of the weights; `x` and `dy` channels-last.
  func backwardWeights(_ x: Tensor, _ dy: Tensor, into dw: Tensor) throws {
    let parts = gradientParts
    let sums = try floats(parts) { qk_f32_conv2d_weights($0) }
    let threads = threads(parts)
    let scratch = try floats(threads) { qk_f32_conv2d_scratch($0) }
    withConv { conv in
      ThreadTeam.run(parts: parts, threads: threads) { part, member in
        qk_f32_conv2d_backward_weights(
          conv, images * part / parts, images * (part + 1) / parts, x.floats, dy.floats,
          scratch.floats + member * qk_f32_conv2d_scratch(conv),
          sums.floats + part * qk_f32_conv2d_weights(conv))
      }
      qk_f32_conv2d_gather(conv, parts, sums.floats, dw.floats)
    }
  }

  private func withConv(_ body: (UnsafePointer<qk_f32_conv2d>) -> Void) {
    withUnsafePointer(to: conv, body)
  }

  private func floats(_ copies: Int, _ size: (UnsafePointer<qk_f32_conv2d>) -> Int) throws -> Tensor {
    try Tensor(undefined: [copies * withUnsafePointer(to: conv, size)])
  }
}

extension qk_f32_conv2d {
  /// Multiplications of the convolution as defined, as many as its gradients take.
  var macs: Int {
    batch * out_height * out_width * out_channels * channels * kernel_height * kernel_width
  }
}
