import Foundation

/// The weights of all-MiniLM-L6-v2, which `scripts/fetch-minilm` fetches: in `$QSCRIPT_MINILM`, or where that script puts
/// them.
public enum MiniLMWeights {
  public static let absent: String =
    "no weights: run scripts/fetch-minilm (set QSCRIPT_MINILM if they are elsewhere)"

  /// The folder with model.safetensors, or nil where it is absent; tests that need it are then disabled.
  public static let folder: String? = {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/") + "/.cache"
    let folder = environment["QSCRIPT_MINILM"] ?? cache + "/qscript/minilm"
    return FileManager.default.fileExists(atPath: folder + "/model.safetensors") ? folder : nil
  }()
}
