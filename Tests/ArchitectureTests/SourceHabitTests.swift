import Testing

@Suite struct SourceHabitTests {
  @Test func `no file has more than 400 lines`() throws {
    for file in try SourceFile.all() {
      #expect(file.lines.count <= 401, "\(file.path)")  // the last line ends in a newline
    }
  }

  /// Bad input is an error with a sentence, never the end of the process.
  @Test(arguments: ["fatalError(", "try!", "as! ", "unsafeFlags", "TODO", "FIXME"])
  func `nothing that traps or waits to be done is left in Swift`(leftOver: String) throws {
    for file in try SourceFile.all() where file.isSwift {
      for (number, line) in file.lines.enumerated() where line.contains(leftOver) {
        Issue.record("Sources/\(file.path):\(number + 1): \(line)")
      }
    }
  }
}
