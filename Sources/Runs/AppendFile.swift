import Foundation

/// A file that only grows. Each append is one system call, so that a killed process loses nothing it had
/// appended; `sync` guards against the loss of power.
final class AppendFile {
  /// Where it is now, for messages: whoever moves the file says so.
  var path: String
  private let descriptor: Int32
  /// The last append was cut short, as by a full disk: the next one starts on a line of its own.
  private var isTorn = false

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunError.system("write", path) }
  }

  deinit { close(descriptor) }

  func append(_ text: some Sequence<UInt8>) throws {
    let bytes = isTorn ? [UInt8(ascii: "\n")] + text : Array(text)
    if let written = writeAll(bytes, to: descriptor) {
      let error = RunError.system("write", path)
      isTorn = isTorn || written > 0
      throw error
    }
    isTorn = false
  }

  func sync() throws {
    // Devices and pipes have nothing to sync.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw RunError.system("write", path) }
  }

  /// Marks the file as in use until this process ends, however it ends.
  func lock() throws {
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw RunError.system("lock", path) }
  }

  /// Whether a living process holds the lock of `path`.
  static func isLocked(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
