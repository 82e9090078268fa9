import Foundation

/// What is in a folder.
enum FolderListing {
  /// The names in `folder`, sorted, without hidden ones. `wanted` says in an error what to give instead.
  static func names(_ folder: String, _ wanted: String) throws -> [String] {
    guard isFolder(folder) else { throw FileError(folder, "there is no such folder; give \(wanted)") }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
        .sorted()
    } catch {
      throw FileError(folder, "cannot be listed; check its permissions")
    }
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
