import Compression
import Tensors

/// A program as one file of C99 that stands alone: its weights and the kernels it needs, for one sample at a time.
///
/// The kernels are the files of `CKernels/include/plain` as they are, but for the names: the file gives the program's
/// bits wherever floats are those of IEEE 754.
public struct CExport {
  /// What enters the function.
  public enum Input: String, CaseIterable, Sendable {
    /// As the program takes it.
    case f32
    /// The bytes behind the program's first step, which is left out.
    case u8
  }

  let program: Program
  let prefix: String
  let input: Input

  /// - Parameter prefix: what the file's names start with; a name of C.
  public init(_ program: Program, prefix: String, input: Input = .f32) throws {
    try require(
      Self.isPrefix(prefix), "export",
      "'\(prefix)' cannot start the names of a C program; use letters, digits and underscores, a letter first"
    )
    (self.program, self.prefix, self.input) = (program, prefix, input)
  }

  /// A file's name without folder and ending, as far as names of C may hold it: `my-model.c` gives `my_model`.
  public static func prefix(forFile path: String) -> String {
    let file = path.split(separator: "/").last ?? ""
    let stem = file.lastIndex(of: ".").map { file[..<$0] } ?? file
    let name = String(decoding: stem.utf8.map { $0.isPartOfName ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    return isPrefix(name) ? name : isPrefix("model_\(name)") ? "model_\(name)" : "model"
  }

  private static func isPrefix(_ name: String) -> Bool {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    return name.utf8.allSatisfy(\.isPartOfName)
      && (name.utf8.first.map { letters.contains($0 | 32) } ?? false)
      && name.utf8.count <= 64 && name.utf8.last != UInt8(ascii: "_")
  }

  // MARK: The file

  /// Its bytes; the same program gives the same ones.
  ///
  /// - Throws: where a step has no form in C, or the program is too large for one.
  public func text() throws -> [UInt8] {
    let memory = try CMemory(program, prefix: prefix, input: input)
    var sources = CSources(prefix: prefix)
    var (constants, statements, constantBytes) = ([UInt8](), "", 0)
    for (i, instruction) in program.instructions.enumerated() where !memory.isLeftOut(i) {
      let step = try written(instruction, i, memory)
      for file in step.files { try sources.add(file) }
      let title = "\(i + 1). \(CNumbers.comment(instruction.name)): \(type(of: instruction.step).kind)"
      if !step.constants.isEmpty { constants += Array("/* ---- \(title) */\n".utf8) + step.constants + [10] }
      statements += "  /* \(title) */\n\(step.statements)"
      constantBytes += step.constantBytes
    }
    let face = CFace(
      self, memory, constantBytes: constantBytes, needsMath: sources.headers.contains("math.h"))
    let includes = sources.headers.union(["stdint.h"]).sorted().map { "#include <\($0)>\n" }.joined()
    return Array("\(face.comment)\n\(face.declarations)\n\(includes)\n\(sources.text)".utf8)
      + Array("/* ==== Weights and tables ==== */\n\n".utf8) + constants
      + Array("\(memory.definitions)\n\(face.prototype) {\n\(statements)}\n\n\(face.end)".utf8)
  }

  private func written(_ instruction: Program.Instruction, _ index: Int, _ memory: CMemory) throws -> CStep {
    let kind = type(of: instruction.step).kind
    guard let step = instruction.step as? any CExportable else {
      throw ShapeError("export", "step '\(instruction.name)' (\(kind)) has no form in C")
    }
    var c = CStep(
      prefix: prefix, number: index + 1, inputs: instruction.inputs.map { memory.values[$0] },
      output: memory.values[index + 1], scratch: memory.scratch[index],
      scratchFloats: memory.scratchFloats[index])
    do {
      try step.write(to: &c)
    } catch let error as ShapeError {
      throw ShapeError("export", "step '\(instruction.name)' (\(kind)): \(error.problem)")
    }
    return c
  }
}
