import Compression
import Models
import Tensors
import TestSupport
import Testing

@testable import Deployment

/// A program gives the bits of the quantized graph it was compiled from, for each scheme.
@Suite struct SchemeTests {
  private func normal(_ shape: Shape, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
  }

  static let schemes: [(WeightScheme, ActivationScheme)] = [
    (WeightScheme(.integer(bits: 4)), ActivationScheme()),
    (WeightScheme(.integer(bits: 4)), ActivationScheme(bits: 4)),
    (WeightScheme(.integer(bits: 3), .tensor), ActivationScheme(bits: 6)),
    (WeightScheme(.integer(bits: 2)), ActivationScheme(bits: 2)),
    (WeightScheme(.ternary), ActivationScheme()), (WeightScheme(.binary), ActivationScheme(bits: 3)),
    (WeightScheme(powerOfTwo: true), ActivationScheme(powerOfTwo: true)),
  ]

  @Test(arguments: schemes.indices)
  func convolutionalNetworks(index: Int) throws {
    let (weights, activations) = Self.schemes[index]
    let graph = try Graph(capturing: ConvNet(seed: 3), [normal([2, 2, 8, 8], seed: 1)])
    let quantize = StaticQuantization(weights: weights, activations: activations)
    let quantized = try quantize(graph, calibration: [normal([64, 2, 8, 8], seed: 2)])
    let x = try normal([33, 2, 8, 8], seed: 4) * 2
    let expected = try Tape.withoutGradients { try quantized(x).array(Float.self) }
    #expect(try Program(compiling: quantized)(x).array(Float.self) == expected)
    #expect(Set(expected).count > 10)
  }

  @Test(arguments: schemes.indices)
  func transformers(index: Int) throws {
    let (weights, activations) = Self.schemes[index]
    let graph = try Graph(capturing: EncoderNet(seed: 3), [normal([2, 6, 16], seed: 1)])
    let quantize = StaticQuantization(weights: weights, activations: activations)
    let quantized = try quantize(graph, calibration: [normal([64, 6, 16], seed: 2)])
    let x = try normal([9, 6, 16], seed: 4) * 2
    let expected = try Tape.withoutGradients { try quantized(x).array(Float.self) }
    #expect(try Program(compiling: quantized)(x).array(Float.self) == expected)
  }

  /// Every value between layers has 2^bits levels at most.
  @Test(arguments: [2, 4])
  func activationsOfFewBitsHaveFewLevels(bits: Int) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [normal([2, 2, 8, 8], seed: 1)])
    let quantize = StaticQuantization(activations: ActivationScheme(bits: bits))
    let quantized = try quantize(graph, calibration: [normal([64, 2, 8, 8], seed: 2)])
    var most = 0
    _ = try Tape.withoutGradients {
      try quantized.replay([normal([16, 2, 8, 8], seed: 4) * 3]) { id, value in
        guard quantized.operation(id) != nil, id != quantized.output else { return }
        most = max(most, Set(try value.array(Float.self)).count)
      }
    }
    #expect(most == 1 << bits)
  }
}
