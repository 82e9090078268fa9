import Models
import Tensors

/// Samples that can be gone through again and again: what post-training methods that pass over the data more than once
/// are given.
public struct CalibrationBatches {
  private let begin: () throws -> () throws -> [Tensor]?

  /// - Parameter begin: starts a pass; what it answers gives the graph's arguments, batch by batch, then nil.
  public init(_ begin: @escaping () throws -> () throws -> [Tensor]?) { self.begin = begin }

  public init(_ batches: [Tensor]) {
    self.init {
      var left = batches.makeIterator()
      return { left.next().map { [$0] } }
    }
  }

  /// A pass from the beginning: each call answers a batch, then nil.
  public func pass() throws -> () throws -> [Tensor]? { try begin() }

  /// The first batch, nil where there is none.
  public func first() throws -> [Tensor]? { try pass()() }

  func forEach(_ body: ([Tensor]) throws -> Void) throws {
    let next = try pass()
    while let batch = try next() { try body(batch) }
  }

  /// Everything that is wanted of a batch was seen.
  private struct Enough: Error {}

  /// Runs `graph` in evaluation on every batch and shows each node's values to `observe`; no further than node `last`.
  /// A batch of no samples counts for nothing.
  func replay(_ graph: Graph, until last: Graph.ID? = nil, observe: (Graph.ID, Tensor) throws -> Void) throws
  {
    var count = 0
    try graph.with(training: false) {
      try Tape.withoutGradients {
        try forEach { batch in
          guard batch.allSatisfy({ $0.count > 0 }) else { return }
          count += 1
          do {
            _ = try graph.replay(batch) { id, value in
              try observe(id, value)
              if id == last { throw Enough() }
            }
          } catch is Enough {}
        }
      }
    }
    try require(
      count > 0, "quantize", "there is no calibration data; give a few hundred samples of the training set")
  }
}
