import Tensors

/// The examples of a data set in batches, one pass. The order is that of the data, or one drawn from the
/// stream "shuffle" when the pass is made; every batch is copied as it is asked for.
public struct Batches {
  public struct Batch {
    public let inputs: Tensor
    public let targets: Tensor
    /// Which examples of the data set these are, counted from 0.
    public let indices: [Int]
  }

  private let data: Dataset
  private let size: Int
  private let order: [Int]?
  private let end: Int
  private var position = 0

  /// - Parameter dropLast: leave out the last batch where it is smaller than the others.
  public init(_ data: Dataset, size: Int, shuffle: Bool = false, dropLast: Bool = false) throws {
    try require(size >= 1, "batches", "argument 'size' must be a positive integer (got \(size))")
    (self.data, self.size) = (data, min(size, max(data.count, 1)))
    end = dropLast ? data.count / size * size : data.count
    order =
      shuffle ? Random.with("shuffle") { generator in (0..<data.count).shuffled(using: &generator) } : nil
  }

  /// Number of batches in the whole pass.
  public var count: Int { (end + size - 1) / size }

  /// The next batch, nil at the end.
  public mutating func next() throws -> Batch? {
    guard position < end else { return nil }
    let range = position..<min(position + size, end)
    position = range.upperBound
    guard let order else {
      return Batch(
        inputs: try data.inputs.rows(range), targets: try data.targets.rows(range), indices: Array(range))
    }
    let places = order[range]
    return Batch(
      inputs: try data.inputs.rows(places), targets: try data.targets.rows(places), indices: Array(places))
  }
}
