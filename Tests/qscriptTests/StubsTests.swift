import Foundation
import Testing

@Suite struct StubsTests {
  @Test func `annotations for editors describe the library`() throws {
    let program = try Program()
    let ending = try program.run("stubs", "types/qscript")
    #expect(ending.code == 0)
    let library = try program.read("types/qscript/qs.lua")
    #expect(library.hasPrefix("---@meta"))
    #expect(library.contains("function qs.run("))
    #expect(try program.read("types/qscript/types.lua").contains("---@class run"))
  }

  @Test func `a place that cannot be written is one line`() throws {
    let program = try Program()
    try program.write("file", "")
    let ending = try program.run("stubs", "file")
    #expect(ending.code == 1)
    #expect(ending.errors.hasPrefix("qscript: stubs: cannot write to file "))
    #expect(ending.errors.split(separator: "\n").count == 1)
  }
}
