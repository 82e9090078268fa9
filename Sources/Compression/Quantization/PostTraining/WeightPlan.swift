import Models
import Tensors

/// How the scales of weights are chosen, as a recipe names it.
public enum WeightObserver: String, CaseIterable, Sendable {
  /// They reach as far as the weights' extremes.
  case minmax
  /// They have the least squared error, clipping the extremes where that pays.
  case mse
}

/// Which grid each layer's weights are to be put on.
public struct WeightPlan: Sendable {
  public var weights: WeightScheme
  /// Layers with a scheme of their own.
  public var layers: LayerRules
  public var observer: WeightObserver

  public init(
    _ weights: WeightScheme = WeightScheme(), layers: LayerRules = [:], observer: WeightObserver = .minmax
  ) {
    (self.weights, self.layers, self.observer) = (weights, layers, observer)
  }

  func check(_ function: String) throws {
    for scheme in [weights] + layers.schemes { try scheme.check(for: function) }
  }

  /// The layers whose weights it puts on grids.
  func layers(in graph: Graph) -> [WeightLayer] {
    WeightLayer.all(in: graph).filter { !layers.isFloat($0.name) }
  }

  func scheme(for name: String) -> WeightScheme { layers.scheme(for: name) ?? weights }

  /// The grid of a layer's weights, or of other values in their place.
  func quantizer(for layer: WeightLayer, _ values: Tensor? = nil) throws -> WeightQuantizer {
    let (values, scheme) = (values ?? layer.weight.value, scheme(for: layer.name))
    do {
      let quantizer = try WeightQuantizer(weight: values, scheme: scheme)
      return observer == .mse ? try quantizer.withLeastError(for: values, scheme) : quantizer
    } catch let error as ShapeError {
      throw ShapeError("quantize", "node '\(layer.name)': \(error.problem)")
    }
  }
}

/// Tells how far long work has come; throws to stop it.
public typealias LayerProgress = (_ done: Int, _ total: Int, _ layer: String) throws -> Void

/// What a post-training method decided about one layer.
struct LayerChange {
  let layer: WeightLayer
  var weight: Tensor?
  var quantizer: WeightQuantizer?
  var bias: Tensor?
  /// Why the method could not do its part, and what was done instead.
  var refusal: String?
}

extension Graph {
  /// A copy in which layers have other weights; the model keeps its own.
  func with(_ changes: [LayerChange], by name: String) throws -> Graph {
    let work = copy()
    nonisolated(unsafe) let changes = changes
    try work.apply(
      Pass(name) { graph, report in
        for change in changes {
          if let weight = change.weight { try graph.setWeight(of: change.layer, weight, change.quantizer) }
          if let bias = change.bias { try graph.setBias(of: change.layer, bias) }
          if let refusal = change.refusal {
            report.refused.append((change.layer.name, refusal))
          } else {
            report.matched.append(change.layer.name)
          }
        }
      })
    return work
  }

  /// A copy without what evaluation does not need: dropout gone and batch norm folded, as layers are quantized.
  public func preparedForQuantization() throws -> Graph {
    let work = copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    return work
  }
}

/// Puts every weight on its grid, each number on the point nearest to it.
public struct RoundToNearest: Sendable {
  public var plan: WeightPlan
  public init(_ plan: WeightPlan) { self.plan = plan }

  public func callAsFunction(_ graph: Graph) throws -> Graph {
    try plan.check("round")
    let work = try graph.preparedForQuantization()
    return try work.with(
      plan.layers(in: work).map { layer in
        let quantizer = try plan.quantizer(for: layer)
        return LayerChange(
          layer: layer, weight: try quantizer.dequantized(layer.weight.value), quantizer: quantizer)
      }, by: "round_weights")
  }
}
