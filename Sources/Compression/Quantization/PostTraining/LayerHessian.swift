import Models
import Tensors

/// `H = sum of x x^T` over the rows x that a layer reads: half the second derivative of its squared error by any row of
/// its weights. Memory is that of H, one for each group of channels, in the weight's own column order.
struct LayerHessian {
  private let patches: PatchRows
  private let order: [Int]
  private var sums: [SquareMatrix]
  private(set) var rows = 0

  init(_ layer: WeightLayer) {
    patches = PatchRows(layer)
    order = patches.weightOrder
    sums = [SquareMatrix](repeating: SquareMatrix(size: patches.columns), count: layer.groups)
  }

  /// Adds what the layer reads: products of blocks in f32, their sums in f64.
  mutating func add(_ x: Tensor) throws {
    let columns = patches.columns
    var seen = 0
    var sums = sums
    self.sums = []  // not shared while it is written to
    defer { self.sums = sums }
    try patches.forEach(x) { group, rows in
      if group == 0 { seen += rows.shape[0] }
      let product = try rows.transposed().matmul(rows)
      withExtendedLifetime(product) {
        let from = product.floats
        _ = sums[group].withPointer { to in
          for i in 0..<columns * columns { to[i] += Double(from[i]) }
        }
      }
    }
    rows += seen
  }

  /// Whether anything but 0 was seen, and all of it finite.
  var isUsable: Bool {
    sums.allSatisfy { sum in
      let trace = sum.diagonal.reduce(0, +)
      return trace > 0 && trace.isFinite
    }
  }

  /// For each group of channels.
  var matrices: [SquareMatrix] { sums.map { order == Array(order.indices) ? $0 : $0.permuted(order) } }
}
