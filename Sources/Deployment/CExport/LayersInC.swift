import CKernels
import Compression
import Tensors

extension IntegerWeights {
  /// The arrays of a layer and what becomes of its sums.
  ///
  /// - Parameters:
  ///   - weights: in the order the kernel reads them.
  ///   - row: as many to a line, if that fits.
  ///   - order: what they are, for the comment.
  ///   - part: what their names start with where a step has several layers.
  func write(
    to c: inout CStep, _ weights: [Int8], row: Int, _ order: String, part: String = ""
  ) throws -> String {
    let folded = zip(bias, sums).map { bias, sum in
      Int32(truncatingIfNeeded: Int(bias) - Int(inputZeroPoint) * sum)
    }
    let fields = [
      ("weights", try c.array(part + "weights", weights, row: row, "weights \(order)")),
      (
        "bias",
        try c.array(
          part + "bias", folded, "bias, less \(inputZeroPoint) times the sum of the output's weights")
      ),
      ("multiplier", try c.array(part + "multiplier", multipliers, "multiplier of each output")),
      ("x_zero_point", "\(inputZeroPoint)"), ("is_float", output.kind == QK_OUTPUT_F32 ? "1" : "0"),
      ("zero_point", "\(output.zero_point)"), ("lo", "\(output.lo)"), ("hi", "\(output.hi)"),
    ]
    return c.structure("layer", part + "layer", fields)
  }

  /// Of the weights of each output.
  private var sums: [Int] {
    let depth = weights.count / bias.count
    return bias.indices.map { row in
      weights[row * depth..<(row + 1) * depth].reduce(0) { $0 + Int($1) }
    }
  }

  /// Weights [outputs, inputs, taps], their axes in another order.
  fileprivate func permuted(inputs: Int, taps: Int, _ order: (_ output: Int, _ input: Int, _ tap: Int) -> Int)
    -> [Int8]
  {
    var moved = [Int8](repeating: 0, count: weights.count)
    for (i, weight) in weights.enumerated() {
      moved[order(i / (inputs * taps), i / taps % inputs, i % taps)] = weight
    }
    return moved
  }
}

extension IntegerLinear: CExportable {
  func write(to c: inout CStep) throws {
    let layer = try values.write(
      to: &c, values.weights, row: inputs, "[\(outputs) outputs, \(inputs) inputs]")
    c.call(
      "linear_rows", of: "linear.h", [layer, "\(rows)", "\(inputs)", "\(outputs)", c.inputs[0], c.output])
  }
}

extension IntegerConv2d: CExportable {
  private var isDepthwise: Bool {
    geometry.groups == geometry.channels && geometry.out_channels == geometry.channels
  }

  /// A window's bytes are copied together, unless it is one pixel of the image.
  var cScratchBytes: Int {
    let g = geometry
    let isPixel =
      g.kernel_h * g.kernel_w == 1 && g.pad_top + g.pad_left + g.pad_bottom + g.pad_right == 0
    return isDepthwise || isPixel ? 0 : g.kernel_h * g.kernel_w * g.channels / g.groups
  }

  func write(to c: inout CStep) throws {
    let g = geometry
    let (inputs, taps) = (g.channels / g.groups, g.kernel_h * g.kernel_w)
    let kernel = "\(g.kernel_h) x \(g.kernel_w) taps"
    var shape = geometry
    var (height, width) = (0, 0)
    try require(
      qk_conv2d_output_size(&shape, &height, &width) == QK_OK, "export", "a convolution has no output")
    let windows = c.windows2d([
      g.height, g.width, g.channels, height, width, g.kernel_h, g.kernel_w, g.stride_h, g.stride_w,
      g.dilation_h, g.dilation_w, g.pad_top, g.pad_left, g.pad_bottom, g.pad_right,
    ])
    if isDepthwise {
      let layer = try values.write(
        to: &c, values.permuted(inputs: 1, taps: taps) { output, _, tap in tap * g.channels + output },
        row: g.channels, "[\(kernel), \(g.channels) channels]")
      c.call("depthwise_image", of: "depthwise.h", [layer, windows, c.inputs[0], c.output])
    } else {
      let layer = try values.write(
        to: &c,
        values.permuted(inputs: inputs, taps: taps) { output, input, tap in
          (output * taps + tap) * inputs + input
        }, row: inputs * taps, "[\(g.out_channels) outputs, \(kernel), \(inputs) inputs]")
      c.call(
        "conv2d_image", of: "conv2d.h",
        [layer, windows, "\(g.groups)", "\(g.out_channels)", c.inputs[0], c.output, c.scratch])
    }
  }
}

extension IntegerPool2d: CExportable {
  func write(to c: inout CStep) throws {
    let g = geometry
    let windows = c.windows2d([
      g.height, g.width, g.channels, g.out_height, g.out_width, g.kernel_h, g.kernel_w, g.stride_h,
      g.stride_w,
      g.dilation_h, g.dilation_w, g.pad_top, g.pad_left, g.pad_bottom, g.pad_right,
    ])
    switch method {
    case .max:
      c.call("max_pool_image", of: "max_pool.h", [windows, c.inputs[0], c.output])
    case .average(let params):
      let averaging = c.structure(
        "averaging", "average",
        [
          ("multiplier", try c.scale(params.multiplier)), ("x_zero_point", "\(params.x_zero_point)"),
          ("zero_point", "\(params.zero_point)"), ("lo", "\(params.lo)"), ("hi", "\(params.hi)"),
          ("count_include_pad", params.count_include_pad ? "1" : "0"),
        ])
      c.call("average_pool_image", of: "average_pool.h", [windows, averaging, c.inputs[0], c.output])
    }
  }
}

extension CStep {
  /// - Parameter sizes: in the order of the type's fields.
  fileprivate mutating func windows2d(_ sizes: [Int]) -> String {
    let names = [
      "height", "width", "channels", "out_height", "out_width", "kernel_h", "kernel_w", "stride_h",
      "stride_w",
      "dilation_h", "dilation_w", "pad_top", "pad_left", "pad_bottom", "pad_right",
    ]
    return structure("windows2d", "windows", zip(names, sizes).map { ($0, "\($1)") })
  }
}
