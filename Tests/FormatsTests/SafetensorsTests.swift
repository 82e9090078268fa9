import Models
import Tensors
import Testing

@testable import Formats

/// A file with this header and this many bytes of data.
private func file(_ header: String, data: Int = 0) -> [UInt8] {
  let json = Array(header.utf8)
  return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    + [UInt8](repeating: 1, count: data)
}

private func entry(_ name: String, _ type: String, _ shape: String, _ offsets: String) -> String {
  #""\#(name)":{"data_offsets":\#(offsets),"dtype":"\#(type)","shape":\#(shape)}"#
}

@Suite struct SafetensorsTests {
  @Test(arguments: DType.allCases)
  func keepsEveryElementType(dtype: DType) throws {
    let tensor = try Tensor.from([0, 1, 0, 1, 1, 0], [2, 3], dtype)
    let read = try Safetensors(decoding: Safetensors(["a": tensor]).encoded(), path: "f").tensors["a"]
    #expect(read?.dtype == dtype && read?.shape == [2, 3])
    #expect(try read?.doubles() == tensor.doubles())
  }

  @Test func keepsMetadataScalarsAndEmptyTensors() throws {
    let saved = Safetensors(["s": try .scalar(2.5), "e": try .ones([0, 3])], metadata: ["k": "v / \"w\""])
    let read = try Safetensors(decoding: saved.encoded(), path: "f")
    #expect(read.metadata == ["k": "v / \"w\""])
    #expect(try read.tensors["s"]?.item() == 2.5)
    #expect(read.tensors["e"]?.shape == [0, 3])
  }

