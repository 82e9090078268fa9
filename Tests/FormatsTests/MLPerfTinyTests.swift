import Foundation
import Models
import TestSupport
import Tensors
import Testing

@testable import Formats

/// The reference models of MLPerf Tiny, against what LiteRT computes with them.
@Suite(.enabled(if: SharedData.folder("mlperf-tiny") != nil, "shared/data/mlperf-tiny is absent"))
struct MLPerfTinyTests {
  private static let root = SharedData.folder("mlperf-tiny") ?? ""

  private func model(_ name: String) throws -> Graph {
    let path = Self.root + "/" + name
    let graph = try name.hasSuffix(".onnx") ? OnnxFile.read(path) : TFLiteFile.read(path)
    graph.setTraining(false)
    return graph
  }

  private func array(_ file: String, _ name: String) throws -> Tensor {
    let archive = try ZipFile(contentsOf: Self.root + "/" + file)
    return try Npy.decode(archive.read(#require(archive[name + ".npy"])), name)
  }

  private func expectClose(_ actual: Tensor, _ expected: Tensor, _ tolerance: Double) throws {
    #expect(actual.shape == expected.shape)
    for (a, b) in zip(try actual.doubles(), try expected.doubles()) {
      #expect(abs(a - b) <= tolerance * max(1, abs(b)))
    }
  }

  private func agreement(_ a: Tensor, _ b: Tensor) throws -> Double {
    let equal = try a.argmax(axis: 1).equal(b.argmax(axis: 1))
    return try equal.cast(to: .f64).mean().item()
  }

  /// The first images of CIFAR-10, [N, 3, 32, 32] with values 0 to 255.
  private func images(_ count: Int) throws -> Tensor {
    let folder = try #require(SharedData.folder("cifar10"))
    let bytes = try Gzip.decompress(
      AtomicFile.read(folder + "/data_batch_1_first4000.bin.gz"), path: "cifar10")
    let pixels = (0..<count).flatMap { i in bytes[i * 3073 + 1..<(i + 1) * 3073].map { Float($0) } }
    return try Tensor([count, 3, 32, 32], pixels)
  }

  /// The keyword spotting inputs as real numbers, [1000, 1, 49, 10].
  private func spectrograms() throws -> Tensor {
    let q = try Npy.read(Self.root + "/keyword_spotting/kws01_inputs.npy")
    return try ((q.cast(to: .f32) - 83) * 0.5847029089927673).reshaped([1000, 1, 49, 10])
  }

  private func accuracy(_ logits: Tensor) throws -> Double {
    let labels = try Npy.read(Self.root + "/keyword_spotting/kws01_labels.npy").cast(to: .i64)
    return try logits.argmax(axis: 1).equal(labels).cast(to: .f64).mean().item()
  }

  // MARK: Float

  @Test(arguments: ["ad01_fp32.onnx", "ad01_fp32.tflite"])
  func anomalyDetectionGivesTheReferencesNumbers(name: String) throws {
    let golden = "anomaly_detection/ad01_fp32.golden.npz"
    let y = try model("anomaly_detection/" + name)(array(golden, "input"))
    try expectClose(y, array(golden, "output"), 1e-4)
  }

  @Test(arguments: ["resnet8", "resnet_large"], [".onnx", ".tflite"])
  func imageClassificationGivesTheReferencesNumbers(name: String, form: String) throws {
    let y = try model("image_classification/\(name)_float" + form)(images(64))
    try expectClose(y, array("image_classification/\(name)_float.golden.npz", "output"), 1e-4)
  }

  @Test(arguments: [".onnx", ".tflite"])
  func visualWakeWordsGivesTheReferencesNumbers(form: String) throws {
    let golden = "visual_wake_words/mobilenet_v1_025_float.golden.npz"
    let x = try array(golden, "images_u8").permuted([0, 3, 1, 2]).cast(to: .f32) / 255
    try expectClose(
      model("visual_wake_words/mobilenet_v1_025_float" + form)(x), array(golden, "output"), 1e-4)
  }

  @Test func keywordSpottingReachesItsAccuracy() throws {
    let y = try model("keyword_spotting/dscnn_float.onnx")(spectrograms())
    try expectClose(y, array("keyword_spotting/dscnn_float.golden.npz", "output"), 1e-4)
    #expect(try accuracy(y) >= 0.912)
  }

  // MARK: int8

  @Test func quantizedKeywordSpottingReachesItsAccuracy() throws {
    let graph = try model("keyword_spotting/dscnn_int8.tflite")
    let ops = graph.order.compactMap { graph.operation($0)?.op.name }
    #expect(ops.count { $0 == "quantized_conv2d" } == 9 && !ops.contains("conv2d") && !ops.contains("linear"))
    let y = try graph(spectrograms())
    let agreed = try agreement(y, array("keyword_spotting/dscnn_int8.golden.npz", "output"))
    #expect(agreed >= 0.99, "\(agreed)")
    #expect(try accuracy(y) >= 0.90)
  }

  @Test(arguments: ["resnet8", "resnet_large"])
  func quantizedImageClassificationChoosesTheSameClasses(name: String) throws {
    let golden = "image_classification/\(name)_int8.golden.npz"
    let classes = try model("image_classification/\(name)_int8.tflite")(images(64)).argmax(axis: 1).doubles()
    // LiteRT's two implementations choose different ones for two of ResNet-8's images.
    let reference = try array(golden, "output").argmax(axis: 1).doubles()
    let optimized = try array(golden, "output_optimized").argmax(axis: 1).doubles()
    for i in classes.indices {
      #expect([reference[i], optimized[i]].contains(classes[i]), "image \(i)")
    }
  }

  @Test func quantizedVisualWakeWordsChoosesTheSameClasses() throws {
    let golden = "visual_wake_words/mobilenet_v1_025_int8.golden.npz"
    let x = try array(golden, "images_u8").permuted([0, 3, 1, 2]).cast(to: .f32) / 255
    let y = try model("visual_wake_words/mobilenet_v1_025_int8.tflite")(x)
    #expect(try agreement(y, array(golden, "output")) == 1)
  }

  @Test func quantizedAnomalyDetectionGivesTheReferencesNumbers() throws {
    let golden = "anomaly_detection/ad01_int8.golden.npz"
    let x = try (array(golden, "input").cast(to: .f32) - 89) * 0.3910152
    let y = try model("anomaly_detection/ad01_int8.tflite")(x)
    let steps = try zip(y.doubles(), array(golden, "output").doubles()).map {
      abs(($0 / 0.3644985).rounded() + 96 - $1)
    }
    #expect(try #require(steps.max()) <= 2)
    #expect(steps.count { $0 == 0 } >= steps.count * 95 / 100)
  }

  @Test func quantizedAnomalyDetectionWithFloatEndsGivesTheReferencesNumbers() throws {
    let golden = "anomaly_detection/ad01_int8_floatio.golden.npz"
    let y = try model("anomaly_detection/ad01_int8_floatio.tflite")(array(golden, "input"))
    let steps = try zip(y.doubles(), array(golden, "output").doubles()).map { abs($0 - $1) / 0.3644985 }
    #expect(try #require(steps.max()) <= 2.1)
    #expect(steps.count { $0 < 0.1 } >= steps.count * 95 / 100)
  }

  // MARK: int8 weights, float activations

  /// LiteRT rounds the activations to int8 as it goes, and its two implementations differ by up to 1.5 here; we compute
  /// in float.
  @Test(arguments: ["output", "output_optimized"])
  func anomalyDetectionWithInt8WeightsComesAsNearAsTheReferencesToEachOther(name: String) throws {
    let golden = "anomaly_detection/ad01_weightonly_int8.golden.npz"
    let y = try model("anomaly_detection/ad01_weightonly_int8.tflite")(array(golden, "input")).doubles()
    let expected = try array(golden, name).doubles()
    let noise = zip(y, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let signal = expected.reduce(0) { $0 + $1 * $1 }
    #expect((noise / signal).squareRoot() < 0.01)
    #expect(zip(y, expected).allSatisfy { abs($0 - $1) < 1.5 })
  }

  @Test func keywordSpottingWithInt8WeightsReachesItsAccuracy() throws {
    let y = try model("keyword_spotting/dscnn_dynrange.tflite")(spectrograms())
    let agreed = try agreement(y, array("keyword_spotting/dscnn_dynrange.golden.npz", "output"))
    #expect(agreed >= 0.99, "\(agreed)")
    #expect(try accuracy(y) >= 0.90)
  }

  @Test func streamingWakeWordChoosesTheSameClasses() throws {
    let golden = "streaming_wakeword/str_ww_int8.golden.npz"
    let x = try (array(golden, "input").permuted([0, 3, 1, 2]).cast(to: .f32) + 128) * 0.003701042616739869
    let y = try model("streaming_wakeword/str_ww_int8.tflite")(x)
    #expect(try agreement(y, array(golden, "output")) == 1)
  }
}
