import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct SensitivityTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  @Test func fewerBitsHarmMoreAndTakeLess() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let schemes = [8, 4, 2].map { WeightScheme(.integer(bits: $0)) }
    let found = try Sensitivity(
      graph, schemes: schemes, batches: [[images(16, seed: 2)], [images(9, seed: 3)]])
    #expect(found.layers.map(\.name) == ["conv2d", "conv2d_2", "linear"])
    #expect(found.layers.map(\.floatBytes) == [8 * 18 * 4, 64 * 4, 5 * 72 * 4])
    #expect(found.rows.count == 9)
    for layer in 0..<3 {
      let rows = Array(found.rows[layer * 3..<layer * 3 + 3])
      #expect(rows[0].sqnr > rows[1].sqnr + 10 && rows[1].sqnr > rows[2].sqnr)
      #expect(rows[0].divergence < rows[1].divergence && rows[1].divergence < rows[2].divergence)
      #expect(rows[0].weightNoise < rows[1].weightNoise && rows[1].weightNoise < rows[2].weightNoise)
      #expect(rows[0].bytes > rows[1].bytes && rows[1].bytes > rows[2].bytes)
    }
    #expect(found.rows[6].bytes == 5 * 72 + 5 * 4 && found.rows[7].bytes == 5 * 36 + 5 * 4)
  }

  /// Of a linear model by hand: the noise in y = W x is the noise of W, seen through x.
  @Test func measuresTheOutputAgainstItself() throws {
    let linear = try LinearLayer(2, 1, bias: false)
    linear.namedParameters()[0].parameter.value = try Tensor([1, 2], [Float(1), 0.3])
    let x = try Tensor([2, 2], [Float(1), 0, 0, 1])
    let graph = try Graph(capturing: linear, [x])
    let found = try Sensitivity(graph, schemes: [WeightScheme(.integer(bits: 2))], batches: [[x]])
    // 0.3 becomes 0: 10 log10((1 + 0.09) / 0.09).
    #expect(abs(found.rows[0].sqnr - 10.8318) < 1e-3)
    #expect(abs(found.rows[0].weightNoise - 0.09) < 1e-6)
  }

  @Test func leavesTheModelAsItWas() throws {
    let model = try ConvNet(seed: 3)
    let graph = try Graph(capturing: model, [images(2, seed: 1)])
    let before = try model.namedParameters().map { try $0.parameter.value.array(Float.self) }
    _ = try Sensitivity(graph, schemes: [WeightScheme(.binary)], batches: [[images(4, seed: 2)]])
    #expect(try model.namedParameters().map { try $0.parameter.value.array(Float.self) } == before)
    #expect(throws: ShapeError.self) { try Sensitivity(graph, schemes: [WeightScheme()], batches: []) }
  }
}
