import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct QuantizationDiagnosisTests {
  private func diagnose(_ graph: Graph, _ x: Tensor, _ quantize: StaticQuantization = StaticQuantization())
    throws
    -> QuantizationDiagnosis
  {
    let float = try graph.preparedForQuantization()
    return try QuantizationDiagnosis(float: float, quantized: quantize(graph, calibration: [x]), [x])
  }

  @Test func `every layer has a row, and the worst is the first`() throws {
    let x = try normalTensor([32, 2, 8, 8], seed: 2)
    let graph = try Graph(capturing: ConvNet(seed: 1), [x])
    graph.setTraining(false)
    let found = try diagnose(graph, x)
    #expect(Set(found.layers.map(\.op)).isSuperset(of: ["conv2d", "add", "linear", "avg_pool2d"]))
    #expect(found.layers.map(\.gain) == found.layers.map(\.gain).sorted(by: >))
    #expect(found.layers.allSatisfy { $0.cosine > 0.99 && $0.gain >= 0 })
    #expect(found.sqnr > 25 && found.sqnr < 60, "\(found.sqnr)")
    // A layer's own noise is less than that of all of them.
    #expect(found.layers.filter { $0.op == "linear" }.allSatisfy { $0.sqnr > found.sqnr })
  }

  @Test func `an outlier channel under one scale for all is named with its remedy`() throws {
    let (graph, x) = (try perceptron(32, 24, 6), try correlatedRows(100, 32, seed: 9))
    let weight = try #require(graph.namedParameters().first { $0.path == "second.weight" }).parameter.value
    for i in 0..<24 { weight.floats[2 * 24 + i] *= 60 }
    let found = try diagnose(graph, x, StaticQuantization(weights: WeightScheme(.integer(bits: 4), .tensor)))
    let finding = try #require(found.layers.first { $0.name == "linear_2" }?.finding)
    #expect(finding.cause == .outlierChannel)
    #expect(finding.text.hasPrefix("output channel 3 of its weight is "))
    #expect(finding.remedy.contains("granularity = \"channel\""))
  }

  @Test func `calibration of too small a range is told by what it clips`() throws {
    let (graph, x) = (try perceptron(32, 24, 6), try correlatedRows(100, 32, seed: 9))
    let int8 = try StaticQuantization()(graph, calibration: [x * 0.05])
    let found = try QuantizationDiagnosis(float: graph.preparedForQuantization(), quantized: int8, [x])
    let clipped = try #require(found.layers.first { $0.finding?.cause == .clipped })
    #expect(clipped.clipped > 0.1)
    #expect(clipped.finding?.remedy.contains("calibration data") == true)
  }

  @Test func `a range that one batch does not fill is dead`() throws {
    let (graph, x) = (try perceptron(32, 24, 6), try correlatedRows(100, 32, seed: 9))
    let int8 = try StaticQuantization()(graph, calibration: [x * 30])
    let found = try QuantizationDiagnosis(float: graph.preparedForQuantization(), quantized: int8, [x])
    #expect(found.layers.contains { $0.deadRange > 0.9 && $0.finding != nil })
  }

  @Test func `one sample, and a channel without weights, are told by the graph's log and the table`() throws {
    let graph = try perceptron(32, 24, 6)
    let weight = try #require(graph.namedParameters().first { $0.path == "first.weight" }).parameter.value
    for i in 0..<32 { weight.floats[4 * 32 + i] = 0 }
    let x = try normalTensor([1, 32], seed: 1)
    let int8 = try StaticQuantization()(graph, calibration: [x])
    #expect(
      int8.log.flatMap(\.warnings) == [
        "1 calibration sample is too few to know the ranges of activations; give a few hundred of the training data",
        "output channel 5 of layer 'linear' has no weight other than 0; take such channels out of the model, or see "
          + "whether its weights were loaded",
      ])
    let found = try QuantizationDiagnosis(float: graph.preparedForQuantization(), quantized: int8, [x])
    #expect(found.layers.first { $0.name == "linear" }?.finding?.cause == .allZero)
    let many = try StaticQuantization()(
      perceptron(32, 24, 6), calibration: [normalTensor([64, 32], seed: 2)])
    #expect(many.log.allSatisfy { $0.warnings.isEmpty })
  }

  @Test func `weights of few bits alone have a table, too`() throws {
    let (graph, x) = (try perceptron(32, 24, 6), try correlatedRows(100, 32, seed: 9))
    let low = try WeightQuantization(weights: WeightScheme(.integer(bits: 4)), activations: .float)(graph)
    let found = try QuantizationDiagnosis(float: graph.preparedForQuantization(), quantized: low, [x])
    #expect(found.layers.count == 2 && found.layers.allSatisfy { $0.op == "linear" && $0.clipped == 0 })
    let first = try #require(found.layers.first { $0.name == "linear" })
    // The layer's own result, before its relu.
    let weight = try #require(graph.namedParameters().first { $0.path == "first.weight" }).parameter.value
    let bias = try #require(graph.namedParameters().first { $0.path == "first.bias" }).parameter.value
    let rounded = try WeightQuantizer(weight: weight, scheme: WeightScheme(.integer(bits: 4))).dequantized(
      weight)
    let (meant, given) = try Tape.withoutGradients {
      try (Linear().apply([x, weight, bias]), Linear().apply([x, rounded, bias]))
    }
    let sqnr = try 10 * log10(squaredError(meant, meant * 0) / squaredError(given, meant))
    #expect(abs(first.sqnr - sqnr) < 0.01, "\(first.sqnr), by hand \(sqnr)")
  }

  @Test func `a calibration batch that is not finite names the node`() throws {
    let graph = try perceptron(32, 24, 6)
    let x = try normalTensor([4, 32], seed: 1)
    x.floats[3] = .infinity
    let error = #expect(throws: ShapeError.self) { try StaticQuantization()(graph, calibration: [x]) }
    #expect(
      error?.description.hasPrefix("quantize: node 'input': an activation [4, 32] holds 0 NaN and 1 infinite")
        == true)
  }
}
