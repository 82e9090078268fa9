import Models
import Tensors

/// The quantization parameters of the values of a graph that get their own, observed while calibration data runs
/// through it. Memory does not grow with the data.
struct Calibration {
  /// Of inputs and results.
  let params: [Graph.ID: QuantParams]
  /// Of the values inside an op, by the site's head: always 8 bits.
  let inner: [Graph.ID: [QuantParams]]
  /// What is odd about the data: a sentence each, with the remedy.
  let warnings: [String]

  /// Grids known from training.
  ///
  /// - Parameter batches: for values inside of ops, which training does not see.
  init(
    _ graph: Graph, _ sites: [Site], _ known: [Graph.ID: QuantParams], _ batches: (() throws -> [Tensor]?)?
  ) throws {
    var params = known
    for site in sites {
      if let fixed = site.float.fixedRange { params[site.tail] = fixed }
    }
    for id in sites.valuesOnGrids(of: graph) {
      try require(
        params[id] != nil, "quantize",
        "training saw no range of node '\(graph[id].name)'; make the graph with qs.qat again")
    }
    self.params = params
    warnings = []
    guard let site = sites.first(where: { $0.float.hasInnerValues }) else {
      inner = [:]
      return
    }
    guard let batches else {
      throw ShapeError(
        "quantize",
        "node '\(graph[site.head].name)' (\(site.op.name)) has values inside of it whose ranges training does not see; "
          + "give option 'calibration', a few hundred samples of the training data")
    }
    var inside = InnerValues(sites, graph, .minmax)
    _ = try Self.run(graph, batches) { try inside.observe($0, $1) }
    inner = inside.params
  }

  init(
    _ graph: Graph, _ sites: [Site], _ kind: ObserverKind, _ scheme: ActivationScheme,
    _ batches: () throws -> [Tensor]?
  ) throws {
    let observers = Dictionary(
      uniqueKeysWithValues: sites.valuesOnGrids(of: graph).map { ($0, kind.make(levels: 1 << scheme.bits)) })
    var inside = InnerValues(sites, graph, kind)
    let samples = try Self.run(graph, batches) { id, value in
      do {
        try observers[id]?.observe(value)
        try inside.observe(id, value)
      } catch let error as ShapeError {
        throw ShapeError("quantize", "node '\(graph[id].name)': \(error.problem)")
      }
    }
    let symmetric = Self.symmetricValues(sites, graph)
    let fixed = Dictionary(
      uniqueKeysWithValues: sites.compactMap { site in site.float.fixedRange.map { (site.tail, $0) } })
    params = Dictionary(
      uniqueKeysWithValues: observers.map { id, observer in
        if let known = fixed[id] { return (id, known) }
        let (low, high) = observer.range
        return (
          id,
          symmetric.contains(id)
            ? scheme.params(symmetric: max(-low, high)) : scheme.params(covering: low, high)
        )
      })
    inner = inside.params
    let silent = graph.order.filter { id in
      observers[id].map { $0.range == (0, 0) } ?? false && fixed[id] == nil
    }
    warnings =
      [CalibrationCheck.fewSamples(samples)].compactMap { $0 }
      + silent.map {
        "'\(graph[$0].name)' is 0 for all of the calibration data, and so it will be for all other data; give data that "
          + "reaches it, or take it out of the model"
      }
  }

  /// Shows every value to `observe`. Returns how many samples there were.
  private static func run(
    _ graph: Graph, _ batches: () throws -> [Tensor]?, _ observe: (Graph.ID, Tensor) throws -> Void
  ) throws -> Int {
    var (count, samples) = (0, 0)
    try graph.with(training: false) {
      try Tape.withoutGradients {
        while let batch = try batches() {
          count += 1
          samples += batch.first.map { $0.rank > 0 ? $0.shape[0] : 1 } ?? 0
          _ = try graph.replay(batch, observe: observe)
        }
      }
    }
    try require(
      count > 0, "quantize", "there is no calibration data; give a few hundred samples of the training set")
    return samples
  }

  /// Values that some op reads as signed weights.
  static func symmetricValues(_ sites: [Site], _ graph: Graph) -> Set<Graph.ID> {
    var result: Set<Graph.ID> = []
    for site in sites {
      let reads = graph.operation(site.head)?.inputs ?? []
      result.formUnion(reads.indices.filter(site.float.symmetricActivations.contains).map { reads[$0] })
    }
    return result
  }
}

/// Recomputes the inner values of ops that have some, from the inputs they were seen to read.
private struct InnerValues {
  private let sites: [Graph.ID: (float: any Quantizable, reads: [Graph.ID])]
  private let wanted: Set<Graph.ID>
  private let kind: ObserverKind
  private var held: [Graph.ID: Tensor] = [:]
  private var observers: [Graph.ID: [any Observer]] = [:]

  init(_ sites: [Site], _ graph: Graph, _ kind: ObserverKind) {
    self.sites = Dictionary(
      uniqueKeysWithValues: sites.filter { $0.float.hasInnerValues }.map {
        ($0.head, ($0.float, graph.operation($0.head)?.inputs ?? []))
      })
    wanted = Set(self.sites.values.flatMap(\.reads))
    self.kind = kind
  }

  mutating func observe(_ id: Graph.ID, _ value: Tensor) throws {
    if wanted.contains(id) { held[id] = value }
    guard let (float, reads) = sites[id] else { return }
    let values = try float.innerValues(reads.compactMap { held[$0] })
    let observers = self.observers[id] ?? values.map { _ in kind.make() }
    self.observers[id] = observers
    for (observer, value) in zip(observers, values) { try observer.observe(value) }
  }

  var params: [Graph.ID: [QuantParams]] {
    observers.mapValues { $0.map { QuantParams(covering: $0.range.min, $0.range.max) } }
  }
}
