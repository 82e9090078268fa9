import Compression
import Foundation
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

  private func convolutions() throws -> TFLiteModel {
    let path = NSTemporaryDirectory() + "places-\(UUID().uuidString).tflite"
    defer { unlink(path) }
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    quantized.setTraining(false)
    try TFLiteFile.write(quantized, to: path)
    return try TFLiteModel(MappedFile(copying: AtomicFile.read(path), as: "f.tflite"))
  }

  private func dequantize(_ source: Int, to place: Int) -> TFLiteOperator {
    TFLiteOperator(code: 6, inputs: [source], outputs: [place], options: nil)
  }

  /// Such places would be looked up in circles.
  @Test func refusesToWriteWhatIsStored() throws {
    let model = try convolutions()
    let first = try #require(model.operators.firstIndex { $0.name == "CONV_2D" })
    let weight = model.operators[first].inputs[1]
    let free = model.operators[first].outputs[0]
    let damages = [
      [dequantize(weight, to: weight)], [dequantize(weight, to: free), dequantize(free, to: weight)],
      [dequantize(weight, to: free), dequantize(free, to: free)],
      [TFLiteOperator(code: 19, inputs: model.inputs, outputs: [weight], options: nil)],
    ]
    for damage in damages {
      var damaged = model
      damaged.operators.insert(contentsOf: damage, at: first)
      #expect { try TFLiteImporter(damaged).run() } throws: {
        ($0 as? TFLiteRefusal)?.problem.hasSuffix("which has a value already") == true
      }
    }
  }

  @Test func aWeightBehindTwoConversionsKeepsItsScales() throws {
    var model = try convolutions()
    let first = try #require(model.operators.firstIndex { $0.name == "CONV_2D" })
    let convolution = model.operators[first]
    // Two more tensors that are computed.
    let count = model.tensors.count
    model.tensors += [model.tensors[convolution.outputs[0]], model.tensors[convolution.outputs[0]]]
    var inputs = convolution.inputs
    inputs[1] = count + 1
    model.operators[first] = TFLiteOperator(
      code: convolution.code, inputs: inputs, outputs: convolution.outputs, options: convolution.options)
    model.operators.insert(
      contentsOf: [dequantize(convolution.inputs[1], to: count), dequantize(count, to: count + 1)], at: first)
    let graph = try TFLiteImporter(model).run()
    #expect(graph.order.contains { graph.operation($0)?.op is QuantizedConv2d })
    #expect(!graph.order.contains { graph.operation($0)?.op is Conv2d })
  }
}
