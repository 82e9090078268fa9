import Foundation
import Models
import Tensors

/// What quantizing did to each layer of a network, worst first, and what would mend it; computed on one batch.
public struct QuantizationDiagnosis {
  public struct Layer {
    public let name: String
    /// Of the float op, such as `conv2d`.
    public let op: String
    /// Signal to quantization noise of the layer's own result, its inputs being those of the float network; dB.
    public let sqnr: Double
    /// Of that result with the float one.
    public let cosine: Double
    /// Share of the float result that lies outside of the grid.
    public let clipped: Double
    /// Share of the grid's codes that the float result does not reach.
    public let deadRange: Double
    /// By how much the signal to noise of the network's result would rise if this layer alone were left in float; dB.
    public let gain: Double
    public let finding: QuantizationFinding?
  }

  public let layers: [Layer]
  /// Of the network's result; dB.
  public let sqnr: Double

  /// - Parameters:
  ///   - float: what was quantized, with batch norm folded and weights before they were rounded; layers left in it as
  ///     they are have no row.
  ///   - quantized: what became of it; layers are found by the names of their nodes.
  ///   - arguments: a batch of inputs; the time this takes grows with the number of layers and of samples.
  public init(float: Graph, quantized: Graph, _ arguments: [Tensor]) throws {
    let float = float.copy()
    try float.recognizeSequences()
    let probe = try Probe(float, arguments)
    let given = try float.evaluating {
      try quantized.with(training: false) { try quantized.replay(arguments) }
    }
    let (signal, total) = try (Self.power(probe.result), Self.noise(given[0], probe.result))
    let pairs = try LayerPair.all(float, quantized)
    var rows: [Layer] = []
    for (place, pair) in pairs.enumerated() {
      guard let meant = probe[pair.tail] else { continue }
      let reads = pair.reads(float, quantized).compactMap {
        quantized.leaf($0.quantized)?.value ?? probe[$0.float]
      }
      let found = try Tape.withoutGradients { try pair.op.mode(training: false).apply(reads) }
      let alone = try Self.noise(probe.result(replacing: pair.tail, by: found), probe.result)
      let (clipped, dead) = try Self.use(of: (pair.op as? any QuantizedOp)?.result, by: meant)
      let row = try LayerNumbers(
        name: pair.name, op: pair.float.name,
        sqnr: Self.decibels(Self.power(meant), Self.noise(found, meant)),
        cosine: Self.cosine(found, meant), clipped: clipped, deadRange: dead,
        gain: total > 0 ? Self.decibels(total, max(total - alone, 0.01 * total)) : 0)
      let finding = try QuantizationFinding(
        row, pair, reads, norm: pair.batchNorm(in: float), isEnd: place == 0 || place == pairs.count - 1)
      rows.append(row.with(finding))
    }
    layers = rows.sorted { ($0.gain, $1.name) > ($1.gain, $0.name) }
    sqnr = Self.decibels(signal, total)
  }

  /// How many samples to look at, so that the time stays in the range of a second: each layer's error is followed to
  /// the result by itself.
  public static func affordableSamples(_ graph: Graph, _ most: Int) throws -> Int {
    // Where the first dimension is none of samples, there is no single one to count for.
    let macs = (try? graph.macs().values.reduce(0, +)) ?? 0
    let layers = try Site.all(in: graph, unsupported: .float).count
    return max(1, min(most, budget / max(macs * max(layers, 1) / 2, 1)))
  }

  /// The first samples of a batch, or all of it where the graph does not run on fewer: a time-major sequence, say.
  public static func first(_ samples: Int, of batch: [Tensor], _ graph: Graph) throws -> [Tensor] {
    guard let first = batch.first, first.rank > 0, first.shape[0] > samples else { return batch }
    // Inputs without samples, such as positions, stay whole.
    let part = try batch.map {
      $0.rank > 0 && $0.shape[0] == first.shape[0] ? try $0.narrow(axis: 0, start: 0, count: samples) : $0
    }
    let runs = (try? graph.evaluating { try graph.replay(part) }) != nil
    return runs ? part : batch
  }

  /// Multiply-accumulates.
  private static let budget = 20_000_000_000

  // MARK: Numbers

  static func power(_ x: Tensor) throws -> Double { try x.doubles().reduce(0) { $0 + $1 * $1 } }

  static func noise(_ a: Tensor, _ b: Tensor) throws -> Double {
    try zip(a.doubles(), b.doubles()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  /// At most 200, for results that agree in every bit.
  static func decibels(_ signal: Double, _ noise: Double) -> Double {
    guard signal > 0 else { return noise > 0 ? -200 : 200 }
    return noise > 0 ? min(10 * log10(signal / noise), 200) : 200
  }

  private static func cosine(_ a: Tensor, _ b: Tensor) throws -> Double {
    let product = try zip(a.doubles(), b.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
    let norms = try (power(a) * power(b)).squareRoot()
    return norms > 0 ? product / norms : 1
  }

  /// The share of values that a grid clips, and of its codes that they leave unused at its ends.
  private static func use(of grid: QuantParams?, by x: Tensor) throws -> (clipped: Double, dead: Double) {
    guard let grid else { return (0, 0) }
    let (low, high) = ActivationRange.unbounded.bounds(grid)
    let half = grid.scale / 2
    let (least, most) = (grid.dequantize(low) - half, grid.dequantize(high) + half)
    var (outside, lowest, highest) = (0, high, low)
    for value in try x.array(Float.self) {
      if value < least || value > most { outside += 1 }
      let code = grid.quantize(value)
      (lowest, highest) = (min(lowest, code), max(highest, code))
    }
    let used = Double(max(Int(highest) - Int(lowest), 0) + 1) / Double(Int(high) - Int(low) + 1)
    return (Double(outside) / Double(max(x.count, 1)), max(0, 1 - used))
  }
}

/// What is measured of a layer before the cause is sought.
struct LayerNumbers {
  let name, op: String
  let sqnr, cosine, clipped, deadRange, gain: Double

  func with(_ finding: QuantizationFinding?) -> QuantizationDiagnosis.Layer {
    QuantizationDiagnosis.Layer(
      name: name, op: op, sqnr: sqnr, cosine: cosine, clipped: clipped, deadRange: deadRange, gain: gain,
      finding: finding)
  }
}

/// The values of a float graph for one batch, and its result where one of them is another.
private struct Probe {
  private let graph: Graph
  private var values: [Graph.ID: Tensor] = [:]

  init(_ graph: Graph, _ arguments: [Tensor]) throws {
    self.graph = graph
    var values: [Graph.ID: Tensor] = [:]
    _ = try graph.evaluating { try graph.replay(arguments) { values[$0] = $1 } }
    self.values = values
  }

  subscript(id: Graph.ID) -> Tensor? { values[id] }

  var result: Tensor {
    guard let result = values[graph.output] else { preconditionFailure("replay computes the output") }
    return result
  }

  func result(replacing id: Graph.ID, by value: Tensor) throws -> Tensor {
    var changed = [id: value]
    try graph.evaluating {
      for next in graph.order where next != id {
        guard let (op, reads) = graph.operation(next), reads.contains(where: { changed[$0] != nil }) else {
          continue
        }
        changed[next] = try op.mode(training: false).apply(reads.compactMap { changed[$0] ?? values[$0] })
      }
    }
    return changed[graph.output] ?? result
  }
}

extension Graph {
  /// Runs `body` with the graph in evaluation and without a tape.
  fileprivate func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
    try with(training: false) { try Tape.withoutGradients(body) }
  }
}
