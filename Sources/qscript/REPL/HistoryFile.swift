import Foundation

/// Where a person's lines are kept between sessions.
enum HistoryFile {
  /// `$XDG_STATE_HOME/qscript/history`, by default in `~/.local/state`; its folder is made. nil where there is
  /// no place for it.
  static var path: String? {
    guard let folder else { return nil }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      return folder + "/history"
    } catch {
      return nil
    }
  }

  private static var folder: String? {
    let environment = ProcessInfo.processInfo.environment
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/qscript" }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return home + "/.local/state/qscript"
  }
}
