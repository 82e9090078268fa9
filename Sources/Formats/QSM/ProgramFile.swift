import CZlib
import Compression
import Deployment
import Foundation
import Tensors

/// `.qsm`: a compiled program in one file, for the path of any processor (weights are packed when it is loaded).
///
/// ```
/// 0   8 bytes  "QSMODEL" and the format version
/// 8   u32      CRC-32 (zlib's) of everything from byte 12 on
/// 12  u32      bytes of the manifest
/// 16  JSON     the manifest: shapes, steps, and where each array lies; keys sorted
///     bytes    the arrays, each at a multiple of 64 bytes from the end of the manifest, rounded up to 64
/// ```
/// All numbers are little-endian. The same program gives the same bytes.
///
/// Version 2 has steps that version 1 does not know: weights in less than 8 bits each, steps in f32, several inputs and
/// results. A program that needs none of them is written as version 1, and both are read.
public enum ProgramFile {
  public static let versions: ClosedRange<UInt8> = 1...2
  private static let magic = Array("QSMODEL".utf8)
  private static let alignment = 64
  private static let headerBytes = 16

  private struct Manifest: Codable {
    var input: [Int]
    var output: [Int]
    var parameters: Int
    var nonZeros: Int
    var steps: [Step]
    // Of version 2: what goes in and comes out of a mixed program.
    var inputs: [Port]?
    var outputs: [Port]?

    var needsVersion2: Bool {
      inputs != nil
        || steps.contains { step in
          step.strings != nil || step.integers.keys.contains { $0.hasSuffix("_levels") }
        }
    }
  }

  private struct Port: Codable {
    var name: String
    var shape: [Int]
    var open: [Int]
    var type: String
    var value: Int
  }

  private struct Step: Codable {
    var name: String
    var kind: String
    var inputs: [Int]
    var macs: Int
    var integers: [String: Int]
    var floats: [String: Float]
    /// Offset and length of each array.
    var arrays: [String: [Int]]
    // Of version 2.
    var strings: [String: String]?
    var shape: [Int]?
  }

  // MARK: Writing

  public static func encode(_ program: Program) throws -> [UInt8] {
    var arrays: [UInt8] = []
    let steps = program.instructions.map { instruction in
      var record = StepRecord()
      instruction.step.encode(to: &record)
      var places: [String: [Int]] = [:]
      for (name, bytes) in record.blobs.sorted(by: { $0.key < $1.key }) {
        arrays += padding(arrays.count)
        places[name] = [arrays.count, bytes.count]
        arrays += bytes
      }
      return Step(
        name: instruction.name, kind: type(of: instruction.step).kind, inputs: instruction.inputs,
        macs: instruction.macs, integers: record.integers, floats: record.floats, arrays: places,
        strings: record.strings.isEmpty ? nil : record.strings, shape: instruction.shape?.dims)
    }
    let manifest = Manifest(
      input: program.inputShape.dims, output: program.outputShape.dims, parameters: program.parameterCount,
      nonZeros: program.nonZeroCount, steps: steps, inputs: program.isMixed ? program.inputs.map(port) : nil,
      outputs: program.isMixed ? program.outputs.map(port) : nil)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = Array(try encoder.encode(manifest))
    var body = little(UInt32(json.count)) + json
    body += padding(headerBytes - 4 + body.count)
    body += arrays
    let version = manifest.needsVersion2 ? versions.upperBound : versions.lowerBound
    return magic + [version] + little(checksum(body)) + body
  }

  public static func write(_ program: Program, to path: String) throws {
    try AtomicFile.write(encode(program), to: path)
  }

  // MARK: Reading

  public static func read(_ path: String) throws -> Program { try read(AtomicFile.read(path), path: path) }

  /// A program from a file's bytes; errors name `path`.
  static func read(_ bytes: [UInt8], path: String) throws -> Program {
    do {
      return try decode(bytes)
    } catch let error as ShapeError {
      throw FileError(path, "\(error.problem)")
    }
  }

