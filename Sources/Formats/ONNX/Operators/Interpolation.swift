import Models
import Tensors

/// Linear and cubic interpolation along one dimension, where no op of ours takes its numbers from the same places: a
/// product with the matrix of what each element gives to each result.
extension OnnxOperator {
  static func interpolated(_ c: OnnxCall, _ x: OnnxValue, _ extent: Extent, _ sampling: Sampling) throws
    -> OnnxValue
  {
    let shape = try c.shape(x)
    let from = shape[extent.axis]
    try c.require(c.dtype(x).isFloatingPoint, "mode '\(sampling.mode)' needs real numbers, got \(c.dtype(x))")
    try c.requireModest([from, extent.size])
    var matrix = [Double](repeating: 0, count: from * extent.size)
    for i in 0..<extent.size {
      // Far outside all taps are the element at the edge.
      let place = min(max(try place(of: i, extent, from, sampling), -8), Double(from + 8))
      for (index, weight) in try taps(at: place, from, sampling) {
        matrix[min(max(index, 0), from - 1) * extent.size + i] += weight
      }
    }
    let weights = c.constant(try Tensor.from(matrix, [from, extent.size], c.dtype(x)))
    let last = shape.rank - 1
    if extent.axis == last { return try c.emit(MatMul(), x, weights) }
    var order = Array(shape.indices)
    order.swapAt(extent.axis, last)
    let turned = try c.emit(Transpose(order), x)
    return try c.emit(Transpose(order), c.emit(MatMul(), turned, weights))
  }

  /// Which elements a place between them takes, and how much of each.
  private static func taps(at place: Double, _ from: Int, _ sampling: Sampling) throws -> [(Int, Double)] {
    let first = place.rounded(.down)
    let (index, part) = (Int(first), place - first)
    switch sampling.mode {
    case "linear": return [(index, 1 - part), (index + 1, part)]
    case "cubic":
      let a = sampling.cubic.slope
      var taps = [part + 1, part, 1 - part, 2 - part].enumerated().map { (index - 1 + $0, cubic($1, a)) }
      if sampling.cubic.excludesOutside {
        taps = taps.filter { (0..<from).contains($0.0) }
        let sum = taps.reduce(0) { $0 + $1.1 }
        taps = taps.map { ($0.0, $0.1 / sum) }
      }
      return taps
    default: throw OnnxRefusal("mode '\(sampling.mode)' is not supported")
    }
  }

  /// The weight of an element at a distance below 2 (Keys, "Cubic convolution interpolation for digital image
  /// processing", 1981).
  private static func cubic(_ x: Double, _ a: Double) -> Double {
    x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  }
}
