import CKernels
import Tensors

/// f32 to u8: what enters a network.
public final class IntegerQuantize: IntegerStep {
  public static let kind = "quantize"
  public let outputElements: Int
  public let params: QuantParams
  public var inputElements: [Int] { [outputElements] }
  public var inputType: DType { .f32 }

  public init(_ params: QuantParams, elements: Int) {
    (self.params, outputElements) = (params, elements)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: batch * outputElements)
    let x = inputs[0].assumingMemoryBound(to: Float.self)
    var (scale, zeroPoint) = (params.scale, params.zeroPoint)
    try checkStatus(
      qk_quantize_u8(qk_isa_active(), layout, x, &scale, &zeroPoint, bytes(output)), Self.kind)
    params.clamp(layout.inner, bytes(output))
  }

  public func encode(to record: inout StepRecord) {
    record.put(params, "output")
    record.integers["elements"] = outputElements
  }

  public convenience init(from record: StepRecord) throws {
    try self.init(record.params("output"), elements: record.size("elements"))
  }
}

/// u8 to f32: what leaves a network whose last layer gives bytes.
public final class IntegerDequantize: IntegerStep {
  public static let kind = "dequantize"
  public let outputElements: Int
  public let params: QuantParams
  public var inputElements: [Int] { [outputElements] }
  public var outputType: DType { .f32 }

  public init(_ params: QuantParams, elements: Int) {
    (self.params, outputElements) = (params, elements)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: batch * outputElements)
    let y = output.assumingMemoryBound(to: Float.self)
    var (scale, zeroPoint) = (params.scale, params.zeroPoint)
    try checkStatus(
      qk_dequantize_u8(qk_isa_active(), layout, bytes(inputs[0]), &scale, &zeroPoint, y), Self.kind)
  }

  public func encode(to record: inout StepRecord) {
    record.put(params, "input")
    record.integers["elements"] = outputElements
  }

  public convenience init(from record: StepRecord) throws {
    try self.init(record.params("input"), elements: record.size("elements"))
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