  public static func decode(_ bytes: [UInt8]) throws -> Program {
    try require(
      bytes.count >= headerBytes && bytes.starts(with: magic), "program",
      "is not a qscript program (it does not start with 'QSMODEL')")
    try require(
      versions.contains(bytes[7]), "program",
      "has format version \(bytes[7]), this qscript reads versions \(versions.lowerBound) to \(versions.upperBound); "
        + "compile the model again or update qscript"
    )
    let body = bytes[12...]
    try require(
      checksum(Array(body)) == number(bytes, at: 8), "program",
      "is damaged: its checksum does not match; copy or compile it again")
    let length = Int(number(bytes, at: 12))
    try require(headerBytes + length <= bytes.count, "program", "is cut short")
    let manifest: Manifest
    do {
      manifest = try JSONDecoder().decode(
        Manifest.self, from: Data(bytes[headerBytes..<headerBytes + length]))
    } catch {
      throw ShapeError("program", "has a manifest this qscript cannot read")
    }
    let arraysStart = headerBytes + length + padding(headerBytes + length).count
    let instructions = try manifest.steps.map { try instruction($0, bytes.dropFirst(arraysStart)) }
    if let inputs = manifest.inputs, let outputs = manifest.outputs {
      return try Program(
        instructions, inputs: inputs.map(port), outputs: outputs.map(port),
        parameterCount: manifest.parameters, nonZeroCount: manifest.nonZeros)
    }
    return try Program(
      instructions, input: Shape(checking: manifest.input, for: "program"),
      output: Shape(checking: manifest.output, for: "program"), parameterCount: manifest.parameters,
      nonZeroCount: manifest.nonZeros)
  }

  private static func port(_ port: Program.Port) -> Port {
    Port(
      name: port.name, shape: port.shape.dims, open: port.open.sorted(), type: port.dtype.rawValue,
      value: port.value)
  }

  private static func port(_ port: Port) throws -> Program.Port {
    guard let type = DType(rawValue: port.type) else {
      throw ShapeError("program", "has numbers of an unknown type '\(port.type)'")
    }
    // Room for the batch.
    try require(
      port.shape.count < Shape.maximumRank, "program", "has an input of \(port.shape.count) dimensions")
    return Program.Port(
      name: port.name, shape: try Shape(checking: port.shape, for: "program"), open: Set(port.open),
      dtype: type, value: port.value)
  }

  private static let kinds: [any (ProgramStep & SendableMetatype).Type] = [
    IntegerQuantize.self, IntegerDequantize.self, IntegerFlatten.self, IntegerConv2d.self, IntegerLinear.self,
    IntegerAdd.self, IntegerMul.self, IntegerLookup.self, IntegerPool2d.self, IntegerSoftmax.self,
    IntegerAttention.self, IntegerLayerNorm.self, IntegerConcat.self, IntegerLSTM.self, IntegerSelect.self,
    LowBitLinearStep.self, LowBitEmbeddingStep.self, FloatStep.self,
  ]

  private static func instruction(_ step: Step, _ arrays: ArraySlice<UInt8>) throws -> Program.Instruction {
    guard let kind = kinds.first(where: { $0.kind == step.kind }) else {
      throw ShapeError("program", "has a step '\(step.kind)' this qscript does not know; update qscript")
    }
    var record = StepRecord()
    record.integers = step.integers
    record.floats = step.floats
    record.strings = step.strings ?? [:]
    for (name, place) in step.arrays {
      try require(
        place.count == 2 && place[0] >= 0 && place[1] >= 0 && place[0] <= arrays.count
          && place[1] <= arrays.count - place[0], "program", "has an array outside of the file")
      let start = arrays.startIndex + place[0]
      record.blobs[name] = Array(arrays[start..<start + place[1]])
    }
    return Program.Instruction(
      name: step.name, step: try kind.init(from: record), inputs: step.inputs, macs: step.macs,
      shape: try step.shape.map { extents in
        try require(
          extents.count < Shape.maximumRank, "program", "has a result of \(extents.count) dimensions")
        return try Shape(checking: extents, for: "program")
      })
  }

  // MARK: Bytes

  private static func padding(_ count: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: (alignment - count % alignment) % alignment)
  }

  private static func little(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(truncatingIfNeeded: bytes.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) })
  }
}
