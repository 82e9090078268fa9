import CThreads

/// Work shared by the process's threads.
public enum ThreadTeam {
  /// Calls `body(part, member)` for every part, on up to `threads` threads, and returns when all are done. `member`,
  /// in 0 ..< threads, says which thread it is: no two calls at once have the same. The error of the lowest part
  /// that threw is thrown; the others run all the same.
  public static func run(
    parts: Int, threads: Int, _ body: (_ part: Int, _ member: Int) throws -> Void
  ) throws {
    if parts == 1 || threads == 1 {
      for part in 0..<parts { try body(part, 0) }
      return
    }
    try withoutActuallyEscaping(body) { body in
      let job = Job(parts: parts, body: body)
      withExtendedLifetime(job) {
        qt_run(
          parts, threads,
          { context, part, member in
            guard let context else { return }
            Unmanaged<Job>.fromOpaque(context).takeUnretainedValue().run(part, member)
          }, Unmanaged.passUnretained(job).toOpaque())
      }
      for error in job.errors { if let error { throw error } }
    }
  }

  private final class Job {
    private let body: (Int, Int) throws -> Void
    /// One place for each part, so that threads never write to the same one.
    private let places: UnsafeMutableBufferPointer<(any Error)?>
    var errors: UnsafeMutableBufferPointer<(any Error)?> { places }

    init(parts: Int, body: @escaping (Int, Int) throws -> Void) {
      self.body = body
      places = .allocate(capacity: parts)
      places.initialize(repeating: nil)
    }

    func run(_ part: Int, _ member: Int) {
      do { try body(part, member) } catch { places[part] = error }
    }

    deinit {
      places.deinitialize()
      places.deallocate()
    }
  }
}
