import CKernels

/// The largest element under a sliding window, of images [N, C, H, W]; a NaN counts as largest, and the first
/// among equals gets the gradient. Padding takes no part. ONNX MaxPool.
///
/// With `relu`, negative results become 0 in the same pass; relu before the pooling would give the same.
public struct MaxPool2d: PoolingOp {
  public static let name = "max_pool2d"
  public let window: Window2d
  public let relu: Bool

  public init(_ window: Window2d, relu: Bool = false) { (self.window, self.relu) = (window, relu) }

  public var withRelu: (any Op)? { MaxPool2d(window, relu: true) }

  /// PyTorch's arguments: the stride is the kernel unless given.
  public init(_ kernel: Size2d, stride: Size2d? = nil, padding: Padding2d = 0, dilation: Size2d = 1) {
    self.init(Window2d(kernel: kernel, stride: stride ?? kernel, padding: padding, dilation: dilation))
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].channelsLast()
    let y = try Tensor(undefined: context.shape, context.dtype, format: .channelsLast)
    if context.dtype == .f64 {
      reference(x, y)
    } else if context.recording {
      // For each result the pixel it came from, channels-last too.
      let taken = try Tensor(undefined: context.shape, .i32, format: .channelsLast)
      pool(x, into: y, taken)
      context.save(taken)
    } else {
      pool(x, into: y, nil)
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let gradient = try dy.channelsLast()
    if dy.dtype == .f64 { return [try referenceGradient(try x.channelsLast(), gradient)] }
    let dx = try Tensor(undefined: x.shape, .f32, format: .channelsLast)
    let whole = kernelWindow(x.shape, dy.shape)
    let (from, to, taken) = (gradient.floats, dx.floats, record.saved[0].pointer(Int32.self))
    let (image, result) = (x.shape.dropFirst().reduce(1, *), dy.shape.dropFirst().reduce(1, *))
    ThreadTeam.divide(x.shape[0], of: image) { images in
      let first = images.lowerBound
      var part = whole
      part.batch = images.count
      qk_f32_max_pool_backward(&part, from + first * result, taken + first * result, to + first * image)
    }
    return [dx]
  }

  private func pool(_ x: Tensor, into y: Tensor, _ taken: Tensor?) {
    let whole = kernelWindow(x.shape, y.shape)
    let (image, result) = (x.shape.dropFirst().reduce(1, *), y.shape.dropFirst().reduce(1, *))
    ThreadTeam.divide(x.shape[0], of: image) { images in
      let first = images.lowerBound
      var part = whole
      part.batch = images.count
      qk_f32_max_pool(
        &part, x.floats + first * image, relu, y.floats + first * result,
        taken.map { $0.pointer(Int32.self) + first * result })
    }
  }

  private func reference(_ x: Tensor, _ y: Tensor) {
    let (input, output) = (x.pointer(Double.self), y.pointer(Double.self))
    window.forEachPosition(x.shape, y.shape) { at, taps in
      let most = input[Self.largest(input, taps)]
      output[at] = relu && most <= 0 ? 0 : most
    }
  }

  private func referenceGradient(_ x: Tensor, _ dy: Tensor) throws -> Tensor {
    let dx = try Tensor.zeros(x.shape, .f64, format: .channelsLast)
    let (input, gradient, result) = (x.pointer(Double.self), dy.pointer(Double.self), dx.pointer(Double.self))
    window.forEachPosition(x.shape, dy.shape) { at, taps in
      let place = Self.largest(input, taps)
      if !relu || input[place] > 0 { result[place] += gradient[at] }
    }
    return dx
  }

  /// Where the largest of the elements visited by `taps` lies; `PoolingOp` lets no window be empty.
  private static func largest(_ x: UnsafeMutablePointer<Double>, _ taps: ((Int) -> Void) -> Void) -> Int {
    var best = -1
    taps { at in if best < 0 || x[at] > x[best] || (x[at].isNaN && !x[best].isNaN) { best = at } }
    return best
  }
}