  @Test func writesWhatTheFormatSays() throws {
    let bytes = try Safetensors(["b": try Tensor([1], [UInt8(7)]), "a": try Tensor([1], [Int32(1)])])
      .encoded()
    let length = Int(bytes[0]) | Int(bytes[1]) << 8
    #expect(length % 8 == 0)
    #expect(
      String(decoding: bytes[8..<8 + length], as: UTF8.self).trimmingSuffix(" ")
        == "{" + entry("a", "I32", "[1]", "[0,4]") + "," + entry("b", "U8", "[1]", "[4,5]") + "}")
    #expect(Array(bytes[(8 + length)...]) == [1, 0, 0, 0, 7])
  }

  @Test func savesChannelsLastTensorsInRowMajorOrder() throws {
    let tensor = try Tensor([1, 2, 2, 1], [Float(1), 2, 3, 4]).copy(format: .channelsLast)
    let read = try Safetensors(decoding: Safetensors(["a": tensor]).encoded(), path: "f").tensors["a"]
    #expect(try read?.array(Float.self) == [1, 2, 3, 4])
  }

  @Test(
    arguments: [
      ([1, 2, 3], "is not a safetensors file: it has only 3 bytes"),
      (
        [UInt8](repeating: 255, count: 12),
        "is truncated or no safetensors file: its header should have 18446744073709551615 bytes, 4 follow"
      ),
      (file("[1]"), "is not a safetensors file: its header is not a JSON object"),
      (file("{nonsense"), "is not a safetensors file: its header is not a JSON object"),
      (
        file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", data: 7),
        "is truncated: tensor 'a' ends at byte 8 of the data, which has 7; fetch or save the file again"
      ),
      (
        file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", data: 9),
        "has 1 bytes after its last tensor; fetch or save the file again"
      ),
      (
        file("{" + entry("a", "F32", "[3]", "[0,8]") + "}", data: 8),
        "is damaged: tensor 'a' is F32 [3], 12 bytes, but its offsets span 8"
      ),
      (
        file("{" + entry("a", "U8", "[4]", "[0,4]") + "," + entry("b", "U8", "[4]", "[2,6]") + "}", data: 6),
        "is damaged: tensor 'b' at bytes 2 to 6 overlaps another tensor"
      ),
      (
        file("{" + entry("a", "U8", "[4]", "[2,6]") + "}", data: 6),
        "is damaged: tensor 'a' at bytes 2 to 6 leaves a gap before it"
      ),
      (
        file("{" + entry("a", "U8", "[4]", "[-4,0]") + "}"),
        "is damaged: tensor 'a' has impossible offsets [-4, 0]"
      ),
      (
        file("{" + entry("a", "U8", "[-4]", "[0,4]") + "}", data: 4),
        "is damaged: tensor 'a' has an impossible shape [-4]"
      ),
      (
        file("{" + entry("a", "U8", "[4611686018427387904,4]", "[0,4]") + "}", data: 4),
        "is damaged: tensor 'a' has an impossible shape [4611686018427387904, 4]"
      ),
      (
        file("{" + entry("a", "F8", "[1]", "[0,1]") + "}", data: 1),
        "tensor 'a' has element type F8; BOOL, U8, I8, I32, I64, F32, F64, F16, BF16, I16, U16, U32 are read"
      ),
      (
        file(#"{"a":{"dtype":"U8"}}"#),
        "is damaged: tensor 'a' lacks dtype, shape or data_offsets, or they are of the wrong kind"
      ),
      (file(#"{"__metadata__":{"k":1}}"#), "is damaged: its metadata must hold text only"),
    ] as [([UInt8], String)])
  func explains(bytes: [UInt8], problem: String) {
    let error = #expect(throws: FileError.self) { try Safetensors(decoding: bytes, path: "m.safetensors") }
    #expect(error?.description == "m.safetensors: " + problem)
  }

  @Test func refusesEveryTruncationOfAFile() throws {
    let bytes = try Safetensors(["a": try .ones([2, 3]), "b": try .ones([5], .u8)]).encoded()
    for length in 0..<bytes.count {
      #expect(throws: FileError.self) { try Safetensors(decoding: Array(bytes[..<length]), path: "f") }
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    String(reversed().drop { $0 == character }.reversed())
  }
}

@Suite struct SafetensorsModuleTests {
  private func model() throws -> Sequential { Sequential([try LinearLayer(3, 2), try BatchNormLayer(2)]) }

  @Test func aModuleSurvivesTheFile() throws {
    try withTemporaryFolder { folder in
      let (saved, loaded) = (try model(), try model())
      try Safetensors(saved).write(to: folder + "/m.safetensors")
      try loaded.load(TensorFile.read(folder + "/m.safetensors"), path: "m")
      let x = try Tensor.ones([4, 3])
      for model in [saved, loaded] { model.setTraining(false) }
      #expect(try saved(x).array(Float.self) == loaded(x).array(Float.self))
      #expect(try Safetensors(saved).encoded() == Safetensors(loaded).encoded())
    }
  }

  @Test func reportsWhatDoesNotFit() throws {
    let module = try model()
    var file = Safetensors(module)
    file.tensors["0.weight"] = try .ones([2, 4])
    file.tensors["1.bias"] = nil
    file.tensors["2.weight"] = try .ones([1])
    file.tensors["1.num_batches_tracked"] = try .ones([], .i64)
    let before = try module.namedParameters().map { try $0.parameter.value.doubles() }
    let error = #expect(throws: FileError.self) { try module.load(file.tensors, path: "m") }
    #expect(
      error?.description == "m: does not fit the model (missing: '1.bias'; unexpected: '2.weight'; "
        + "of another shape: '0.weight' [2, 4], the model expects [2, 3]); "
        + "load with strict = false to take what fits")
    #expect(try module.namedParameters().map { try $0.parameter.value.doubles() } == before)
    file.tensors["0.bias"] = try .full([2], 9)
    let report = try module.load(file.tensors, strict: false, path: "m")
    #expect(report.missing == ["1.bias"] && report.unexpected == ["2.weight"] && report.loaded == 4)
    #expect(try module.namedParameters()[1].parameter.value.doubles() == [9, 9])
  }

  @Test func aFailedWriteLeavesNothing() {
    let error = #expect(throws: FileError.self) { try Safetensors([:]).write(to: "/nowhere/m.safetensors") }
    #expect(
      error?.description == "/nowhere/m.safetensors: cannot be written: there is no such file or folder")
  }
}
