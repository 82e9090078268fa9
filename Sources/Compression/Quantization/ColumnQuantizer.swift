import Models
import Tensors

/// s8 weights [K, O], symmetric, one scale for each column: those of a linear layer as quantized models write them for
/// a product of matrices. Turned over, they are a linear layer's.
public struct ColumnQuantizer: Constraint, Hashable {
  public static let name = "column_quantizer"
  /// One for each column, positive and finite.
  public let scales: [Float]
  /// Of s8 codes.
  public let lowest, highest: Int

  public init(scales: [Float], lowest: Int = -127, highest: Int = 127) {
    (self.scales, self.lowest, self.highest) = (scales, lowest, highest)
  }

  public func enforce(on value: Tensor) throws { try check(value) }

  public func check(_ value: Tensor) throws {
    try require(
      value.rank == 2 && value.shape[1] == scales.count, Self.name,
      "weight \(value.shape) has \(value.shape.last ?? 0) columns, there are \(scales.count) scales")
  }

  public func scaled(by factors: [Double]) -> (any Constraint)? { nil }
  public var turned: (any Constraint)? {
    WeightQuantizer(scales: scales, lowest: lowest, highest: highest)
  }
}
