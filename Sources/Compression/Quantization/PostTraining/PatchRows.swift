import Models
import Tensors

/// The inputs of a layer as rows of a matrix: one for each output position, with the numbers that an output there is a
/// product of. The columns of convolutions are ordered taps first, then channels (`weightOrder` tells which is which).
struct PatchRows {
  private let op: any Op
  private let weight: Shape
  private let groups: Int
  /// Rows are given in pieces of about so many numbers.
  private static let pieceSize = 1 << 20

  init(_ layer: WeightLayer) {
    (op, weight, groups) = (layer.op, layer.weight.value.shape, layer.groups)
  }

  var columns: Int { weight.dims[1...].reduce(1, *) }

  /// Where a column of the weight matrix [O, ...] lies in a row.
  var weightOrder: [Int] {
    guard op is Conv2d else { return Array(0..<columns) }
    let (channels, taps) = (weight[1], weight[2] * weight[3])
    return (0..<channels).flatMap { channel in (0..<taps).map { $0 * channels + channel } }
  }

  /// Calls `body` with the rows [n, columns] of each group of channels, in pieces.
  func forEach(_ x: Tensor, _ body: (_ group: Int, _ rows: Tensor) throws -> Void) throws {
    guard let conv = op as? Conv2d else {
      let dense = try x.contiguous()
      let rows = dense.count / max(columns, 1)
      let piece = max(1, Self.pieceSize / max(columns, 1))
      let flat = dense.view([rows, columns], strides: [columns, 1])
      for start in stride(from: 0, to: rows, by: piece) {
        try body(0, flat.narrow(axis: 0, start: start, count: min(piece, rows - start)))
      }
      return
    }
    let images = try x.channelsLast()
    let output = try conv.shape(of: [x.shape, weight])
    let positions = output[2] * output[3]
    let piece = max(1, Self.pieceSize / max(columns * positions, 1))
    for start in stride(from: 0, to: x.shape[0], by: piece) {
      let count = min(piece, x.shape[0] - start)
      for group in 0..<groups {
        try body(group, patches(conv, images, start..<start + count, output, group))
      }
    }
  }

  private func patches(
    _ conv: Conv2d, _ images: Tensor, _ samples: Range<Int>, _ output: Shape, _ group: Int
  ) throws -> Tensor {
    let window = conv.window(weight)
    let (height, width, channels) = (images.shape[2], images.shape[3], images.shape[1])
    let (outHeight, outWidth) = (output[2], output[3])
    let own = weight[1]
    let result = try Tensor.zeros([samples.count * outHeight * outWidth, columns])
    let source = images.floats
    var to = result.floats
    for n in samples {
      let image = source + n * height * width * channels + group * own
      for h in 0..<outHeight {
        for w in 0..<outWidth {
          for kh in 0..<window.kernel.height {
            let row = h * window.stride.height - window.padding.top + kh * window.dilation.height
            guard row >= 0 && row < height else { continue }
            for kw in 0..<window.kernel.width {
              let column = w * window.stride.width - window.padding.left + kw * window.dilation.width
              guard column >= 0 && column < width else { continue }
              (to + (kh * window.kernel.width + kw) * own).update(
                from: image + (row * width + column) * channels, count: own)
            }
          }
          to += columns
        }
      }
    }
    return withExtendedLifetime((images, result)) { result }
  }
}
