import Foundation
import Synchronization
import Tensors
import Testing

@testable import Formats

/// Every reader on damaged files: a result or one line that says what is wrong; never a crash, a hang or more memory
/// than the file is worth. `scripts/fuzz` runs these for longer, by the settings in the environment.
@Suite(.serialized) struct FuzzTests {
  @Test(arguments: FuzzedReader.all.filter { FuzzSettings.reader == nil || FuzzSettings.reader == $0.name })
  func survivesDamagedFiles(reader: FuzzedReader) throws {
    let files = try reader.files()
    for file in files { try reader.read(file) }
    let largest = files.map(\.count).max() ?? 0
    var (number, refused) = (FuzzSettings.first, 0)
    let start = Stopwatch.now
    while FuzzSettings.goesOn(after: number - FuzzSettings.first, since: start) {
      var mutation = Mutation(seed: number)
      let bytes = mutation.damaged(files)
      FuzzWatch.begin(reader.name, number)
      defer { FuzzWatch.end() }
      do {
        try reader.read(bytes)
      } catch {
        refused += 1
        let text = "\(error)"
        #expect(error is FileError || error is ShapeError, "input \(number): \(type(of: error)): \(text)")
        #expect(!text.isEmpty && !text.contains("\n") && text.count < 4000, "input \(number): \(text)")
      }
      number += 1
    }
    #expect(refused > 0)
    // Only where nothing else runs is the most memory ever taken that of the reader.
    if FuzzSettings.isAlone {
      let limit = max(64 << 20, largest * reader.growth)
      #expect(BufferPool.peakBytes <= limit, "\(BufferPool.peakBytes) bytes of tensors at once")
    }
  }

  @Test func theSameNumberGivesTheSameDamage() {
    let file = Array(0..<200 as Range<UInt8>)
    var (one, again, other) = (Mutation(seed: 7), Mutation(seed: 7), Mutation(seed: 8))
    let damaged = one.damaged([file])
    #expect(damaged == again.damaged([file]) && damaged != file && damaged != other.damaged([file]))
  }
}

/// What `scripts/fuzz` asks for.
enum FuzzSettings {
  private static let environment = ProcessInfo.processInfo.environment
  static let reader = environment["QSCRIPT_FUZZ_READER"]
  static let first = environment["QSCRIPT_FUZZ_FROM"].flatMap { UInt64($0) } ?? 0
  static let isAlone = environment["QSCRIPT_FUZZ_NOTE"] != nil
  private static let runs = environment["QSCRIPT_FUZZ_RUNS"].flatMap { UInt64($0) } ?? 500
  private static let seconds = environment["QSCRIPT_FUZZ_MINUTES"].flatMap { Double($0) }.map { $0 * 60 }
  /// For so many inputs, or for the time that each reader gets.
  static func goesOn(after count: UInt64, since start: Double) -> Bool {
    seconds.map { Stopwatch.now - start < $0 } ?? (count < runs)
  }
}

/// Notes which input is being read, where a script will look for it after a crash, and ends a process that hangs.
enum FuzzWatch {
  private struct State {
    var since: Double?
    var input = ""
  }

  private static let state = Mutex(State())
  private static let note = ProcessInfo.processInfo.environment["QSCRIPT_FUZZ_NOTE"]
  /// Far above what any input takes, on a busy machine too.
  private static let limit = 120.0
  private static let watch: Void = {
    Thread.detachNewThread {
      while true {
        Thread.sleep(forTimeInterval: 1)
        state.withLock { state in
          guard let since = state.since, Stopwatch.now - since > limit else { return }
          FileHandle.standardError.write(Data("hangs: \(state.input)\n".utf8))
          abort()
        }
      }
    }
  }()

  static func begin(_ reader: String, _ number: UInt64) {
    _ = watch
    state.withLock { $0 = State(since: Stopwatch.now, input: "\(reader) --from \(number)") }
    if let note { try? Data("\(reader) --from \(number)\n".utf8).write(to: URL(fileURLWithPath: note)) }
  }

  static func end() { state.withLock { $0.since = nil } }
}
