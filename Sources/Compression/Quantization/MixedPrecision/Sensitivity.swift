import Models
import Tensors

/// What each layer's weights cost a model when they alone are rounded, scheme by scheme.
public struct Sensitivity: Sendable {
  /// One layer with one scheme.
  public struct Row: Sendable {
    /// The node's name.
    public let layer: String
    /// Which of the schemes.
    public let scheme: Int
    /// Of the layer's weights: codes, scales and zero points.
    public let bytes: Int
    /// Of the model's output, in decibels: 10 log10 of its power over that of the change.
    public let sqnr: Double
    /// Mean divergence of the softmax of the output from what it was, in nats (Kullback and Leibler, 1951).
    public let divergence: Double
    /// Power of the change of the weights themselves: the sum of squares.
    public let weightNoise: Double
    /// What the loss would rise by, as its Hessian has it: half the mean of the Hessian's diagonal times `weightNoise`
    /// (HAWQ-V2); nil where it was not asked for.
    public let bend: Double?
  }

  public let rows: [Row]
  /// Of each layer, in the order of the graph: bytes of its weights in f32, and the trace of the Hessian of the
  /// output's divergence in them, where it was asked for.
  public let layers: [(name: String, floatBytes: Int, trace: Double?)]

  /// - Parameters:
  ///   - graph: in f32; batch norms are folded first.
  ///   - layers: layers it names are decided, and not looked at.
  ///   - batches: inputs, a few hundred samples in all. They and the outputs they give are held while layers are tried.
  ///   - hessian: how to estimate its trace.
  public init(
    _ graph: Graph, schemes: [WeightScheme], layers: LayerRules = [:], batches: [[Tensor]],
    hessian: HessianTrace? = nil
  ) throws {
    for scheme in schemes { try scheme.check(for: "sensitivity") }
    try require(!schemes.isEmpty, "sensitivity", "needs at least one scheme")
    try require(!batches.isEmpty, "sensitivity", "there is no data; give a few hundred samples")
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    work.setTraining(false)
    let found = work.order.compactMap { id in
      layers.choice(for: work[id].name) == nil ? Self.weight(of: id, work).map { (id: id, leaf: $0) } : nil
    }
    try require(
      !found.isEmpty, "sensitivity", "there is no convolution or linear layer to decide about in it")
    let outputs = try Self.outputs(work, batches)
    let before = try outputs.map { try $0.doubles() }
    var traces: [Double?] = found.map { _ in nil }
    if let hessian {
      let frozen = try HessianTrace.Frozen(work, batches, HessianTrace.divergence(from: outputs))
      traces = try found.map { try hessian($0.id, in: frozen) }
    }
    rows = try zip(found, traces).flatMap { layer, trace in
      try schemes.indices.map {
        try Self.row(layer.id, layer.leaf, $0, schemes[$0], work, batches, before, trace)
      }
    }
    self.layers = zip(found, traces).map { (work[$0.id].name, $0.leaf.value.byteCount, $1) }
  }

  private static func weight(of id: Graph.ID, _ graph: Graph) -> Parameter? {
    guard let (op, reads) = graph.operation(id), op is Conv2d || op is Linear,
      let leaf = graph.leaf(reads[1]),
      leaf.value.dtype == .f32
    else { return nil }
    return leaf
  }

  private static func outputs(_ graph: Graph, _ batches: [[Tensor]]) throws -> [Tensor] {
    try Tape.withoutGradients { try batches.map { try graph.replay($0)[0] } }
  }

  private static func row(
    _ id: Graph.ID, _ leaf: Parameter, _ place: Int, _ scheme: WeightScheme, _ graph: Graph,
    _ batches: [[Tensor]], _ before: [[Double]], _ trace: Double?
  ) throws -> Row {
    let trial = graph.copy()
    let grid = try WeightQuantizer.grid(for: leaf, scheme, bias: nil, node: graph[id].name)
    let rounded = try grid.dequantized(leaf.value)
    guard let (op, reads) = trial.operation(id) else { preconditionFailure("it was found there") }
    var changed = reads
    changed[1] = trial.replaceLeaf(reads[1], of: id, with: Parameter(rounded))
    trial[id].kind = .apply(op, changed)
    let after = try outputs(trial, batches).map { try $0.doubles() }
    let classes = graph[graph.output].shape.last ?? 1
    let (power, noise) = Self.power(before, after)
    let weightNoise = try zip(leaf.value.doubles(), rounded.doubles()).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }
    let scaleBytes = scheme.hasGroups ? 2 : 4
    return Row(
      layer: graph[id].name, scheme: place,
      bytes: (leaf.value.count * scheme.bits + 7) / 8 + grid.scales.count * scaleBytes
        + grid.zeroPoints.count,
      sqnr: 10 * Libm.log(max(power, 1e-300) / max(noise, 1e-300)) / Libm.log(10),
      divergence: divergence(before, after, classes: classes), weightNoise: weightNoise,
      bend: trace.map { $0 / Double(max(leaf.value.count, 1)) * weightNoise / 2 })
  }

  private static func power(_ before: [[Double]], _ after: [[Double]]) -> (signal: Double, noise: Double) {
    var (signal, noise) = (0.0, 0.0)
    for (before, after) in zip(before, after) {
      for (a, b) in zip(before, after) {
        signal += a * a
        noise += (a - b) * (a - b)
      }
    }
    return (signal, noise)
  }

  private static func divergence(_ before: [[Double]], _ after: [[Double]], classes: Int) -> Double {
    var (sum, rows) = (0.0, 0)
    for (before, after) in zip(before, after) {
      for first in stride(from: 0, to: before.count - classes + 1, by: classes) {
        let (p, q) = (logSoftmax(before[first..<first + classes]), logSoftmax(after[first..<first + classes]))
        sum += zip(p, q).reduce(0) { $0 + Libm.exp($1.0) * ($1.0 - $1.1) }
        rows += 1
      }
    }
    return max(sum / Double(max(rows, 1)), 0)
  }

  private static func logSoftmax(_ x: ArraySlice<Double>) -> [Double] {
    let most = x.max() ?? 0
    let sum = Libm.log(x.reduce(0) { $0 + Libm.exp($1 - most) })
    return x.map { $0 - most - sum }
  }
}
