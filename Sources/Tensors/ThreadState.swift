import CThreads

/// Settings of the computation on one thread. Lives as long as the process: threads that compute are few.
final class ThreadState {
  var gradientsEnabled = true
  var isCapturing = false
  var isRecomputing = false
  var scope = ""
  var seed: UInt64 = 0
  var streams: [String: Generator] = [:]

  static var current: ThreadState {
    if let pointer = qt_get() { return Unmanaged<ThreadState>.fromOpaque(pointer).takeUnretainedValue() }
    let fresh = ThreadState()
    qt_set(Unmanaged.passRetained(fresh).toOpaque())
    return fresh
  }
}
