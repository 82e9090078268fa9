import Compression
import Deployment
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

@Suite struct ProgramFileTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  private func program() throws -> Program {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    return try Program(compiling: StaticQuantization()(graph, calibration: [images(64, seed: 2)]))
  }

  @Test func computesTheSameBitsAfterReading() throws {
    let before = try program()
    let bytes = try ProgramFile.encode(before)
    let after = try ProgramFile.decode(bytes)
    let x = try images(9, seed: 5)
    #expect(try before(x).array(Float.self) == after(x).array(Float.self))
    #expect(try ProgramFile.encode(after) == bytes)
    #expect(after.macs == before.macs && after.nonZeroCount == before.nonZeroCount)
  }

  @Test func keepsTransformers() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 6, 16], (0..<384).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: EncoderNet(seed: 3, isCausal: true), [x])
    let before = try Program(compiling: StaticQuantization()(graph, calibration: [x]))
    let bytes = try ProgramFile.encode(before)
    let after = try ProgramFile.decode(bytes)
    #expect(try before(x).array(Float.self) == after(x).array(Float.self))
    #expect(try ProgramFile.encode(after) == bytes)
  }

  @Test func keepsRecurrentNetworks() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 7, 6], (0..<168).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: SequenceNet(seed: 3, bidirectional: true), [x])
    let before = try Program(compiling: StaticQuantization()(graph, calibration: [x]))
    let bytes = try ProgramFile.encode(before)
    let after = try ProgramFile.decode(bytes)
    #expect(try before(x).array(Float.self) == after(x).array(Float.self))
    #expect(try ProgramFile.encode(after) == bytes)
  }

  @Test func keepsTransformersOfFewBits() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 6, 16], (0..<384).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: EncoderNet(seed: 3), [x])
    let quantize = StaticQuantization(
      weights: WeightScheme(.integer(bits: 3)), activations: ActivationScheme(bits: 5))
    let before = try Program(compiling: quantize(graph, calibration: [x]))
    let bytes = try ProgramFile.encode(before)
    let after = try ProgramFile.decode(bytes)
    #expect(try before(x * 2).array(Float.self) == after(x * 2).array(Float.self))
    #expect(try ProgramFile.encode(after) == bytes)
  }

  /// Version 1 where nothing new is in it.
  @Test func fewerBitsMakeAFileSmaller() throws {
    let graph = try Graph(capturing: Sequential([LinearLayer(256, 256)]), [Tensor.ones([1, 256])])
    let x = try Tensor([4, 256], (0..<1024).map { Float($0 % 17) - 8 })
    func bytes(_ weights: WeightScheme) throws -> [UInt8] {
      let program = try Program(compiling: StaticQuantization(weights: weights)(graph, calibration: [x]))
      let bytes = try ProgramFile.encode(program)
      #expect(try program(x).array(Float.self) == ProgramFile.decode(bytes)(x).array(Float.self))
      return bytes
    }
    let full = try bytes(WeightScheme())
    #expect(full[7] == 1)
    for (levels, bits) in [
      (WeightScheme.Levels.integer(bits: 4), 4), (.integer(bits: 3), 3), (.integer(bits: 2), 1.6),
      (.ternary, 1.6),
      (.binary, 1),
    ] {
      let few = try bytes(WeightScheme(levels))
      #expect(few[7] == 2)
      let saved = Double(full.count - few.count)
      #expect(abs(saved - 65536 * (8 - bits) / 8) < 200, "\(levels): \(few.count) of \(full.count) bytes")
    }
  }

  @Test func keepsMixedPrograms() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 6, 16], (0..<384).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: EncoderNet(seed: 3, isCausal: true), [x])
    let scheme = WeightScheme(.integer(bits: 4), .group(16), isSymmetric: false)
    for mixed in [
      try WeightQuantization(weights: scheme, activations: .float)(graph),
      try WeightQuantization(activations: .dynamic)(graph),
      try StaticQuantization(layers: ["attention": .float, "norms": .float])(graph, calibration: [x]),
    ] {
      let before = try Program(compiling: mixed)
      let bytes = try ProgramFile.encode(before)
      #expect(bytes[7] == 2)
      let after = try ProgramFile.decode(bytes)
      #expect(after.isMixed)
      #expect(try before(x).array(Float.self) == after(x).array(Float.self))
      #expect(try ProgramFile.encode(after) == bytes)
      for length in stride(from: 0, to: bytes.count, by: 131) {
        #expect(throws: ShapeError.self) { try ProgramFile.decode(Array(bytes[..<length])) }
      }
    }
  }

  /// What the checksum cannot catch in a mixed program.
  @Test func trustsNoManifestOfAMixedProgram() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 6, 16], (0..<384).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: EncoderNet(seed: 3), [x])
    let bytes = try ProgramFile.encode(
      Program(
        compiling: WeightQuantization(weights: WeightScheme(.integer(bits: 4)), activations: .float)(graph)))
    for (old, new) in [
      ("\"weights_levels\":16", "\"weights_levels\":99"), ("\"op\":\"attention\"", "\"op\":\"attentiom\""),
      ("value f32,16 f32,16", "value f32,16 f32,19"), ("\"heads\":2", "\"heads\":0"),
      ("\"type\":\"f32\"", "\"type\":\"f64\""), ("\"operands\":\"value\"", "\"operands\":\"valuf\""),
    ] {
      var forged = bytes
      let text = Array(old.utf8)
      let position = try #require(forged.indices.first { forged[$0...].starts(with: text) }, "\(old)")
      forged.replaceSubrange(position..<position + text.count, with: Array(new.utf8))
      let checksum = ProgramFile.checksum(Array(forged[12...]))
      forged.replaceSubrange(8..<12, with: withUnsafeBytes(of: checksum.littleEndian, Array.init))
      #expect(throws: ShapeError.self, "\(old)") { try ProgramFile.decode(forged)(x) }
    }
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = try ProgramFile.encode(program())
    for length in stride(from: 0, to: bytes.count, by: 97) {
      #expect(throws: ShapeError.self) { try ProgramFile.decode(Array(bytes[..<length])) }
    }
  }

  @Test(arguments: 0..<64 as Range<UInt64>)
  func refusesEveryFlippedBit(seed: UInt64) throws {
    var generator = Generator(seed: seed)
    var bytes = try ProgramFile.encode(program())
    bytes[generator.index(below: bytes.count)] ^= 1 << UInt8(generator.index(below: 8))
    #expect(throws: ShapeError.self) { try ProgramFile.decode(bytes) }
  }

  @Test func namesTheFileAndTheRemedy() throws {
    let path = "/tmp/qscript-\(UInt64.random(in: 0...UInt64.max)).qsm"
    try AtomicFile.write(Array("not a program, but long enough".utf8), to: path)
    let error = #expect(throws: FileError.self) { try ProgramFile.read(path) }
    #expect(error?.description == "\(path): is not a qscript program (it does not start with 'QSMODEL')")
  }

  /// What the checksum cannot catch: a manifest that was made on purpose.
  @Test func trustsNoManifest() throws {
    let bytes = try ProgramFile.encode(program())
    for (old, new) in [
      ("\"inputs\":[0]", "\"inputs\":[9]"), ("\"groups\":1", "\"groups\":0"), ("[2,8,8]", "[2,8,9]"),
    ] {
      var forged = bytes
      let text = Array(old.utf8)
      let position = try #require(forged.indices.first { forged[$0...].starts(with: text) })
      forged.replaceSubrange(position..<position + text.count, with: Array(new.utf8))
      let checksum = ProgramFile.checksum(Array(forged[12...]))
      forged.replaceSubrange(8..<12, with: withUnsafeBytes(of: checksum.littleEndian, Array.init))
      #expect(throws: ShapeError.self) { try ProgramFile.decode(forged) }
    }
  }
}
