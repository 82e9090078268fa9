import COutput
import Foundation
import LuaHost

/// How far a piece of long work has come: a bar on a terminal, now and then a plain line elsewhere. Both go to
/// standard error, so that what a script prints stays clean.
final class ProgressBar: LuaObject {
  private let label: String
  private let total: Int?
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastShown = ContinuousClock.now
  private var done = 0
  private var isDrawn = false
  private var isFinished = false

  private static let secondsBetweenBars = 0.1
  private static let secondsBetweenLines = 10.0

  init(label: String, total: Int?) {
    self.label = label
    self.total = total
  }

  func update(_ done: Int, note: String) {
    guard !isFinished else { return }
    self.done = done
    let pause = isTerminal ? Self.secondsBetweenBars : Self.secondsBetweenLines
    guard seconds(since: lastShown) >= pause else { return }
    lastShown = .now
    show(note)
  }

  /// Takes the bar away.
  func finish() {
    guard !isFinished else { return }
    isFinished = true
    if isDrawn { co_show_status(nil) }
  }

  deinit { finish() }

  private func show(_ note: String) {
    let parts = [label, progress, remaining, note].compactMap { $0 }.filter { !$0.isEmpty }
    if isTerminal {
      isDrawn = true
      co_show_status(String(parts.joined(separator: "  ").prefix(Self.terminalWidth - 1)))
    } else {
      FileHandle.standardError.write(Data((parts.joined(separator: "  ") + "\n").utf8))
    }
  }

  /// `[#####-----] 12/24`, without the bar in a plain line.
  private var progress: String {
    guard let total, total > 0 else { return "\(done)" }
    guard isTerminal else { return "\(done)/\(total)" }
    let cells = 24
    let filled = Int(Double(cells) * min(1, max(0, Double(done) / Double(total))))
    return
      "[\(String(repeating: "#", count: filled))\(String(repeating: "-", count: cells - filled))] \(done)/\(total)"
  }

  /// From the speed so far.
  private var remaining: String? {
    guard let total, done > 0, done < total else { return nil }
    let left = seconds(since: start) / Double(done) * Double(total - done)
    let whole = Int(min(left.rounded(.up), 359_999))
    return whole < 3600
      ? String(format: "ETA %d:%02d", whole / 60, whole % 60)
      : String(format: "ETA %d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }

  private func seconds(since moment: ContinuousClock.Instant) -> Double { (.now - moment) / .seconds(1) }

  private static var terminalWidth: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}

// MARK: - As scripts see it

extension ProgressBar {
  static let luaName = "progress"

  static var luaType: LuaType {
    LuaType(
      "How far a piece of long work has come. Gone when it is closed: local bar <close> = qs.progress{total = 10}.",
      methods: [
        Function(
          "update", "Tells how much is done.", .receiver(ProgressBar.self),
          .required("done", Int.self, "out of `total`"),
          .optional("note", default: "", "what else to show, such as the loss")
        ) { bar, done, note in bar.update(done, note: note) },
        Function(
          "finish", "Takes the bar away. Leaving the scope of a `<close>` variable does too.",
          .receiver(ProgressBar.self)
        ) { bar in bar.finish() },
      ])
  }

  static var functions: [Function] {
    [
      Function(
        "progress", "Shows progress: a bar on a terminal, now and then a line elsewhere.",
        .option("total", Int?.self, "how much there is to do", .notNegative),
        .option("label", default: "", "what is being done")
      ) { total, label in ProgressBar(label: label, total: total) },
      Function(
        "progress_line", "Prints a line, above a bar that is shown.",
        .required("text", String.self, "without the line's end")
      ) { (text) -> Void in print(text) },
    ]
  }
}
