import Models
import Tensors

extension OnnxOperator {
  static let transposedConvolution: [String: OnnxOperator] = [
    "ConvTranspose": OnnxOperator { c in
      let (x, weight) = (try c.input(0), try c.input(1))
      let rank = try c.shape(x).rank
      try c.require(rank == 3 || rank == 4, "works on one or two spatial dimensions, got \(try c.shape(x))")
      let (image, filter) =
        rank == 4 ? (x, weight) : (try c.emit(Unsqueeze(axis: 2), x), try c.emit(Unsqueeze(axis: 2), weight))
      let op = try transposed(c, kernel: Array(c.shape(weight).dropFirst(2)), over: image)
      let y = try c.has(2) ? c.emit(op, image, filter, c.input(2)) : c.emit(op, image, filter)
      return rank == 4 ? y : try c.emit(Squeeze(axis: 2), y)
    }
  ]

  /// The op with what pads, or a size that is asked for instead of them, leave of the result.
  private static func transposed(_ c: OnnxCall, kernel: [Int], over image: OnnxValue) throws
    -> ConvTranspose2d
  {
    let n = kernel.count
    // The padding of a convolution over the result; `auto_pad` asks for sizes here.
    let (plain, _) = try window(c, kernel: kernel, over: image, isPadded: false)
    let more = try c.ints("output_padding") ?? [Int](repeating: 0, count: n)
    try c.require(more.count == n, "has \(more.count) output paddings for \(n) dimensions")
    var outputPadding = n == 2 ? Size2d(more[0], more[1]) : Size2d(0, more[0])
    let shape = try c.shape(image)
    let strides = [plain.stride.height, plain.stride.width]
    let mode = try c.string("auto_pad", "NOTSET")
    var sizes = try c.ints("output_shape").map { n == 2 ? Array($0.suffix(2)) : [1] + $0.suffix(1) }
    if sizes == nil, mode.hasPrefix("SAME") { sizes = [shape[2] * strides[0], shape[3] * strides[1]] }
    var padding = plain.padding
    if let sizes {
      try fixed(c, [shape[2], shape[3]])
      try c.require(sizes.count == 2, "attribute 'output_shape' does not fit \(n) dimensions")
      let reaches = [
        plain.dilation.height * (plain.kernel.height - 1) + 1,
        plain.dilation.width * (plain.kernel.width - 1) + 1,
      ]
      let extra = [outputPadding.height, outputPadding.width]
      let totals = (0..<2).map { (i: Int) -> Int in
        let full: Int = strides[i] * (shape[2 + i] - 1) + extra[i] + reaches[i]
        return full - sizes[i]
      }
      let sides = totals.map { (total: Int) -> (Int, Int) in
        let total = max(total, 0)
        return mode == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
      }
      // What no padding makes larger is added behind.
      outputPadding.height += max(-totals[0], 0)
      outputPadding.width += max(-totals[1], 0)
      padding = Padding2d(top: sides[0].0, left: sides[1].0, bottom: sides[0].1, right: sides[1].1)
    }
    return ConvTranspose2d(
      stride: plain.stride, padding: padding, outputPadding: outputPadding, dilation: plain.dilation,
      groups: try c.int("group", 1))
  }
}
