import CKernels
import Tensors

/// The largest, or the average, of each window of an NHWC u8 image.
public final class IntegerPool2d: IntegerStep {
  public enum Method {
    /// Scale and zero point stay as they are.
    case max
    case average(qk_average_pool2d_params)
  }

  public static let kind = "pool2d"
  public let geometry: qk_pool2d_shape
  public let method: Method
  public var inputElements: [Int] { [geometry.height * geometry.width * geometry.channels] }
  public var outputElements: Int { geometry.out_height * geometry.out_width * geometry.channels }

  public init(_ geometry: qk_pool2d_shape, _ method: Method) {
    (self.geometry, self.method) = (geometry, method)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var shape = geometry
    switch method {
    case .max:
      try checkStatus(
        qk_max_pool2d_u8(qk_isa_active(), &shape, batch, bytes(inputs[0]), bytes(output)), "max_pool2d")
    case .average(var params):
      try checkStatus(
        qk_average_pool2d_u8(qk_isa_active(), &shape, &params, batch, bytes(inputs[0]), bytes(output)),
        "avg_pool2d")
    }
  }

  private static var fields: [(String, WritableKeyPath<qk_pool2d_shape, Int>, least: Int)] {
    [
      ("height", \.height, 1), ("width", \.width, 1), ("channels", \.channels, 1),
      ("out_height", \.out_height, 1),
      ("out_width", \.out_width, 1), ("kernel_h", \.kernel_h, 1), ("kernel_w", \.kernel_w, 1),
      ("stride_h", \.stride_h, 1), ("stride_w", \.stride_w, 1), ("dilation_h", \.dilation_h, 1),
      ("dilation_w", \.dilation_w, 1), ("pad_top", \.pad_top, 0), ("pad_left", \.pad_left, 0),
      ("pad_bottom", \.pad_bottom, 0), ("pad_right", \.pad_right, 0),
    ]
  }

  public func encode(to record: inout StepRecord) {
    for (name, field, _) in Self.fields { record.integers[name] = geometry[keyPath: field] }
    guard case .average(let params) = method else { return }
    record.floats["multiplier"] = params.multiplier
    record.integers["input_zero_point"] = Int(params.x_zero_point)
    record.integers["zero_point"] = Int(params.zero_point)
    record.integers["low"] = Int(params.lo)
    record.integers["high"] = Int(params.hi)
    record.integers["count_include_pad"] = params.count_include_pad ? 1 : 0
  }

  public convenience init(from record: StepRecord) throws {
    var geometry = qk_pool2d_shape()
    for (name, field, least) in Self.fields { geometry[keyPath: field] = try record.size(name, least: least) }
    for (height, width) in [(geometry.height, geometry.width), (geometry.out_height, geometry.out_width)] {
      _ = try Shape(checking: [height, width, geometry.channels], for: "pool2d")
    }
    guard let multiplier = record.floats["multiplier"] else {
      self.init(geometry, .max)
      return
    }
    let params = qk_average_pool2d_params(
      multiplier: multiplier, x_zero_point: try record.byte("input_zero_point"),
      zero_point: try record.byte("zero_point"), lo: try record.byte("low"), hi: try record.byte("high"),
      count_include_pad: try record.integer("count_include_pad") != 0)
    self.init(geometry, .average(params))
  }
}
