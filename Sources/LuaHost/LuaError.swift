/// What a script's failure looks like from Swift, and what bindings throw to fail in a script's terms.
///
/// An error that a binding throws reaches the script as text with the script's position; when it comes out of
/// the script again, `cause` is the very error that was thrown.
public struct LuaError: Error, CustomStringConvertible {
  public enum Kind: Sendable {
    case runtime
    /// The text does not compile.
    case syntax
    /// The text does not compile because it ends too early; with more lines it may.
    case incomplete
    case memory
  }

  /// One line, `file.lua:12: what is wrong`, where the position is known.
  public var message: String
  public var kind: Kind
  /// The script's call stack, innermost first, without the host's own frames.
  public var traceback: [String]
  /// The error a binding threw, where that is where this error began.
  public var cause: (any Error)?
  /// The error value, where the script raised something other than text.
  var value: LuaReference?
  /// Whether `message` already says where.
  var isPositioned: Bool

  public init(_ message: String) {
    self.init(message, kind: .runtime)
  }

  init(
    _ message: String, kind: Kind, traceback: [String] = [], cause: (any Error)? = nil,
    value: LuaReference? = nil, isPositioned: Bool = false
  ) {
    self.message = message
    self.kind = kind
    self.traceback = traceback
    self.cause = cause
    self.value = value
    self.isPositioned = isPositioned
  }

  public var description: String { message }

  /// The message and the script's call stack below it.
  public var report: String {
    traceback.isEmpty
      ? message : message + "\nstack traceback:\n" + traceback.map { "  " + $0 }.joined(separator: "\n")
  }
}

/// The script was stopped by `LuaVM.requestInterrupt`. Bindings throw it from long work when
/// `LuaVM.isInterrupted` turns true; no `pcall` in the script can hold it.
public struct LuaInterrupted: Error, CustomStringConvertible {
  public init() {}
  public var description: String { "interrupted" }
}

/// The script called `os.exit`.
public struct LuaExit: Error {
  public let code: Int32
}
