import Foundation
import Models
import Tensors

/// Moves the spread of activations into the weights that read them, channel by channel, where the layer norm or layer
/// before them can take the factor; keeps the function the graph computes (Xiao et al., "SmoothQuant: accurate and
/// efficient post-training quantization for large language models", ICML 2023).
///
/// Activations are divided by `s_j = max|x_j|^alpha / max|w_j|^(1 - alpha)`, and the weights multiplied by it.
public struct SmoothQuant: Sendable {
  /// How much of the spread moves: 0 none, 1 all.
  public var alpha: Double

  public init(alpha: Double = 0.5) { self.alpha = alpha }

  /// Of one channel; 1 where nothing was seen or nothing reads it.
  func factor(activation: Double, weight: Double) -> Double {
    guard activation > 0, weight > 0 else { return 1 }
    return max(pow(activation, alpha) / pow(weight, 1 - alpha), 1e-5)
  }

  public func callAsFunction(
    _ graph: Graph, calibration: CalibrationBatches, progress: LayerProgress = { _, _, _ in }
  ) throws -> Graph {
    try require(alpha >= 0 && alpha <= 1, "smoothquant", "alpha must be from 0 to 1 (got \(alpha))")
    let work = try graph.preparedForQuantization()
    let places = ScalableInput.all(in: work)
    try progress(0, places.count, "")
    let seen = try ChannelMagnitudes.of(places, in: work, calibration)
    var changes: [LayerChange] = []
    for (i, place) in places.enumerated() {
      try progress(i, places.count, place.name)
      guard place.absorber != nil else {
        changes += place.layers.map {
          LayerChange(
            layer: $0,
            refusal:
              "what it reads is not of a layer norm or layer of its own, so nothing can take the factors")
        }
        continue
      }
      let weights = try largestWeights(place, work)
      let factors = zip(seen[i].largest, weights).map { factor(activation: $0, weight: $1) }
      try work.scaleInput(place, by: factors)
      changes += place.layers.map { LayerChange(layer: $0) }
    }
    try progress(places.count, places.count, "")
    return try work.with(changes, by: "smoothquant")
  }

  /// The largest magnitude that reads each channel.
  private func largestWeights(_ place: ScalableInput, _ graph: Graph) throws -> [Double] {
    var largest = [Double](repeating: 0, count: place.channels)
    for layer in place.layers {
      guard let current = WeightLayer(layer.id, graph) else { continue }
      for (i, w) in try current.weight.value.doubles().enumerated() {
        let channel = i % current.columns / current.columnsPerChannel
        largest[channel] = max(largest[channel], abs(w))
      }
    }
    return largest
  }
}
