import Foundation

@testable import Runs

/// An empty folder of runs that goes with the test.
final class TemporaryStore: Sendable {
  let root = FileManager.default.temporaryDirectory.appending(path: "runs-test-\(UUID().uuidString)")
  var store: RunStore { RunStore(root: root) }

  deinit { try? FileManager.default.removeItem(at: root) }

  func begin(_ name: String = "digits") throws -> Run { try store.begin(.example(name)) }
}

extension RunDescription {
  static func example(_ name: String = "digits") -> RunDescription {
    var description = RunDescription(name: name, seed: 7, threads: 2, instructionSet: "portable")
    description.versions = ["qscript": "0.1", "oneDNN": "2.6"]
    return description
  }
}
