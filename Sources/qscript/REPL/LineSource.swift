/// Where a session's lines come from.
protocol LineSource: AnyObject {
  func next(prompt: String) -> LineAnswer
}

enum LineAnswer {
  case line(String)
  /// Ctrl-C: what was typed is given up.
  case interrupted
  case end
}

/// Lines of a pipe or a file, without prompts.
final class PipedLines: LineSource {
  func next(prompt: String) -> LineAnswer { readLine().map(LineAnswer.line) ?? .end }
}
