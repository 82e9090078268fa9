import Tensors

extension Graph {
  /// Says which dimensions may have any extent, as lists of names for the inputs in their order; nil stays fixed. Equal
  /// names are equal extents. Reshapes that hold the example's extents are opened where it is clear what they mean.
  ///
  /// - Throws: `ShapeError` if the names do not fit the inputs, or an operation takes no other extents than the example's.
  public func open(_ names: [[String?]]) throws {
    let inputs = inputs
    try require(
      names.count == inputs.count, "open", "takes names for \(inputs.count) inputs, got \(names.count)")
    for (id, names) in zip(inputs, names) {
      try require(
        names.count == self[id].shape.rank, "open",
        "input '\(self[id].name)' has the shape \(self[id].shape), got \(names.count) names for it")
    }
    var extents: [String: Int] = [:]
    for name in names.joined() where name != nil {
      extents[name ?? ""] =
        extents[name ?? ""] ?? Self.unusualExtents[extents.count % Self.unusualExtents.count]
    }
    let shapes = zip(inputs, names).map { id, names in
      Shape(zip(self[id].shape, names).map { extent, name in name.flatMap { extents[$0] } ?? extent })
    }
    do {
      adopt(try copy().opened(for: shapes).graph)
    } catch let error as ShapeError {
      throw ShapeError("open", "the graph takes no other extents than its example's: \(error)")
    }
    for (id, names) in zip(inputs, names) { setDimensionNames(names, of: id) }
  }

  /// Opens the reshapes that hold the example's batch: a script that writes `x:reshape(x.shape[1], -1)` reads a number.
  /// Where that does not carry the batch through the whole graph, it stays as it is, and the log says why.
  func openBatch() {
    let shapes = inputs.map { self[$0].shape }
    guard let batch = shapes.first?.first, shapes.allSatisfy({ $0.first == batch }) else { return }
    let other = Self.unusualExtents[0]
    var report = PassReport(pass: "open_batch")
    do {
      let (graph, nodes, found) = try copy().opened(for: shapes.map { $0.replacing(0, with: other) })
      guard !nodes.isEmpty else { return }
      for id in outputs where self[id].shape.first == batch {
        try require(
          found[id]?.first == other, "node '\(self[id].name)'",
          "its result \(self[id].shape) does not follow a batch of \(other)")
      }
      adopt(graph)
      report.matched = nodes
    } catch {
      report.refused = [("batch", "it keeps the extent of the example: \(error)")]
    }
    log.append(report)
  }

  /// This graph with what reshapes hold of the example's extents opened, the names of those reshapes, and all shapes
  /// for inputs of the given ones.
  private func opened(for arguments: [Shape]) throws -> (graph: Graph, nodes: [String], shapes: [ID: Shape]) {
    var shapes: [ID: Shape] = [:]
    var changed: [String] = []
    for id in order {
      switch self[id].kind {
      case .input(let n): shapes[id] = arguments[n]
      case .leaf(let parameter): shapes[id] = parameter.value.shape
      case .apply(let op, let reads):
        let given = reads.compactMap { shapes[$0] }
        let open = try (op as? Reshape)?.opened(from: self[reads[0]].shape, to: given[0])
        shapes[id] = try (open ?? op).shape(of: given)
        guard let open else { continue }
        self[id].kind = .apply(open, reads)
        changed.append(self[id].name)
      }
    }
    return (self, changed, shapes)
  }

  /// Primes, so that no sum or product of a model's own numbers is taken for them.
  private static let unusualExtents = [1009, 1013, 1019, 1021, 1031, 1033]
}

extension Reshape {
  /// The reshape for other extents than those it was written for: where they stay in their place, or where the
  /// outermost dimension is split or joined with its neighbours. nil where it takes them already, or where it is not
  /// clear which of its own they are.
  fileprivate func opened(from example: Shape, to given: Shape) throws -> (any Op)? {
    let moved = example.indices.filter { example[$0] != given[$0] }
    guard let outermost = moved.first, let first = self.target.first else { return nil }
    var target = target
    for i in moved where i < target.count && target[i] == example[i] { target[i] = Reshape.keep }
    if target != self.target {
      // The form that quantization and compilation know.
      let isFlat = target.count == 2 && target[0] == Reshape.keep && moved == [0] && example.rank > 1
      return isFlat ? Flatten() : Reshape(target)
    }
    guard outermost == 0, first > 0 else { return nil }
    target = try shape(of: [example]).dims
    // Rows that follow each other stay the rows of one sample, however they are grouped from the outside.
    let isJoined = (1...example.rank).contains { first == example[..<$0].reduce(1, *) }
    let isSplit = (1...target.count).contains { example[0] == target[..<$0].reduce(1, *) }
    guard isJoined || isSplit else { return nil }
    target[0] = -1
    return Reshape(target)
  }
}
