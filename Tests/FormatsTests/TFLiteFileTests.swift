import Compression
import Models
import TestSupport
import Tensors
import Testing

@testable import Formats

@Suite struct TFLiteFileTests {
  /// A root with a list of tables that are all the same one, which holds a list of as many numbers.
  private func shared(_ count: Int) -> [UInt8] {
    func little(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    // 0: root at 12; 4: the field table of both tables, one field at 4.
    var bytes = little(12) + [6, 0, 8, 0, 4, 0, 0, 0]
    bytes += little(12 - 4) + little(4)
    let list = bytes.count
    let child = list + 4 + 4 * count
    bytes += little(count)
    for i in 0..<count { bytes += little(child - (list + 4 + 4 * i)) }
    bytes += little(child - 4) + little(4) + little(count)
    for i in 0..<count { bytes += little(i) }
    return bytes
  }

  @Test func tablesMayShareAListButNotMultiplyIt() throws {
    func numbers(_ count: Int) throws -> Int {
      let file = MappedFile(copying: shared(count), as: "f")
      let tables = try FlatbufferTable(root: file.bytes).tables(0)
      return try tables.reduce(0) { try $0 + $1.integers(0, Int32.self).count }
    }
    #expect(try numbers(20) == 400)
    #expect { try numbers(2000) } throws: {
      ($0 as? FlatbufferTable.Malformed)?.problem.contains("share") == true
    }
  }

  @Test(.enabled(if: SharedData.folder("mlperf-tiny") != nil, "shared/data/mlperf-tiny is absent"))
  func theLowestWeightKeepsItsValue() throws {
    let folder = try #require(SharedData.folder("mlperf-tiny"))
    let bytes = try AtomicFile.read(folder + "/keyword_spotting/dscnn_int8.tflite")
    let file = MappedFile(copying: bytes, as: "f.tflite")
    let model = try TFLiteModel(file)
    let first = try #require(model.operators.first { $0.name == "CONV_2D" })
    let weight = model.tensors[first.inputs[1]]
    try weight.value().bytes.storeBytes(of: -128, as: Int8.self)
    let graph = try TFLiteFile.read(file)
    let leaf = try #require(graph.order.first { graph[$0].name == weight.name }.flatMap { graph.leaf($0) })
    let quantizer = try #require(leaf.constraint(WeightQuantizer.self))
    #expect(try quantizer.quantize(leaf.value).first == -128)
  }
}
