import CKernels

/// What the poolings share: a window over images [N, C, H, W], whose results lie channels-last.
protocol PoolingOp: Op {
  var window: Window2d { get }
}

extension PoolingOp {
  public func shape(of s: [Shape]) throws -> Shape {
    try requireImages(s[0])
    try require(s[0][1] > 0, "input \(s[0]) has no channels")
    try require(
      s[0][2] * s[0][3] <= Int(Int32.max), "input \(s[0]) has images of more than 2^31 pixels")
    let shape = try window.shape(over: s[0], channels: s[0][1], for: name)
    try require(
      window.isFull(s[0][2], s[0][3], at: Size2d(shape[2], shape[3])),
      "padding leaves windows of input \(s[0]) with nothing in them; half of the kernel's "
        + "\(window.kernel.height) x \(window.kernel.width) pixels is always safe")
    return shape
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  func kernelWindow(_ x: Shape, _ y: Shape, countPadding: Bool = false) -> qk_f32_window {
    let (kernel, stride, padding, dilation) = (window.kernel, window.stride, window.padding, window.dilation)
    return qk_f32_window(
      batch: x[0], channels: x[1], height: x[2], width: x[3], out_height: y[2], out_width: y[3],
      kernel_height: kernel.height, kernel_width: kernel.width, stride_height: stride.height,
      stride_width: stride.width, dilation_height: dilation.height, dilation_width: dilation.width,
      pad_top: padding.top, pad_left: padding.left, pad_bottom: padding.bottom, pad_right: padding.right,
      count_padding: countPadding)
  }
}

extension Window2d {
  /// Calls `body` for every output element (channels-last `x` and `y`) with its position in y, and a function
  /// that visits the positions in x of the elements under the window. In double precision only: it is slow.
  func forEachPosition(_ x: Shape, _ y: Shape, _ body: (Int, (_ visit: (Int) -> Void) -> Void) -> Void) {
    let channels = x[1]
    for n in 0..<y[0] {
      for h in 0..<y[2] {
        for w in 0..<y[3] {
          let (down, across) = (rows(h, of: x[2]), columns(w, of: x[3]))
          for c in 0..<channels {
            body(((n * y[2] + h) * y[3] + w) * channels + c) { visit in
              for kh in down {
                let row = h * stride.height - padding.top + kh * dilation.height
                for kw in across {
                  let column = w * stride.width - padding.left + kw * dilation.width
                  visit(((n * x[2] + row) * x[3] + column) * channels + c)
                }
              }
            }
          }
        }
      }
    }
  }
}
