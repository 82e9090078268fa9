import Tensors

/// The nodes of a graph, their order, and who reads whom. Every change keeps the index of readers, so that passes find
/// neighbours at once however large the graph is.
struct GraphNodes {
  typealias ID = Graph.ID
  typealias Node = Graph.Node

  private(set) var order: [ID] = []
  private var nodes: [ID: Node] = [:]
  private var readers: [ID: Set<ID>] = [:]
  /// Numbers that rise along the order, with gaps for what is inserted.
  private var places: [ID: Int] = [:]
  private static let gap = 1 << 20

  subscript(id: ID) -> Node? { nodes[id] }

  /// Replaces a node that is there, or adds one before `successor`, or at the end.
  mutating func set(_ id: ID, _ node: Node, before successor: ID? = nil) {
    let old = nodes.updateValue(node, forKey: id)
    if old == nil { insert(id, before: successor) }
    let (had, has) = (old?.reads ?? [], node.reads)
    if had == has { return }
    for read in had where !has.contains(read) { readers[read]?.remove(id) }
    for read in has where !had.contains(read) { readers[read, default: []].insert(id) }
  }

  mutating func setShape(_ shape: Shape, of id: ID) { nodes[id]?.shape = shape }

  /// How many nodes read `id`.
  func readerCount(of id: ID) -> Int { readers[id]?.count ?? 0 }

  /// The nodes that read `id`, in order.
  func readers(of id: ID) -> [ID] {
    guard let known = readers[id] else { return [] }
    return known.count < 2 ? Array(known) : known.sorted { place($0) < place($1) }
  }

  /// Drops all nodes but these.
  mutating func keep(_ live: Set<ID>) {
    order.removeAll { !live.contains($0) }
    nodes = nodes.filter { live.contains($0.key) }
    places = places.filter { live.contains($0.key) }
    readers = readers.filter { live.contains($0.key) }.mapValues { $0.intersection(live) }
  }

  // MARK: Order

  private func place(_ id: ID) -> Int { places[id] ?? .max }

  private mutating func insert(_ id: ID, before successor: ID?) {
    guard let successor, let after = places[successor] else {
      places[id] = (order.last.map(place) ?? 0) + Self.gap
      return order.append(id)
    }
    let index = index(ofPlace: after)
    order.insert(id, at: index)
    let before = index > 0 ? place(order[index - 1]) : 0
    places[id] = before + (after - before) / 2
    if places[id] == before {
      for (i, id) in order.enumerated() { places[id] = (i + 1) * Self.gap }
    }
  }

  private func index(ofPlace wanted: Int) -> Int {
    var (low, high) = (0, order.count)
    while low < high {
      let middle = (low + high) / 2
      if place(order[middle]) < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Graph.Node {
  /// The nodes it reads.
  var reads: [Graph.ID] { if case .apply(_, let inputs) = kind { inputs } else { [] } }
}
