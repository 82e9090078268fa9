import Foundation
import Synchronization

/// Whether a repository has uncommitted changes, asked while the script is already running.
final class GitQuestion: Sendable {
  private let reply = Mutex<Bool?>(nil)
  private let done = DispatchSemaphore(value: 0)

  /// Longer than this the end of a run does not wait for git.
  private static let patience = DispatchTimeInterval.seconds(1)

  init(folder: String) {
    Thread.detachNewThread { [self] in
      let dirty = Revision.isDirty(folder)
      reply.withLock { $0 = dirty }
      done.signal()
    }
  }

  /// nil until git has answered, and where it cannot.
  var answer: Bool? { reply.withLock { $0 } }

  func wait() {
    if done.wait(timeout: .now() + Self.patience) == .success { done.signal() }
  }
}
