import Tensors

extension Sequence<Parameter> {
  /// Scales all gradients down together so that their common Euclidean norm is at most `limit` (Pascanu et
  /// al., "On the difficulty of training recurrent neural networks", ICML 2013). Returns the norm before; one
  /// that is not finite leaves the gradients as they are.
  @discardableResult
  public func clipGradients(norm limit: Double) throws -> Double {
    try require(limit > 0, "clip_gradients", "argument 'norm' must be positive (got \(limit))")
    let gradients = compactMap(\.value.gradientValues)
    let squares = try gradients.map { try Sum(axes: Array($0.shape.indices))(Square()($0)).item() }
    let norm = squares.reduce(0, +).squareRoot()
    guard norm.isFinite, norm > limit else { return norm }
    // PyTorch's small constant keeps the result at or below the limit.
    for gradient in gradients { try gradient.multiplyInPlace(limit / (norm + 1e-6)) }
    return norm
  }
}
