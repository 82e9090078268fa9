import Models
import Tensors

extension OnnxExport {
  // MARK: Windows

  /// Convolution, pooling and resizing; nil for other ops.
  func sliding(_ op: any Op, _ x: [String]) throws -> String? {
    switch op {
    case let op as Conv2d: return add("Conv", x, window(op.window(inputShape(1)), ["group": .int(op.groups)]))
    case let op as Conv1d:
      let kernel = inputShape(1)[2]
      return add("Conv", x, window(kernel, op.stride, op.padding, op.dilation, ["group": .int(op.groups)]))
    case let op as ConvTranspose2d:
      let convolution = Conv2d(
        stride: op.stride, padding: op.padding, dilation: op.dilation, groups: op.groups)
      let more: [String: OnnxAttribute] = [
        "group": .int(op.groups), "output_padding": .ints([op.outputPadding.height, op.outputPadding.width]),
      ]
      return add("ConvTranspose", x, window(convolution.window(inputShape(1)), more))
    case let op as ConvTranspose1d:
      let more: [String: OnnxAttribute] = [
        "group": .int(op.groups), "output_padding": .ints([op.outputPadding]),
      ]
      return add("ConvTranspose", x, window(inputShape(1)[2], op.stride, op.padding, op.dilation, more))
    case let op as MaxPool2d: return add("MaxPool", x, window(op.window))
    case let op as MaxPool1d:
      return add("MaxPool", x, window(op.kernel, op.stride, (op.padding, op.padding), op.dilation))
    case let op as AvgPool2d:
      return add("AveragePool", x, window(op.window, counting(op.countIncludePad)))
    case let op as AvgPool1d:
      let counts = counting(op.countIncludePad)
      return add("AveragePool", x, window(op.kernel, op.stride, (op.padding, op.padding), 1, counts))
    case let op as Interpolate: return try resize(op, x)
    default: return nil
    }
  }

  func window(_ window: Window2d, _ more: [String: OnnxAttribute] = [:]) -> [String: OnnxAttribute] {
    let p = window.padding
    return more.merging([
      "kernel_shape": .ints([window.kernel.height, window.kernel.width]),
      "strides": .ints([window.stride.height, window.stride.width]),
      "dilations": .ints([window.dilation.height, window.dilation.width]),
      "pads": .ints([p.top, p.left, p.bottom, p.right]),
    ]) { $1 }
  }

  /// Over sequences.
  private func window(
    _ kernel: Int, _ stride: Int, _ padding: (Int, Int), _ dilation: Int,
    _ more: [String: OnnxAttribute] = [:]
  ) -> [String: OnnxAttribute] {
    more.merging([
      "kernel_shape": .ints([kernel]), "strides": .ints([stride]), "dilations": .ints([dilation]),
      "pads": .ints([padding.0, padding.1]),
    ]) { $1 }
  }

  private func counting(_ isPadded: Bool) -> [String: OnnxAttribute] {
    ["count_include_pad": .int(isPadded ? 1 : 0)]
  }

  private func resize(_ op: Interpolate, _ x: [String]) throws -> String {
    let axes = Array(2..<inputShape(0).rank)
    let attributes: [String: OnnxAttribute] = [
      "axes": .ints(axes), "mode": .string(op.mode == .nearest ? "nearest" : "linear"),
      "nearest_mode": .string("floor"),
      "coordinate_transformation_mode": .string(
        op.mode == .nearest ? "asymmetric" : op.alignCorners ? "align_corners" : "half_pixel"),
    ]
    switch op.target {
    case .size(let sizes):
      let each = sizes.count == 1 ? axes.map { _ in sizes[0] } : sizes
      return add("Resize", [x[0], "", "", try integers(each)], attributes)
    case .scale(let factors):
      let each = factors.count == 1 ? axes.map { _ in Float(factors[0]) } : factors.map { Float($0) }
      let scales = try exporter.constant(Tensor([each.count], each), "scales")
      return add("Resize", [x[0], "", scales], attributes)
    }
  }

  // MARK: Normalization

  func normalization(_ op: any Op, _ x: [String]) throws -> String? {
    switch op {
    case let op as BatchNorm: return add("BatchNormalization", x, ["epsilon": .float(Float(op.epsilon))])
    case let op as LayerNorm:
      let scale = Shape(inputShape(0).suffix(op.axes))
      let inputs = try x.count > 1 ? x : x + [exporter.constant(Tensor.ones(scale), "ones")]
      return add(
        "LayerNormalization", inputs, ["axis": .int(-op.axes), "epsilon": .float(Float(op.epsilon))])
    case let op as GroupNorm:
      let attributes: [String: OnnxAttribute] = [
        "num_groups": .int(op.groups), "epsilon": .float(Float(op.epsilon)),
      ]
      return add("GroupNormalization", try scaled(x), attributes)
    case let op as InstanceNorm:
      return add("InstanceNormalization", try scaled(x), ["epsilon": .float(Float(op.epsilon))])
    default: return nil
    }
  }

  /// With the scale and the bias of every channel, which ONNX always reads.
  private func scaled(_ x: [String]) throws -> [String] {
    let channels = Shape([inputShape(0)[1]])
    var inputs = x
    if inputs.count < 2 { inputs.append(try exporter.constant(Tensor.ones(channels), "ones")) }
    if inputs.count < 3 { inputs.append(try exporter.constant(Tensor.zeros(channels), "zeros")) }
    return inputs
  }
}
