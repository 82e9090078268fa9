import Compression
import Models
import Tensors

/// What a name of the model stands for.
enum OnnxValue {
  case node(Graph.ID)
  case constant(OnnxConstant)

  var constant: OnnxConstant? { if case .constant(let constant) = self { constant } else { nil } }
}

/// A value that is known when the model is read: an initializer, or what was computed from some.
final class OnnxConstant {
  let name: String?
  /// Whether it was computed from a dimension that only has a name, so that primes may be in it.
  let isSymbolic: Bool
  /// This constant turned or reshaped, by the shape it got, so that what reads it twice shares one leaf.
  var moved: [[Int]: OnnxConstant] = [:]
  /// Promises that its parameter is to make: quantized weights know their scales.
  var constraint: (any Constraint)?
  /// The element type in the file, which may be narrower than the tensor's.
  let storedType: OnnxType?
  private var value: Tensor?
  private let stored: OnnxTensor?

  init(_ value: Tensor, name: String? = nil, type: OnnxType? = nil, isSymbolic: Bool = false) {
    (self.value, self.name, storedType, self.isSymbolic, stored) = (value, name, type, isSymbolic, nil)
  }

  init(lazily stored: OnnxTensor) {
    (self.stored, name, isSymbolic) = (stored, stored.name, false)
    storedType = OnnxType(rawValue: stored.typeCode)
  }

  func tensor() throws -> Tensor {
    if let value { return value }
    guard let read = try stored?.tensor() else {
      preconditionFailure("a constant has a value or where to read it")
    }
    value = read
    return read
  }

  /// Trained numbers where they came from the file as floats, else a constant.
  func parameter() throws -> Parameter {
    let value = try tensor()
    let role: Parameter.Role =
      name != nil && value.dtype.isFloatingPoint && value.rank > 0 ? .weight : .constant
    let parameter = Parameter(try value.isDense ? value : value.contiguous(), role: role)
    if let constraint { try parameter.constrain(constraint) }
    return parameter
  }

  /// What remains promised once the numbers are moved to this shape; nil where there is no promise, or no form for it.
  func promise(after op: any Op, _ shape: Shape) -> (any Constraint)? {
    let isTurned = (op as? Transpose)?.permutation == [1, 0]
    guard let rows = constraint as? WeightQuantizer else { return isTurned ? constraint?.turned : nil }
    if op is Reshape || op is Squeeze || op is Unsqueeze {
      return shape.rank > 1 && shape[0] == rows.scales.count ? rows : nil
    }
    guard isTurned else { return nil }
    guard let scale = rows.scales.first, rows.scales.allSatisfy({ $0 == scale }) else {
      return ColumnQuantizer(scales: rows.scales, lowest: rows.lowest, highest: rows.highest)
    }
    // One scale for all is one for each row again.
    return WeightQuantizer(
      scales: [Float](repeating: scale, count: shape[0]), lowest: rows.lowest, highest: rows.highest)
  }
}
