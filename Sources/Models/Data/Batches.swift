import CKernels
import Dispatch
import Tensors

/// The examples of a data set in batches, one pass.
///
/// Batches are made ahead of time on a thread of their own, two at most, while the caller computes with the one before;
/// where one thread is to do everything (`Engine.threads` is 1), each is made as it is asked for. What is in them is the
/// same in both cases, and depends on the data, the options and the pass alone.
public final class Batches {
  public struct Batch {
    public let inputs: Tensor
    public let targets: Tensor
    /// Which examples of the data set these are, counted from 0.
    public let indices: [Int]
    /// Where the augmentation mixes examples: the targets of what was mixed in, and the weight of `targets`.
    public let mixed: (targets: Tensor, weight: Float)?
  }

  /// What the random choices of a pass depend on.
  public struct Pass: Sendable {
    public var seed: UInt64
    public var epoch: Int

    public init(seed: UInt64, epoch: Int) { (self.seed, self.epoch) = (seed, epoch) }

    /// A pass of its own, drawn from the stream "batches".
    public static func fresh() -> Pass { Pass(seed: Random.with("batches") { $0.next() }, epoch: 0) }
  }

  public struct Options {
    public var size: Int
    /// In a new order, which the pass decides.
    public var shuffle = false
    /// Leave out the last batch where it is smaller than the others.
    public var dropLast = false
    /// Batches left out at the beginning, to go on within a pass.
    public var skip = 0
    public var augmentation: Augmentation?
    /// How images are to lie.
    public var format = MemoryFormat.contiguous
    /// nil: a fresh one, where anything is random.
    public var pass: Pass?

    public init(size: Int, shuffle: Bool = false, dropLast: Bool = false) {
      (self.size, self.shuffle, self.dropLast) = (size, shuffle, dropLast)
    }
  }

  private let data: Dataset
  /// When what the data set stores was last changed, as the pass began.
  private let changed: Int
  private let format: MemoryFormat
  private let maker: BatchMaker
  /// The batch to begin with.
  private var position: Int
  private var ahead: [(batch: Batch, work: DispatchWorkItem)] = []

  private static let queue = DispatchQueue(label: "qscript.batches", qos: .userInitiated)

  public convenience init(_ data: Dataset, size: Int, shuffle: Bool = false, dropLast: Bool = false) throws {
    try self.init(data, Options(size: size, shuffle: shuffle, dropLast: dropLast))
  }

  public init(_ data: Dataset, _ options: Options) throws {
    try require(
      options.size >= 1, "batches", "argument 'size' must be a positive integer (got \(options.size))")
    try require(
      options.skip >= 0, "batches", "argument 'skip' must be an integer, 0 or more (got \(options.skip))")
    try options.augmentation?.check(data)
    (self.data, changed) = (data, data.stored.storage.changed)
    format = data.stored.rank == 4 ? options.format : .contiguous
    position = options.skip
    maker = BatchMaker(data, options)
  }

  deinit { for (_, work) in ahead { work.wait() } }

  /// Number of batches in the whole pass.
  public var count: Int { maker.count }

  /// The next batch, nil at the end. Throws where the inputs were changed in place since the pass began, for batches
  /// made ahead might have the numbers before or after.
  public func next() throws -> Batch? {
    try require(
      data.stored.storage.changed == changed, "batches",
      "the data set's inputs were changed in place during a pass; change them before it, or change a copy")
    if Engine.threads == 1 && ahead.isEmpty {
      guard let (batch, fill) = try begin() else { return nil }
      fill()
      return batch
    }
    while ahead.count < 2, let (batch, fill) = try begin() {
      let work = DispatchWorkItem(block: fill)
      Self.queue.async(execute: work)
      ahead.append((batch, work))
    }
    guard !ahead.isEmpty else { return nil }
    let (batch, work) = ahead.removeFirst()
    work.wait()
    return batch
  }

