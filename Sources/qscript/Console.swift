import COutput
import Foundation
import LuaHost

/// What a command could not do, in one line.
struct Complaint: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What the program itself says, on standard error.
enum Console {
  /// One line that says what went wrong.
  static func complain(_ message: String) {
    write("\(emphasized("qscript:")) \(message)\n")
  }

  /// A script's error: the message with its place, then the script's own lines that led there.
  static func complain(_ error: LuaError) {
    complain(error.message)
    let frames = error.traceback.filter { !$0.hasPrefix("[C]") && !$0.hasPrefix("(...") }
    if frames.count > 1 { write(frames.map { "  \($0)\n" }.joined()) }  // a single one is in the message
  }

  static func write(_ text: String) {
    // Whatever the script printed comes first, as it happened.
    fflush(nil)
    co_show_status(nil)
    FileHandle.standardError.write(Data(text.utf8))
  }

  private static func emphasized(_ text: String) -> String {
    isColoured ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text
  }

  /// Only on a terminal, and not where the user has asked for none (no-color.org).
  private static var isColoured: Bool {
    isatty(STDERR_FILENO) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
  }
}
