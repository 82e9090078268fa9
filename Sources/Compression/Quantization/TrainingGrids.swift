import Models
import Tensors

/// An op of a graph in training that puts activations, its first input, on the grid the integer kernels will have.
protocol ActivationGrid: Op {
  /// Whether its bounds are part of the network, as PACT's and DoReFa's are, and not only of its rounding.
  var clips: Bool { get }
  /// - Parameter leaves: the inputs after the first.
  func params(_ leaves: [Tensor]) -> QuantParams
}

/// An op of a graph in training that puts weights, its first input, on the grid the integer kernels will have.
protocol WeightGrid: Op {
  /// - Parameters:
  ///   - weight: in full precision.
  ///   - leaves: the inputs after the first.
  func quantizer(_ weight: Tensor, _ leaves: [Tensor]) throws -> WeightQuantizer
}

extension Op {
  /// The grid on which an op of a graph in training puts activations; nil for other ops.
  ///
  /// - Parameter leaves: the inputs after the first.
  public func activationGrid(_ leaves: [Tensor]) -> QuantParams? {
    (self as? any ActivationGrid)?.params(leaves)
  }

  /// The grid on which an op of a graph in training puts weights; nil for other ops.
  public func weightGrid(_ weight: Tensor, _ leaves: [Tensor]) throws -> WeightQuantizer? {
    try (self as? any WeightGrid)?.quantizer(weight, leaves)
  }
}
