import CKernels
import Tensors

/// Max or average pooling of a u8 image.
public struct QuantizedPool2d: QuantizedOp {
  public static let name = "quantized_pool2d"
  /// MaxPool2d, AvgPool2d or GlobalAvgPool2d.
  public let float: any Op
  public let activations: [QuantParams]
  public let result: QuantParams?
  private let params: QuantParams

  public init(_ float: any Op, input: QuantParams, result: QuantParams) {
    self.float = float
    activations = [input]
    params = result
    self.result = result
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let x = shapes[0]
    switch float {
    case let pool as MaxPool2d:
      return IntegerPool2d(try geometry(pool.window, x), .max)
    case let pool as AvgPool2d:
      return IntegerPool2d(try geometry(pool.window, x), .average(average(pool.countIncludePad)))
    default:
      let whole = Window2d(kernel: Size2d(x[2], x[3]), stride: 1)
      return IntegerPool2d(try geometry(whole, x), .average(average(false)))
    }
  }

  private func average(_ countIncludePad: Bool) -> qk_average_pool2d_params {
    qk_average_pool2d_params(
      multiplier: activations[0].scale / params.scale, x_zero_point: activations[0].zeroPoint,
      zero_point: params.zeroPoint, lo: params.lowest, hi: params.highest, count_include_pad: countIncludePad)
  }

  private func geometry(_ window: Window2d, _ x: Shape) throws -> qk_pool2d_shape {
    let y = try float.shape(of: [x])
    return qk_pool2d_shape(
      height: x[2], width: x[3], channels: x[1], out_height: y.rank == 4 ? y[2] : 1,
      out_width: y.rank == 4 ? y[3] : 1,
      kernel_h: window.kernel.height, kernel_w: window.kernel.width, stride_h: window.stride.height,
      stride_w: window.stride.width, dilation_h: window.dilation.height, dilation_w: window.dilation.width,
      pad_top: window.padding.top, pad_left: window.padding.left, pad_bottom: window.padding.bottom,
      pad_right: window.padding.right)
  }
}
