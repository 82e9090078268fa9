import Foundation

/// What kept a run from being recorded or read: one line that says where, what, and how to mend it.
public struct RunError: Error, Equatable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

extension RunError {
  /// A failed system call on `path`, read from `errno` at once.
  static func system(_ action: String, _ path: String, _ code: Int32 = errno) -> RunError {
    let reason = String(cString: strerror(code)).lowercased()
    return RunError("runs: cannot \(action) \(path): \(reason)\(remedy(for: code))")
  }

  private static func remedy(for code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "; free some space, or choose another folder with --runs DIR"
    case EACCES, EPERM, EROFS, ENOTDIR, EEXIST: "; choose a folder that can be written with --runs DIR"
    case EMFILE, ENFILE: "; close some files, or raise the limit with ulimit -n"
    default: ""
    }
  }
}

extension RunError: LocalizedError {
  public var errorDescription: String? { description }
}
