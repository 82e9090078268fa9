import Models
import Tensors

/// Which grid each weight and each value of a graph in training gets.
struct GridPlan {
  let sites: [Site]
  private let training: QuantizationAwareTraining
  /// Sites whose weights become integers, by head, with their names; the first and the last are the edges.
  private let names: [Graph.ID: String]
  private let edges: Set<Graph.ID>
  /// What the last layer with weights reads, by whatever way that only moves numbers.
  private let finals: Set<Graph.ID>
  /// Values that are never negative.
  private let positive: Set<Graph.ID>
  /// Values that some op reads as signed weights: their zero point is 128.
  private let symmetric: Set<Graph.ID>

  init(_ training: QuantizationAwareTraining, _ sites: [Site], _ folded: Graph) throws {
    (self.training, self.sites) = (training, sites)
    let weighted = sites.filter { $0.hasWeights(in: folded) }
    names = Dictionary(uniqueKeysWithValues: weighted.map { ($0.head, folded[$0.head].name) })
    try training.layers.check(in: folded, weighted: weighted.map(\.head))
    edges = Set([weighted.first, weighted.last].compactMap { $0?.head })
    finals = Self.sources(of: weighted.last, sites, folded)
    positive = Self.positiveValues(sites, folded)
    symmetric = Calibration.symmetricValues(sites, folded)
  }

  // MARK: Weights

  func scheme(of site: Site) throws -> WeightScheme {
    let general = training.weights
    if let name = names[site.head], let own = training.layers.scheme(for: name) { return own }
    guard edges.contains(site.head) else { return general }
    let asOthers = training.method == .lsq || training.method == .minmax
    return WeightScheme(
      .integer(bits: training.edgeBits), asOthers ? general.granularity : .channel,
      powerOfTwo: general.powerOfTwo)
  }

  func weight(_ scheme: WeightScheme) -> any WeightGrid {
    guard case .integer(let bits) = scheme.levels else { return FakeQuantizeWeight(scheme) }
    switch training.method {
    case .lsq: return LearnedStep(.weights, codes: LearnedStep.weightCodes(bits: bits))
    case .pact, .dorefa: return bits < 8 ? DoReFaWeight(bits: bits) : FakeQuantizeWeight(scheme)
    case .minmax, .ternary, .binary: return FakeQuantizeWeight(scheme)
    }
  }

  // MARK: Activations

  var input: any ActivationGrid {
    FakeQuantize(
      ActivationScheme(bits: training.edgeBits, powerOfTwo: training.activations.powerOfTwo),
      momentum: training.momentum)
  }

  /// Of what a layer left in float gives: by its extremes, as no method can choose the range of such a layer.
  func observed(_ id: Graph.ID) -> FakeQuantize {
    FakeQuantize(scheme(of: id), momentum: training.momentum, symmetric: symmetric.contains(id))
  }

  private func scheme(of id: Graph.ID) -> ActivationScheme {
    var scheme = training.activations
    if finals.contains(id) { scheme.bits = training.edgeBits }
    return scheme
  }

  func activation(_ site: Site) -> any ActivationGrid {
    let (scheme, observed) = (scheme(of: site.tail), observed(site.tail))
    let isPositive = positive.contains(site.tail)
    guard !symmetric.contains(site.tail), site.float.fixedRange == nil else { return observed }
    switch training.method {
    case .minmax, .ternary, .binary: return observed
    case .lsq:
      let half = 1 << (scheme.bits - 1)
      return LearnedStep(.activations, codes: isPositive ? 0...2 * half - 1 : -half...half - 1)
    case .pact:
      return ClippedActivation(bits: scheme.bits, signed: !isPositive, penalty: training.penalty)
    case .dorefa: return FakeQuantize(scheme, fixed: isPositive ? 0...1 : -1...1)
    }
  }

  // MARK: Graph

  /// The values a site reads, those behind ops that only move numbers included.
  private static func sources(of site: Site?, _ sites: [Site], _ graph: Graph) -> Set<Graph.ID> {
    let producers = Dictionary(uniqueKeysWithValues: sites.map { ($0.tail, $0) })
    var found: Set<Graph.ID> = []
    var open =
      site.map { Array(graph.operation($0.head)?.inputs.prefix($0.float.activationCount) ?? []) } ?? []
    while let id = open.popLast() {
      guard found.insert(id).inserted, let producer = producers[id], !producer.float.definesRange else {
        continue
      }
      open += graph.operation(producer.head)?.inputs.prefix(producer.float.activationCount) ?? []
    }
    return found
  }

  private static func positiveValues(_ sites: [Site], _ graph: Graph) -> Set<Graph.ID> {
    var found: Set<Graph.ID> = []
    for site in sites where isPositive(site, graph, found) { found.insert(site.tail) }
    return found
  }

  private static func isPositive(_ site: Site, _ graph: Graph, _ known: Set<Graph.ID>) -> Bool {
    switch site.range {
    case .nonNegative: return true
    case .clip(let low, _) where low >= 0: return true
    default: break
    }
    switch site.op {
    case is Relu, is Sigmoid, is HardSigmoid, is Softmax: return true
    case let clip as Clip where clip.lowest >= 0: return true
    case is Add, is Mul, is Concat, is MaxPool2d, is AvgPool2d, is GlobalAvgPool2d, is Flatten, is Reshape:
      let reads = graph.operation(site.head)?.inputs.prefix(site.float.activationCount) ?? []
      return !reads.isEmpty && reads.allSatisfy(known.contains)
    default: return false
    }
  }
}
