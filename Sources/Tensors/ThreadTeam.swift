import CThreads

/// Work shared by the process's threads.
public enum ThreadTeam {
  /// Calls `body(part, member)` for every part, on up to `threads` threads, and returns when all are done. `member`,
  /// in 0 ..< threads, says which thread it is: no two calls at once have the same. The error of the lowest part
  /// that threw is thrown; the others run all the same.
  public static func run<Failure: Error>(
    parts: Int, threads: Int, _ body: (_ part: Int, _ member: Int) throws(Failure) -> Void
  ) throws(Failure) {
    if parts == 1 || threads == 1 {
      for part in 0..<parts { try body(part, 0) }
      return
    }
    let error = share(parts, threads) { part, member in
      do throws(Failure) {
        try body(part, member)
        return nil
      } catch {
        return error
      }
    }
    if let error = error as? Failure { throw error }
  }

  /// Does all parts on up to `threads` threads; the error of the lowest part that had one.
  private static func share(
    _ parts: Int, _ threads: Int, _ body: (_ part: Int, _ member: Int) -> (any Error)?
  ) -> (any Error)? {
    withoutActuallyEscaping(body) { body in
      let job = Job(parts: parts, body: body)
      return withExtendedLifetime(job) {
        qt_run(
          parts, threads,
          { context, part, member in
            guard let context else { return }
            Unmanaged<Job>.fromOpaque(context).takeUnretainedValue().run(part, member)
          }, Unmanaged.passUnretained(job).toOpaque())
        return job.errors.lazy.compactMap { $0 }.first
      }
    }
  }

  /// Multiply-accumulates that keep a thread busy for about 20 us: with less, waking it costs more than it saves, and
  /// much more where other programs want the core.
  static let macsPerThread = 2_000_000

  /// Threads that so much work in so many parts is worth, 1 at least.
  static func threads(macs: Int, parts: Int) -> Int {
    max(1, min(Engine.threads, macs / macsPerThread, parts))
  }

  /// Calls `body` with ranges that together are 0 ..< count, one for each thread that so many multiply-accumulates are
  /// worth; all but the last begin and end at multiples of `grain`.
  static func divide<Failure: Error>(
    _ count: Int, macs: Int, grain: Int = 1, _ body: (Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    let grains = (count + grain - 1) / grain
    let threads = threads(macs: macs, parts: grains)
    if threads == 1 { return try body(0..<count) }
    try run(parts: threads, threads: threads) { (part, _) throws(Failure) in
      try body(grains * part / threads * grain..<min(count, grains * (part + 1) / threads * grain))
    }
  }

  /// The same for work on elements, each as much as sixteen multiply-accumulates, in `count` parts of `size` elements
  /// that do not depend on each other.
  public static func divide(_ count: Int, of size: Int = 1, _ body: (Range<Int>) -> Void) {
    divide(count, macs: 16 * count * size, grain: max(1, 1024 / max(size, 1)), body)
  }

  private final class Job {
    private let body: (Int, Int) -> (any Error)?
    /// One place for each part, so that threads never write to the same one.
    private let places: UnsafeMutableBufferPointer<(any Error)?>
    var errors: UnsafeMutableBufferPointer<(any Error)?> { places }

    init(parts: Int, body: @escaping (Int, Int) -> (any Error)?) {
      self.body = body
      places = .allocate(capacity: parts)
      places.initialize(repeating: nil)
    }

    func run(_ part: Int, _ member: Int) {
      places[part] = body(part, member)
    }

    deinit {
      places.deinitialize()
      places.deallocate()
    }
  }
}
