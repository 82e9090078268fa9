import Foundation

/// Where training calls keep their checkpoints, so that the same call of the same script finds its own again.
///
/// Files are called after the stage and the call, with a number where a stage has several. Those that nobody gave a
/// place to are in `checkpoints/<name>-<digest>/` of the runs' folder, where the digest is of the script's path, its
/// arguments and its parameters; they are there while the script has not come to its end.
public struct CheckpointPlaces {
  private var used: [String: Int] = [:]

  public init() {}

  /// The file of the next call in `folder`, which is made if need be.
  public mutating func next(in folder: String, call: String, stage: String?) throws -> String {
    try makeFolders(folder)
    let name = [stage?.replacingOccurrences(of: "/", with: "-"), call].compactMap(\.self).joined(
      separator: "-")
    used["\(folder)/\(name)", default: 0] += 1
    let count = used["\(folder)/\(name)", default: 1]
    return "\(folder)/\(name)\(count > 1 ? "-\(count)" : "").safetensors"
  }

  /// Whether `path` names a folder: one that is there, or that is written with a slash at its end.
  public static func isFolder(_ path: String) -> Bool { path.hasSuffix("/") || Runs.isFolder(path) }
}

extension Run {
  /// Where this run's checkpoints go that are given no other place; depends on the parameters so far.
  public func checkpointFolder() throws -> String {
    let record = record
    var hash = SHA256()
    let parameters = try JSONEncoder.forRuns(pretty: false).encode(record.parameters)
    let known = [record.script ?? "", String(record.seed)] + record.arguments
    hash.update(known.joined(separator: "\0").utf8)
    hash.update(parameters)
    let runs = files.path.prefix(upTo: files.path.lastIndex(of: "/") ?? files.path.startIndex)
    return "\(runs)/checkpoints/\(RunFolder.fileName(record.name))-\(hash.finish().prefix(8))"
  }

  /// Takes them away: the script has come to its end.
  public func removeCheckpoints(_ folder: String) throws {
    guard isFolder(folder) else { return }
    try FileManager.default.removeItem(atPath: folder)
    // Removes the folder of all scripts' checkpoints only where it is empty.
    rmdir(String(folder.prefix(upTo: folder.lastIndex(of: "/") ?? folder.endIndex)))
  }

  /// The innermost stage that runs.
  public var stage: String? { record.stages.last { $0.state == .running }?.name }
}
