import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

@Suite struct TensorFileTests {
  @Test func readsNarrowTypesAsWiderOnes() throws {
    let tensors = try TensorFile.read(Golden.path("safetensors/types.safetensors"))
    #expect(try tensors["f16"]?.array(Float.self) == [0, 1, -1.5, 65504, 0x1p-24])
    #expect(try tensors["bf16"]?.array(Float.self) == [0, 1, -1.5])
    #expect(try tensors["i16"]?.array(Int32.self) == [-32768, 32767])
    #expect(try tensors["u16"]?.array(Int32.self) == [0, 65535])
    #expect(try tensors["u32"]?.array(Int64.self) == [0, 4_294_967_295])
  }

  @Test func convertsEveryHalf() throws {
    let bits = (0...UInt16.max).map { $0 }
    let file = bits.withUnsafeBytes { MappedFile(copying: Array($0), as: "f") }
    let floats = try StoredType.f16.tensor([65536], file.bytes, owner: file).array(Float.self)
    for (bits, value) in zip(bits, floats) {
      let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023) / 1024)
      let size =
        exponent == 31
        ? (fraction == 0 ? Double.infinity : .nan)
        : exponent == 0 ? fraction * 0x1p-14 : (1 + fraction) * pow(2, Double(exponent - 15))
      #expect(size.isNaN ? value.isNaN : Double(value) == (bits & 0x8000 == 0 ? size : -size), "\(bits)")
    }
  }

  @Test func sharesTheMappingOfAlignedTensors() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m.safetensors"
      try Safetensors(["a": try .arange(start: 0, count: 1000)]).write(to: path)
      let file = try MappedFile(path)
      let tensor = try #require(Safetensors(file).tensors["a"])
      #expect(
        tensor.bytes >= file.bytes.baseAddress! && tensor.bytes < file.bytes.baseAddress! + file.bytes.count)
      tensor.floats[0] = 9
      #expect(try TensorFile.read(path)["a"]?.doubles().first == 0)
    }
  }

  @Test func readsTheFilesThatAnIndexNames() throws {
    let tensors = try TensorFile.read(Golden.path("safetensors/model.safetensors.index.json"))
    #expect(tensors.keys.sorted() == ["a", "b", "c"])
    #expect(try tensors["c"]?.array(Int64.self) == [0, 1, 2, 3])
  }

  @Test(arguments: [
    (
      "../m.safetensors",
      "names '../m.safetensors'; only .safetensors files in the index's own folder are read"
    ),
    ("/etc/passwd", "names '/etc/passwd'; only .safetensors files in the index's own folder are read"),
    ("m.safetensors", "says that 'b' is in 'm.safetensors', which does not have it; fetch both again"),
  ]) func refusesAnIndexThatIsWrong(file: String, problem: String) throws {
    try withTemporaryFolder { folder in
      try Safetensors(["a": .ones([1])]).write(to: folder + "/m.safetensors")
      let index = folder + "/model.safetensors.index.json"
      try AtomicFile.write(Array(#"{"weight_map": {"b": "\#(file)"}}"#.utf8), to: index)
      let error = #expect(throws: FileError.self) { try TensorFile.read(index) }
      #expect(error?.problem == problem)
    }
  }

  @Test func aCheckpointLoadsIntoAModule() throws {
    let module = Sequential([try LinearLayer(3, 2), try BatchNormLayer(2)])
    let path = Golden.path("torch/checkpoint.pt")
    let tensors = try TensorFile.read(path, key: "model")
    let error = #expect(throws: FileError.self) { try module.load(tensors, path: "c.pt") }
    #expect(
      error?.problem.hasSuffix(
        "; its names begin with 'module.', load with rename = {[\"^module%.\"] = \"\"}") == true)
    let renamed = Dictionary(uniqueKeysWithValues: tensors.map { (String($0.key.dropFirst(7)), $0.value) })
    #expect(try module.load(renamed, path: path).loaded == 6)
    #expect(try module.namedParameters()[0].parameter.value.doubles() == [0, 1, 2, 3, 4, 5])
  }
}
