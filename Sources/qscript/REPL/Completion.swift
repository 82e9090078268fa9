import LuaHost

/// How the name at the end of a line may go on.
struct Completion {
  /// Whole dotted names: for `print(qs.nn.con`, `qs.nn.conv2d`.
  let candidates: [String]
  /// What all of them begin with, beyond what is typed.
  let insertion: String

  init(of text: String, in vm: LuaVM) {
    candidates = vm.completions(for: text)
    let typed = text.reversed().prefix { $0.isLetter || $0.isNumber || "_.:".contains($0) }.count
    insertion = String(Self.commonPrefix(candidates).dropFirst(typed))
  }

  private static func commonPrefix(_ names: [String]) -> String {
    guard var prefix = names.first else { return "" }
    for name in names.dropFirst() { prefix = String(zip(prefix, name).prefix { $0 == $1 }.map(\.0)) }
    return prefix
  }

  /// The candidates in columns, at most `width` characters wide.
  func columns(_ width: Int) -> String {
    let cell = 2 + (candidates.map(\.count).max() ?? 0)
    let perLine = max(1, width / cell)
    return stride(from: 0, to: candidates.count, by: perLine).map { start in
      candidates[start..<min(start + perLine, candidates.count)]
        .map { $0 + String(repeating: " ", count: cell - $0.count) }.joined() + "\n"
    }.joined()
  }
}
