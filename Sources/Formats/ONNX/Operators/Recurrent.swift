import Models
import Tensors

/// Recurrent layers.
extension OnnxOperator {
  static let recurrent: [String: OnnxOperator] = [:]
}
