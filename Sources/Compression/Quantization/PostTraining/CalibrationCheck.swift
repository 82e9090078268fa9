import Models
import Tensors

/// What is odd about calibration data: too few samples, or values of another range than the network was trained on, as
/// its batch norms remember it.
public struct CalibrationCheck {
  /// A sentence each, with the remedy.
  public private(set) var problems: [String] = []

  private static let enough = 32
  /// Times the spread that batch norm saw in training.
  private static let tolerance = 3.0

  /// - Parameters:
  ///   - graph: with its batch norms.
  ///   - samples: how many there are in all; the first batch is looked at.
  public init(_ graph: Graph, _ calibration: CalibrationBatches, samples: Int) throws {
    if let few = Self.fewSamples(samples) { problems.append(few) }
    if let batch = try calibration.first() { try checkRange(graph, batch) }
  }

  /// A sentence where so many samples are too few.
  static func fewSamples(_ samples: Int) -> String? {
    guard samples < enough else { return nil }
    return
      "\(samples) calibration \(samples == 1 ? "sample is" : "samples are") too few to know the ranges of "
      + "activations; give a few hundred of the training data"
  }

  private mutating func checkRange(_ graph: Graph, _ batch: [Tensor]) throws {
    var norms: [Graph.ID: (name: String, variance: Tensor)] = [:]
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), op is BatchNorm, reads.count == 5,
        let variance = graph.leaf(reads[4])?.value
      else { continue }
      norms[reads[0]] = (graph[id].name, variance)
    }
    guard !norms.isEmpty else { return }
    var worst: (name: String, ratio: Double)?
    let once = CalibrationBatches {
      var left: [Tensor]? = batch
      return {
        defer { left = nil }
        return left
      }
    }
    try once.replay(graph) { id, value in
      guard let (name, variance) = norms[id] else { return }
      let axes = (0..<value.rank).filter { $0 != min(1, value.rank - 1) }
      let seen = try value.variance(axes: axes, correction: 0).doubles()
      let ratios = zip(seen, try variance.doubles()).filter { $1 > 0 }.map { ($0 / $1).squareRoot() }.sorted()
      guard let middle = ratios.isEmpty ? nil : ratios[ratios.count / 2], middle.isFinite else { return }
      let size = max(middle, 1 / max(middle, 1e-12))
      if size > Self.tolerance, worst.map({ size > max($0.ratio, 1 / max($0.ratio, 1e-12)) }) ?? true {
        worst = (name, middle)
      }
    }
    if let worst {
      problems.append(
        "the calibration data is not like the training data: what batch norm '\(worst.name)' reads varies "
          + "\(Self.times(worst.ratio)) as much as it did in training; scale and normalise it as for training"
      )
    }
  }

  private static func times(_ ratio: Double) -> String {
    ratio >= 1 ? "\((ratio * 10).rounded() / 10) times" : "\((ratio * 1000).rounded() / 1000) times"
  }
}
