import CThreads

/// Settings of the computation on one thread. Lives as long as the process: threads that compute are few.
struct ThreadState {
  var gradientsEnabled = true
  var isCapturing = false
  var onRead: ((Tensor) -> Void)?
  var isRecomputing = false
  var precision = Precision.f32
  var scope = ""
  var seed: UInt64 = 0
  var streams: [String: Generator] = [:]

  /// A pointer, for every op looks here: reading through it neither counts references nor checks access.
  static var current: UnsafeMutablePointer<ThreadState> {
    if let known = qt_get() { return known.assumingMemoryBound(to: ThreadState.self) }
    let fresh = UnsafeMutablePointer<ThreadState>.allocate(capacity: 1)
    fresh.initialize(to: ThreadState())
    qt_set(fresh)
    return fresh
  }
}
