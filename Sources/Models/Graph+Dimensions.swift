import Tensors

extension Graph {
  /// Says which dimensions may have any extent, as lists of names for the inputs in their order; nil stays fixed. Equal
  /// names are equal extents.
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
    do {
      _ = try shapes(
        for: zip(inputs, names).map { id, names in
          Shape(zip(self[id].shape, names).map { extent, name in name.flatMap { extents[$0] } ?? extent })
        })
    } catch let error as ShapeError {
      throw ShapeError("open", "the graph takes no other extents than its example's: \(error)")
    }
    for (id, names) in zip(inputs, names) { setDimensionNames(names, of: id) }
  }

  /// Primes, so that no sum or product of a model's own numbers is taken for them.
  private static let unusualExtents = [1009, 1013, 1019, 1021, 1031, 1033]
}
