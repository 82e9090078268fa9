import COutput
import Runs

/// Copies what the process prints into a run's log, from its making until it is closed.
final class OutputLog {
  private let run: Run
  /// Why the log could not be written; it then ends there, and the script goes on.
  private(set) var failure: (any Error)?
  private var isOpen = true

  init(_ run: Run) {
    self.run = run
    co_watch(
      { log, bytes, count in
        let text = UnsafeRawBufferPointer(start: bytes, count: count)
        Unmanaged<OutputLog>.fromOpaque(log!).takeUnretainedValue().see(String(decoding: text, as: UTF8.self))
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func see(_ text: String) {
    guard failure == nil else { return }
    do {
      try run.write(output: text)
    } catch {
      failure = error
    }
  }

  func close() {
    guard isOpen else { return }
    isOpen = false
    co_watch(nil, nil)
  }

  deinit { close() }
}
