import CKernels
import Tensors

/// A step that turns f32 into bytes of one grid, or back.
public protocol IntegerConversion: IntegerStep {
  /// Which side the grid is on, as files have it.
  static var side: String { get }
  var params: QuantParams { get }
  init(_ params: QuantParams, elements: Int)
}

extension IntegerConversion {
  public var inputElements: [Int] { [outputElements] }

  /// The layout of a batch under one scale.
  fileprivate func layout(_ batch: Int) -> qk_scale_layout {
    qk_scale_layout(outer: 1, channels: 1, inner: batch * outputElements)
  }

  public func encode(to record: inout StepRecord) {
    record.put(params, Self.side)
    record.integers["elements"] = outputElements
  }

  public init(from record: StepRecord) throws {
    try self.init(record.params(Self.side), elements: record.size("elements"))
  }
}

/// f32 to u8: what enters a network.
public final class IntegerQuantize: IntegerConversion {
  public static let kind = "quantize"
  public static let side = "output"
  public let outputElements: Int
  public let params: QuantParams
  public var inputType: DType { .f32 }

  public init(_ params: QuantParams, elements: Int) {
    (self.params, outputElements) = (params, elements)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let x = inputs[0].assumingMemoryBound(to: Float.self)
    var (scale, zeroPoint) = (params.scale, params.zeroPoint)
    try checkStatus(
      qk_quantize_u8(qk_isa_active(), layout(batch), x, &scale, &zeroPoint, bytes(output)), Self.kind)
    params.clamp(batch * outputElements, bytes(output))
  }
}

/// u8 to f32: what leaves a network whose last layer gives bytes.
public final class IntegerDequantize: IntegerConversion {
  public static let kind = "dequantize"
  public static let side = "input"
  public let outputElements: Int
  public let params: QuantParams
  public var outputType: DType { .f32 }

  public init(_ params: QuantParams, elements: Int) {
    (self.params, outputElements) = (params, elements)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let y = output.assumingMemoryBound(to: Float.self)
    var (scale, zeroPoint) = (params.scale, params.zeroPoint)
    try checkStatus(
      qk_dequantize_u8(qk_isa_active(), layout(batch), bytes(inputs[0]), &scale, &zeroPoint, y), Self.kind)
  }
}

/// [H, W, C] bytes to [C, H, W]: what flattening an image means in ONNX's order.
public final class IntegerFlatten: IntegerStep {
  public static let kind = "flatten"
  public let pixels: Int
  public let channels: Int
  public var inputElements: [Int] { [outputElements] }
  public var outputElements: Int { pixels * channels }

  public init(pixels: Int, channels: Int) {
    (self.pixels, self.channels) = (pixels, channels)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let (x, y) = (bytes(inputs[0]), bytes(output))
    for sample in 0..<batch {
      let base = sample * outputElements
      qk_flatten_image(pixels, channels, x + base, y + base)
    }
  }

  public func encode(to record: inout StepRecord) {
    record.integers["pixels"] = pixels
    record.integers["channels"] = channels
  }

  public convenience init(from record: StepRecord) throws {
    try self.init(pixels: record.size("pixels"), channels: record.size("channels"))
  }
}
