import Compression
import Models
import Tensors
import TestSupport
import Testing

@testable import Deployment

@Suite struct ProfileTests {
  private func program() throws -> Program {
    let x = try Tensor([4, 2, 8, 8], (0..<512).map { Float($0 % 37) / 37 })
    let graph = try Graph(capturing: ConvNet(seed: 3), [x])
    return try Program(compiling: StaticQuantization()(graph, calibration: [x]))
  }

  @Test func measuresEveryStepOfTheWholeBatch() throws {
    let program = try program()
    let profile = try program.profile(.ones([3, 2, 8, 8]), budget: 0.01)
    #expect(profile.layers.map(\.name) == program.instructions.map(\.name))
    #expect(profile.layers.map(\.macs).reduce(0, +) == 3 * program.macs)
    #expect(profile.layers.allSatisfy { $0.seconds > 0 && $0.bytes > 0 })
    #expect(profile.layers.filter { $0.floatSeconds != nil }.allSatisfy { $0.macs > 0 })
    #expect(profile.layers.contains { $0.kind == "conv2d" && $0.floatSeconds ?? 0 > 0 })
  }

  @Test func refusesAnEmptyBatch() throws {
    let program = try program()
    #expect(throws: ShapeError.self) { try program.profile(.ones([0, 2, 8, 8])) }
  }

  @Test func runsABatchAgainAndAgain() throws {
    let result = try program().benchmark(batch: 5, threads: 2, budget: 0.01)
    #expect(result.samples.count >= 3)
    #expect(result.least <= result.median && result.median <= result.percentile90)
    #expect(result.throughput == 5 / result.median)
  }
}
