import Foundation
import LuaHost

/// A bar on the terminal for as long as the object lives; nothing where standard error is no terminal.
final class ProgressObject: LuaObject {
  private let total: Int
  private let label: String
  private var shown = ContinuousClock.now - .seconds(1)
  private var isDrawn = false

  private static let isTerminal = isatty(STDERR_FILENO) == 1
  private static let width = 24

  init(total: Int, label: String) {
    self.total = max(total, 1)
    self.label = label
  }

  /// Draws the bar anew, at most ten times a second.
  func update(_ done: Int, _ note: String) {
    let now = ContinuousClock.now
    guard Self.isTerminal, now - shown >= .milliseconds(100) else { return }
    shown = now
    isDrawn = true
    let filled = Self.width * min(max(done, 0), total) / total
    let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: Self.width - filled)
    Self.write("\r\u{1b}[K\(label) [\(bar)] \(done)/\(total) \(note)")
  }

  deinit { if isDrawn { Self.write("\r\u{1b}[K") } }

  private static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// A line of its own, whatever bar stands there.
  static func print(line: String) {
    if isTerminal { write("\r\u{1b}[K") }
    Swift.print(line)
  }

  static let luaName = "progress"

  static var luaType: LuaType {
    LuaType(
      "A progress bar; gone when it is closed: local bar <close> = qs.progress{total = 10}.",
      keepsIdentity: false,
      methods: [
        Function(
          "update", "Shows how far it is.", .receiver(ProgressObject.self),
          .required("done", Int.self, "of the total"),
          .optional("note", default: "", "shown behind the bar")
        ) { (bar, done, note) -> Void in bar.update(done, note) }
      ])
  }

  static var functions: [Function] {
    [
      Function(
        "progress", "A bar on the terminal; nothing where there is none.",
        .requiredOption("total", Int.self, "steps in all"),
        .option("label", default: "", "shown before the bar")
      ) { total, label in ProgressObject(total: total, label: label) },
      Function(
        "progress_line", "Prints a line, whatever bar stands on the terminal.",
        .required("line", String.self, "the text")
      ) { (line) -> Void in ProgressObject.print(line: line) },
    ]
  }
}
