import Models
import Tensors

/// Sets the weights of the smallest magnitude to zero and holds them there with a `Mask` (Han et al., "Learning
/// both weights and connections for efficient neural networks", NeurIPS 2015).
public enum MagnitudePruning {
  public enum Scope: String, CaseIterable, Sendable {
    /// The same share in every layer.
    case layer
    /// One threshold for all layers.
    case global
  }

  /// What happened to one weight.
  public struct Outcome: Sendable {
    public let path: String
    public let zeros: Int
    public let count: Int
  }

  /// Prunes the weights of every linear and convolution layer below `module` (parameters of two dimensions or
  /// more); biases and normalisation stay. Weights that an earlier mask removed stay removed and count.
  ///
  /// - Parameters:
  ///   - sparsity: the share of zeros to reach, in 0..<1; rounded down to whole weights.
  ///   - skip: paths of parameters, or of the modules that hold them, to leave alone.
  public static func apply(
    to module: Module, sparsity: Double, scope: Scope = .layer, skip: Set<String> = []
  ) throws -> [Outcome] {
    try require(
      sparsity >= 0 && sparsity < 1, "prune", "sparsity must be at least 0 and below 1 (got \(sparsity))")
    let targets = module.namedParameters().filter { path, parameter in
      parameter.role == .weight && parameter.value.rank >= 2 && !isSkipped(path, skip)
    }
    try require(!targets.isEmpty, "prune", "the model has no linear or convolution weight to prune")
    let magnitudes = try targets.map { try $0.parameter.value.doubles().map(abs) }
    let masks =
      scope == .layer
      ? magnitudes.map { keepLargest([$0], sparsity)[0] } : keepLargest(magnitudes, sparsity)
    return try zip(targets, masks).map { target, keep in
      try target.parameter.constrain(Mask(keep: keep))
      return Outcome(path: target.path, zeros: keep.count { !$0 }, count: keep.count)
    }
  }

  private static func isSkipped(_ path: String, _ skip: Set<String>) -> Bool {
    skip.contains { path == $0 || path.hasPrefix($0 + ".") }
  }

  /// Exactly `floor(sparsity * n)` entries are dropped, the smallest first; among equals the earlier ones.
  static func keepLargest(_ magnitudes: [[Double]], _ sparsity: Double) -> [[Bool]] {
    let order = magnitudes.indices.flatMap { i in magnitudes[i].indices.map { (i, $0) } }
    let sorted = order.sorted { a, b in
      let (x, y) = (magnitudes[a.0][a.1], magnitudes[b.0][b.1])
      return x != y ? x < y : a < b
    }
    var keep = magnitudes.map { [Bool](repeating: true, count: $0.count) }
    for (i, j) in sorted.prefix(Int((sparsity * Double(order.count)).rounded(.down))) { keep[i][j] = false }
    return keep
  }
}
