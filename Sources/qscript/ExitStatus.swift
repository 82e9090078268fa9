import COutput
import Foundation

/// How the process ends. Thrown by commands that have said all there is to say.
struct ExitStatus: Error, Equatable {
  let code: Int32

  static let success = ExitStatus(code: 0)
  /// The script failed, or what was asked for could not be done.
  static let failure = ExitStatus(code: 1)
  /// The command line is wrong.
  static let usage = ExitStatus(code: 2)
  /// Ctrl-C, or a request to terminate.
  static let interrupted = ExitStatus(code: 130)
  /// Whoever read the output has gone. As the shell reports a process that SIGPIPE killed.
  static let brokenPipe = ExitStatus(code: 141)
}

/// Ends the process once its output is out.
func leave(_ status: ExitStatus) -> Never {
  fflush(nil)
  switch co_failed() {
  case 0: exit(status.code)
  case EPIPE: exit(ExitStatus.brokenPipe.code)
  case let code:
    Console.complain("cannot write to standard output: \(String(cString: strerror(code)).lowercased())")
    exit(status == .success ? ExitStatus.failure.code : status.code)
  }
}
