import CKernels

/// `y = e^x / sum e^x` along one dimension, computed from `x - max x`; integers give f32. ONNX Softmax.
public struct Softmax: NormalizingOp {
  public static let name = "softmax"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  var kernels: Kernels { (qk_f32_softmax, qk_f32_softmax_backward) }

  func value(_ x: UnsafeBufferPointer<Double>, _ y: UnsafeMutablePointer<Double>) {
    let peak = x.max() ?? 0
    var sum = 0.0
    for i in x.indices {
      y[i] = Libm.exp(x[i] - peak)
      sum += y[i]
    }
    for i in x.indices { y[i] /= sum }
  }

  /// `dx = y (dy - sum dy y)`
  func gradient(
    _ dy: UnsafeBufferPointer<Double>, _ y: UnsafePointer<Double>, _ dx: UnsafeMutablePointer<Double>
  ) {
    let dot = dy.indices.reduce(0) { $0 + dy[$1] * y[$1] }
    for i in dy.indices { dx[i] = y[i] * (dy[i] - dot) }
  }
}

/// `y = x - ln sum e^x` along one dimension, computed from `x - max x`; integers give f32. ONNX LogSoftmax.
public struct LogSoftmax: NormalizingOp {
  public static let name = "log_softmax"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  var kernels: Kernels { (qk_f32_log_softmax, qk_f32_log_softmax_backward) }

  func value(_ x: UnsafeBufferPointer<Double>, _ y: UnsafeMutablePointer<Double>) {
    let peak = x.max() ?? 0
    let normalizer = peak + Libm.log(x.reduce(0) { $0 + Libm.exp($1 - peak) })
    for i in x.indices { y[i] = x[i] - normalizer }
  }

  /// `dx = dy - e^y sum dy`
  func gradient(
    _ dy: UnsafeBufferPointer<Double>, _ y: UnsafePointer<Double>, _ dx: UnsafeMutablePointer<Double>
  ) {
    let sum = dy.reduce(0, +)
    for i in dy.indices { dx[i] = dy[i] - Libm.exp(y[i]) * sum }
  }
}

/// What softmax and its logarithm share: lines along one dimension, each by itself.
protocol NormalizingOp: Op {
  /// The fp32 loops over [rows, n]: (rows, n, x, y) and (rows, n, dy, y, dx).
  typealias Kernels = (
    forward: (Int, Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void,
    backward: (Int, Int, UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  )
  var axis: Int { get }
  var kernels: Kernels { get }
  func value(_ x: UnsafeBufferPointer<Double>, _ y: UnsafeMutablePointer<Double>)
  func gradient(
    _ dy: UnsafeBufferPointer<Double>, _ y: UnsafePointer<Double>, _ dx: UnsafeMutablePointer<Double>)
}

extension NormalizingOp {
  public var keepsOutput: Bool { true }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType { types[0].isFloatingPoint ? types[0] : .f32 }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].converted(to: context.dtype).movingToEnd(axis).contiguous()
    let y = try Tensor(undefined: x.shape, x.dtype)
    let n = t[0].shape[axis]
    if x.dtype == .f32 {
      kernels.forward(n == 0 ? 0 : x.count / n, n, x.floats, y.floats)
    } else {
      for start in stride(from: 0, to: x.count, by: Swift.max(n, 1)) {
        value(UnsafeBufferPointer(start: x.pointer() + start, count: n), y.pointer() + start)
      }
    }
    return y.movingFromEnd(axis)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let y = try record.output.movingToEnd(axis).contiguous()
    let dy = try dy.movingToEnd(axis).contiguous()
    let dx = try Tensor(undefined: y.shape, y.dtype)
    let n = record.output.shape[axis]
    if y.dtype == .f32 {
      kernels.backward(n == 0 ? 0 : y.count / n, n, dy.floats, y.floats, dx.floats)
    } else {
      for start in stride(from: 0, to: y.count, by: Swift.max(n, 1)) {
        gradient(
          UnsafeBufferPointer(start: dy.pointer() + start, count: n), y.pointer() + start,
          dx.pointer() + start)
      }
    }
    return [dx.movingFromEnd(axis)]
  }
}

extension Tensor {
  /// A view with dimension `axis` last. No record.
  func movingToEnd(_ axis: Int) -> Tensor {
    var order = Array(0..<rank)
    order.append(order.remove(at: axis))
    return view(Shape(order.map { shape[$0] }), strides: Strides(order.map { strides[$0] }))
  }

  /// A view with the last dimension at `axis`. No record.
  func movingFromEnd(_ axis: Int) -> Tensor {
    var order = Array(0..<rank)
    order.insert(order.removeLast(), at: axis)
    return view(Shape(order.map { shape[$0] }), strides: Strides(order.map { strides[$0] }))
  }
}
