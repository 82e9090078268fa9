import CLuaBridge

/// Where the script is that is calling the host on this thread.
public enum ScriptPosition {
  /// `file.lua:12`, the line of the script and not of a library it uses; `the script` where it is unknown.
  public static var current: String {
    var text = [CChar](repeating: 0, count: 256)
    guard lb_position(&text, text.count) else { return "the script" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
