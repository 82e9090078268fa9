import Models
import Tensors

/// Some weights are zero and stay zero.
public struct Mask: Constraint {
  public static let name = "mask"
  /// Row-major, of the weight's shape: whether the weight lives.
  public let keep: [Bool]

  public init(keep: [Bool]) { self.keep = keep }

  public var sparsity: Double { keep.isEmpty ? 0 : Double(keep.count { !$0 }) / Double(keep.count) }

  public func enforce(on value: Tensor) throws {
    try require(
      value.count == keep.count && value.isContiguous, "mask",
      "has \(keep.count) entries, the weight is \(value.shape)")
    value.dtype == .f64 ? zero(value, Double.self) : zero(value, Float.self)
  }

  private func zero<T: NumericElement>(_ value: Tensor, _: T.Type) {
    let pointer = value.pointer(T.self)
    for i in keep.indices where !keep[i] { pointer[i] = T.zero }
  }

  public func check(_ value: Tensor) throws {
    let values = try value.doubles()
    try require(values.count == keep.count, "mask", "has \(keep.count) entries, the weight is \(value.shape)")
    for i in keep.indices where !keep[i] && values[i] != 0 {
      throw ShapeError("mask", "element \(i + 1) was pruned but is \(values[i])")
    }
  }
}
