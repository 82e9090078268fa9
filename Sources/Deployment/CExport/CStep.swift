import Compression
import Tensors

/// A step that can be written in C.
protocol CExportable: IntegerStep {
  /// Bytes of memory it needs while it runs, on one sample.
  var cScratchBytes: Int { get }
  /// The same for floats.
  var cScratchFloats: Int { get }
  /// Writes its constants, and the call that computes it on one sample.
  func write(to c: inout CStep) throws
}

extension CExportable {
  var cScratchBytes: Int { 0 }
  var cScratchFloats: Int { 0 }
}

/// Where one step writes its part of a program in C.
struct CStep {
  let prefix: String
  /// Counted from 1.
  let number: Int
  /// Where its inputs, its result and its scratch memory lie, as expressions.
  let inputs: [String]
  let output: String
  let scratch: String
  /// An array of floats; empty where it needs none.
  let scratchFloats: String

  /// The files of `CKernels/include/plain` it needs.
  private(set) var files: [String] = []
  private(set) var constants: [UInt8] = []
  /// Of its arrays.
  private(set) var constantBytes = 0
  private(set) var statements = ""

  init(
    prefix: String, number: Int, inputs: [String], output: String, scratch: String, scratchFloats: String
  ) {
    (self.prefix, self.number, self.inputs) = (prefix, number, inputs)
    (self.output, self.scratch, self.scratchFloats) = (output, scratch, scratchFloats)
  }

  /// The name that `qk_name` has in the program.
  func kernel(_ name: String) -> String { "\(prefix)_\(name)" }

  /// A name of this step's own. No kernel's name starts with a digit.
  private func own(_ name: String) -> String { "\(prefix)_\(number)_\(name)" }

  /// An array, `row` numbers to a line or as many as fit it; the answer is its name.
  mutating func array<T: CNumbers.Element>(
    _ name: String, _ values: [T], row: Int? = nil, _ meaning: String
  ) throws -> String {
    let widest = 110
    constants += Array("/* \(meaning) */\nstatic const \(T.cType) \(own(name))[\(values.count)] = {".utf8)
    var column = widest
    for (i, value) in values.enumerated() {
      let text = try value.c
      if column + text.utf8.count + 2 > widest || row.map({ i % $0 == 0 }) ?? false {
        constants += Array("\n  ".utf8)
        column = 2
      }
      constants += text.utf8
      constants.append(UInt8(ascii: ","))
      column += text.utf8.count + 1
    }
    constants += Array("\n};\n".utf8)
    constantBytes += values.count * T.cBytes
    return own(name)
  }

  /// A constant of one of the kernels' types; the answer is an expression for its address.
  mutating func structure(_ type: String, _ name: String, _ fields: [(String, String)]) -> String {
    constants += Array("static const \(kernel(type)) \(own(name)) = {\n ".utf8)
    var column = 1
    for (i, (field, value)) in fields.enumerated() {
      let text = ".\(field) = \(value)\(i + 1 < fields.count ? "," : "")"
      if column + text.utf8.count > 105 {
        constants += Array("\n ".utf8)
        column = 1
      }
      constants += Array(" \(text)".utf8)
      column += text.utf8.count + 1
    }
    constants += Array("\n};\n".utf8)
    return "&\(own(name))"
  }

  /// Calls `qk_function` of `file`.
  mutating func call(_ function: String, of file: String, _ arguments: [String]) {
    files.append(file)
    statements += "  \(kernel(function))(\(arguments.joined(separator: ", ")));\n"
  }

  /// A multiplier or scale, which the kernels ask to be positive.
  func scale(_ value: Float) throws -> String {
    try require(value > 0 && value.isFinite, "export", "a multiplier is \(value), not a positive number")
    return try value.c
  }
}
