import Foundation
import Testing

/// The built executable, run in a folder of its own.
final class Program {
  struct Ending {
    var code: Int32
    var signal: Int32?
    var output: String
    var errors: String
  }

  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "qscript-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Beside the test bundle.
  static let path: String = {
    let bundle = URL(filePath: ProcessInfo.processInfo.arguments[0]).resolvingSymlinksInPath()
    var folder = bundle.deletingLastPathComponent()
    while folder.path.count > 1 {
      let candidate = folder.appending(path: "qscript").path
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue {
        return candidate
      }
      folder.deleteLastPathComponent()
    }
    return "/nowhere/qscript"
  }()

  func write(_ name: String, _ text: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func read(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  /// Runs to the end; one that takes longer than a minute is killed.
  func run(_ arguments: String..., input: String = "", environment: [String: String] = [:]) throws -> Ending {
    try start(arguments, input: input, environment: environment).wait()
  }

  func start(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], executable: String = path
  ) throws -> Started {
    try Started(arguments, input: input, environment: environment, executable: executable, in: folder)
  }
}

/// A process that has begun. Its streams are files, so that it never waits for whoever reads them.
final class Started {
  let process = Process()
  private let output: URL
  private let errors: URL

  fileprivate init(
    _ arguments: [String], input: String, environment: [String: String], executable: String, in folder: URL
  ) throws {
    let place = folder.appending(path: ".\(UUID().uuidString)")
    let inputFile = place.appendingPathExtension("in")
    output = place.appendingPathExtension("out")
    errors = place.appendingPathExtension("err")
    try Data(input.utf8).write(to: inputFile)
    try Data().write(to: output)
    try Data().write(to: errors)
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var variables = ProcessInfo.processInfo.environment
    for name in ["QSCRIPT_RUNS", "QSCRIPT_ISA", "NO_COLOR"] { variables[name] = nil }
    variables["XDG_STATE_HOME"] = folder.path
    process.environment = variables.merging(environment) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
  }

  /// Waits until the process has printed `text`; false where it ends or stalls without.
  func hasPrinted(_ text: String) -> Bool {
    let deadline = Date.now + 30
    while Date.now < deadline {
      if let printed = try? String(contentsOf: output, encoding: .utf8), printed.contains(text) {
        return true
      }
      usleep(5000)
    }
    return false
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  func wait() throws -> Program.Ending {
    let deadline = Date.now + 60
    while process.isRunning {
      if Date.now > deadline { send(SIGKILL) }
      usleep(2000)
    }
    process.waitUntilExit()
    let wasKilled = process.terminationReason == .uncaughtSignal
    return Program.Ending(
      code: process.terminationStatus, signal: wasKilled ? process.terminationStatus : nil,
      output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }
}
