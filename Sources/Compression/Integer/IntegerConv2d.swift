import CKernels
import Tensors

/// A convolution over NHWC u8 images with s8 weights OIHW: any kernel, stride, padding, dilation, groups.
public final class IntegerConv2d: IntegerStep {
  public static let kind = "conv2d"
  public let geometry: qk_conv2d_shape
  public let outputElements: Int
  public let values: IntegerWeights
  public let scratchBytes: Int
  private let packed: AlignedBytes

  public init(_ values: IntegerWeights, _ geometry: qk_conv2d_shape) throws {
    self.values = values
    self.geometry = geometry
    var shape = geometry
    var (height, width, bytes) = (0, 0, 0)
    try checkStatus(qk_conv2d_output_size(&shape, &height, &width), "conv2d")
    outputElements = try Shape(checking: [height, width, geometry.out_channels], for: "conv2d").elements
    let isa = qk_isa_active()
    try checkStatus(qk_conv2d_u8s8_packed_bytes(isa, &shape, &bytes), "conv2d")
    packed = AlignedBytes(count: bytes)
    try checkStatus(
      qk_conv2d_u8s8_pack(
        isa, &shape, values.weights, values.bias, values.multipliers, values.inputZeroPoint, packed.pointer),
      "conv2d")
    scratchBytes = qk_conv2d_u8s8_scratch_bytes(packed.pointer)
  }

  public var inputElements: [Int] { [geometry.height * geometry.width * geometry.channels] }
  public var outputType: DType { values.outputType }
  public var weightBytes: Int { packed.count }
  public var label: String { Self.kind + values.note }

  public func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])? {
    let g = geometry
    let op = Conv2d(
      stride: Size2d(g.stride_h, g.stride_w),
      padding: Padding2d(top: g.pad_top, left: g.pad_left, bottom: g.pad_bottom, right: g.pad_right),
      dilation: Size2d(g.dilation_h, g.dilation_w), groups: g.groups)
    let weight: Shape = [g.out_channels, g.channels / g.groups, g.kernel_h, g.kernel_w]
    return (op, [[batch, g.channels, g.height, g.width], weight, [g.out_channels]])
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var stage = values.output
    try checkStatus(
      qk_conv2d_u8s8(packed.pointer, batch, bytes(inputs[0]), &stage, output, scratch), "conv2d")
  }

  private static var fields: [(String, WritableKeyPath<qk_conv2d_shape, Int>, least: Int)] {
    [
      ("height", \.height, 1), ("width", \.width, 1), ("channels", \.channels, 1),
      ("out_channels", \.out_channels, 1), ("groups", \.groups, 1), ("kernel_h", \.kernel_h, 1),
      ("kernel_w", \.kernel_w, 1), ("stride_h", \.stride_h, 1), ("stride_w", \.stride_w, 1),
      ("dilation_h", \.dilation_h, 1), ("dilation_w", \.dilation_w, 1), ("pad_top", \.pad_top, 0),
      ("pad_left", \.pad_left, 0), ("pad_bottom", \.pad_bottom, 0), ("pad_right", \.pad_right, 0),
    ]
  }

  public func encode(to record: inout StepRecord) {
    for (name, field, _) in Self.fields { record.integers[name] = geometry[keyPath: field] }
    values.encode(to: &record)
  }

  public convenience init(from record: StepRecord) throws {
    var geometry = qk_conv2d_shape()
    for (name, field, least) in Self.fields { geometry[keyPath: field] = try record.size(name, least: least) }
    let depth = try Shape(
      checking: [geometry.channels / geometry.groups, geometry.kernel_h, geometry.kernel_w], for: "conv2d"
    ).elements
    try self.init(IntegerWeights(from: record, channels: geometry.out_channels, depth: depth), geometry)
  }
}

extension qk_conv2d_shape {
  /// A convolution over images [N, C, H, W].
  init(_ x: Shape, _ window: Window2d, outputs: Int, groups: Int) {
    self.init(
      height: x[2], width: x[3], channels: x[1], out_channels: outputs, groups: groups,
      kernel_h: window.kernel.height, kernel_w: window.kernel.width, stride_h: window.stride.height,
      stride_w: window.stride.width, dilation_h: window.dilation.height, dilation_w: window.dilation.width,
      pad_top: window.padding.top, pad_left: window.padding.left, pad_bottom: window.padding.bottom,
      pad_right: window.padding.right)
  }
}
