import Foundation

/// Files that other programs made, in Tests/Golden; the scripts that make them are in scripts/peers.
public enum Golden {
  /// The path of `name`, such as "torch/state.pt".
  public static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Golden/\(name)").path
  }
}