  /// A batch without contents, and what fills it. Tensors are made here, on the caller's thread.
  private func begin() throws -> (Batch, @Sendable () -> Void)? {
    guard position < count else { return nil }
    defer { position += 1 }
    let range = maker.range(position)
    let inputs = try Tensor(
      undefined: data.stored.shape.replacing(0, with: range.count), data.dtype, format: format)
    let indices = maker.indices(range)
    let mixing = maker.mixing(position)
    let mixed = try mixing.map { mixing in
      let others = indices.indices.map { indices[($0 + mixing.distance) % indices.count] }
      return (targets: try data.targets.rows(others), weight: mixing.weight)
    }
    let batch = Batch(
      inputs: inputs, targets: try data.targets.rows(indices), indices: indices, mixed: mixed)
    let job = BatchJob(maker: maker, indices: indices, mixing: mixing, target: inputs.bytes)
    return (batch, { job.run() })
  }
}

/// What fills one batch's memory, which the batch keeps.
private struct BatchJob: @unchecked Sendable {
  let maker: BatchMaker
  let indices: [Int]
  let mixing: (distance: Int, weight: Float)?
  let target: UnsafeMutableRawPointer

  func run() { maker.fill(target, indices, mixing) }
}

/// The order of a pass, and how its batches are filled; uses the data set's memory, which `Batches` keeps.
private final class BatchMaker: @unchecked Sendable {
  private let size, end: Int
  private let order: [Int]?
  private let gather: ExampleGather
  private let augmentation: Augmentation?
  private let pass: Batches.Pass
  /// Room for the batch before it is mixed.
  private var scratch: [Float] = []

  init(_ data: Dataset, _ options: Batches.Options) {
    size = min(options.size, max(data.count, 1))
    end = options.dropLast ? data.count / size * size : data.count
    augmentation = options.augmentation
    gather = ExampleGather(data, format: options.format, augmentation: augmentation)
    let isRandom = options.shuffle || augmentation != nil
    pass = options.pass ?? (isRandom ? .fresh() : Batches.Pass(seed: 0, epoch: 0))
    var shuffler = Generator(seed: pass.seed, name: "shuffle", round: pass.epoch, item: 0)
    order = options.shuffle ? (0..<data.count).shuffled(using: &shuffler) : nil
  }

  var count: Int { (end + size - 1) / size }

  func range(_ batch: Int) -> Range<Int> { (batch * size)..<min((batch + 1) * size, end) }

  func indices(_ range: Range<Int>) -> [Int] { order.map { Array($0[range]) } ?? Array(range) }

  func mixing(_ batch: Int) -> (distance: Int, weight: Float)? {
    guard let augmentation, augmentation.mixup > 0 else { return nil }
    var generator = Generator(seed: pass.seed, name: "mixup", round: pass.epoch, item: batch)
    return augmentation.mixing(&generator, count: range(batch).count)
  }

  func fill(_ target: UnsafeMutableRawPointer, _ indices: [Int], _ mixing: (distance: Int, weight: Float)?) {
    for (place, index) in indices.enumerated() {
      let generator = augmentation.map { _ in
        Generator(seed: pass.seed, name: "augment", round: pass.epoch, item: index)
      }
      gather.write(index, to: target + place * gather.byteCount, generator)
    }
    if let mixing { mix(target.assumingMemoryBound(to: Float.self), indices.count, mixing) }
  }

  /// Each example times the weight, plus the one `distance` further on times the rest.
  private func mix(
    _ batch: UnsafeMutablePointer<Float>, _ count: Int, _ mixing: (distance: Int, weight: Float)
  ) {
    let length = gather.elements
    scratch = Array(UnsafeBufferPointer(start: batch, count: count * length))
    qk_f32_scale(count * length, batch, mixing.weight, batch)
    scratch.withUnsafeBufferPointer { before in
      guard let base = before.baseAddress else { return }
      for i in 0..<count {
        let other = (i + mixing.distance) % count
        qk_f32_axpy(length, 1 - mixing.weight, base + other * length, batch + i * length)
      }
    }
  }
}
