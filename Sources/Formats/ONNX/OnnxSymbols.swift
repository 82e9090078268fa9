import Tensors

/// The dimensions of a model that have a name instead of a number, and the primes (or twice primes) that stand for them.
struct OnnxSymbols {
  private var primes: [String: Int] = [:]
  private let fixed: [String: Int]
  /// Far above the extents of most models and small enough for their products.
  static let candidates = [1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069]
  /// Others, for a second look: what differs then depends on a size. They are even, leave other rests by 3 and lie below
  /// sizes that lengths are often cut to.
  static let otherCandidates = [211, 227, 233, 223, 239, 229, 241, 251, 271, 257, 277, 283].map { 2 * $0 }

  /// - Parameter sizes: numbers for some of the names, by name.
  init(_ model: OnnxModel, sizes: [String: Int], candidates: [Int] = Self.candidates) throws {
    self.fixed = sizes
    var named: [String] = []
    for input in model.graph.inputs {
      for (axis, dimension) in (input.shape ?? []).enumerated() {
        guard let name = Self.name(input.name, axis, dimension), sizes[name] == nil, !named.contains(name)
        else {
          continue
        }
        named.append(name)
      }
    }
    let fixed = model.graph.inputs.flatMap { input in
      (input.shape ?? []).compactMap { if case .fixed(let extent) = $0 { extent } else { nil } }
    }
    let stored = model.graph.initializers.flatMap(\.dims) + fixed
    var free = candidates.filter { prime in !stored.contains { $0 > 0 && $0 % prime == 0 } }
    for name in named {
      guard !free.isEmpty else {
        throw OnnxRefusal(
          "leaves \(named.count) dimensions open (\(named.joined(separator: ", "))); give some a size")
      }
      primes[name] = free.removeFirst()
    }
    if let unknown = sizes.keys.sorted().first(where: { !Self.names(in: model).contains($0) }) {
      let names = Self.names(in: model).sorted().joined(separator: ", ")
      throw OnnxRefusal(
        "has no dimension called '\(unknown)'"
          + (names.isEmpty ? "; all its dimensions are fixed" : "; it has \(names)"))
    }
  }

  private static func names(in model: OnnxModel) -> Set<String> {
    Set(
      model.graph.inputs.flatMap { input in
        (input.shape ?? []).enumerated().compactMap { name(input.name, $0, $1) }
      })
  }

  private static func name(_ input: String, _ axis: Int, _ dimension: OnnxValueInfo.Dimension) -> String? {
    switch dimension {
    case .fixed(let extent): extent >= 0 ? nil : "\(input)_\(axis)"
    case .symbol(let name): name.isEmpty ? "\(input)_\(axis)" : name
    case .unknown: "\(input)_\(axis)"
    }
  }

  func shape(of input: String, _ dims: [OnnxValueInfo.Dimension]) throws -> [Int] {
    try dims.enumerated().map { axis, dimension in
      guard let name = Self.name(input, axis, dimension) else {
        if case .fixed(let extent) = dimension { return extent }
        return 0
      }
      if let size = fixed[name] {
        guard size > 0 else { throw OnnxRefusal("dimension '\(name)' must be positive (got \(size))") }
        return size
      }
      return primes[name] ?? 1
    }
  }

  /// The name of every dimension, nil where it is a number.
  func names(of input: String, _ dims: [OnnxValueInfo.Dimension]) -> [String?] {
    dims.enumerated().map { axis, dimension in
      Self.name(input, axis, dimension).flatMap { fixed[$0] == nil ? $0 : nil }
    }
  }

  /// Whether every dimension is a number.
  var isEmpty: Bool { primes.isEmpty }

  func isSymbolic(_ extent: Int) -> Bool { extent > 0 && primes.values.contains { extent % $0 == 0 } }

  /// The shape with every symbol at the size of an example: 1.
  func exampleShape(_ shape: Shape) -> Shape {
    Shape(
      shape.map { extent in
        guard extent > 0 else { return extent }
        return primes.values.reduce(extent) { rest, prime in
          var rest = rest
          while rest % prime == 0 { rest /= prime }
          return rest
        }
      })
  }

  var remedy: String {
    let names = primes.keys.sorted().map { "\($0) = ..." }.joined(separator: ", ")
    return "fix it with {dims = {\(names)}}"
  }
}
