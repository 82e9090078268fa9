import Models
import Tensors

/// A weight quantizer's grid seen from single numbers of a weight matrix [rows, columns].
struct WeightCodes {
  let quantizer: WeightQuantizer
  let rows, columns: Int
  /// Columns that share a scale.
  private let group: Int
  private let groups: Int

  init(_ quantizer: WeightQuantizer, _ shape: Shape) {
    self.quantizer = quantizer
    rows = shape[0]
    columns = shape.elements / max(shape[0], 1)
    group = quantizer.group ?? max(columns, 1)
    groups = (columns + group - 1) / max(group, 1)
  }

  @inline(__always)
  func scale(_ row: Int, _ column: Int) -> Float { quantizer.scales[row * groups + column / group] }

  @inline(__always)
  private func zero(_ row: Int, _ column: Int) -> Int {
    quantizer.zeroPoints.isEmpty ? 0 : Int(quantizer.zeroPoints[row * groups + column / group])
  }

  /// The code below `w`, and how far `w` lies above it, as a share of a step: below 0 or above 1 outside of the grid.
  @inline(__always)
  func below(_ w: Double, _ row: Int, _ column: Int) -> (code: Int, share: Double) {
    let place = w / Double(scale(row, column)) + Double(zero(row, column))
    let low = min(max(place.rounded(.down), Double(quantizer.lowest)), Double(quantizer.highest - 1))
    return (Int(low), place - low)
  }

  /// The number a code stands for, as the kernels have it.
  @inline(__always)
  func value(_ code: Int, _ row: Int, _ column: Int) -> Float {
    Float(code - zero(row, column)) * scale(row, column)
  }

  /// The number of the grid nearest to `w`.
  @inline(__always)
  func nearest(_ w: Double, _ row: Int, _ column: Int) -> Float {
    let place = (w / Double(scale(row, column))).rounded(.toNearestOrEven) + Double(zero(row, column))
    let code = min(max(place, Double(quantizer.lowest)), Double(quantizer.highest))
    return value(Int(code), row, column)
  }
}
