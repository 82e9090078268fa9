import Foundation
import Models
import Tensors
import TestSupport

@testable import Compression

/// The numbers of scripts/peers/golden_quantization.py.
func wave(_ shape: Shape, _ step: Double, size: Double = 1) -> [Double] {
  (0..<shape.elements).map {
    let i = Double($0)
    return size * sin(i * step + (0.1 * i).truncatingRemainder(dividingBy: 1.3))
  }
}

func waveTensor(_ shape: Shape, _ step: Double, size: Double = 1) throws -> Tensor {
  try Tensor(shape, wave(shape, step, size: size).map { Float($0) })
}

/// What that script found.
struct MethodGolden: Decodable {
  struct GPTQ: Decodable {
    let codes: [Int]
    let error: Double
    let differ_from_nearest: Int
  }
  struct AdaRound: Decodable {
    let v, h: [Double]
    let pull: [String: Double]
  }
  struct HQQ: Decodable { let zero, start, scale: Double }
  struct Equalized: Decodable { let first, bias, second: [Double] }
  struct SmoothQuant: Decodable { let factors: [String: [Double]] }
  struct AWQ: Decodable { let factors: [Double] }

  let gptq: GPTQ
  let adaround: AdaRound
  let hqq: HQQ
  let equalized: Equalized
  let smoothquant: SmoothQuant
  let awq: AWQ
  let clipped_means: [[Double?]]

  static func read() throws -> MethodGolden {
    let file = URL(fileURLWithPath: Golden.path("quantization/methods.json"))
    return try JSONDecoder().decode(MethodGolden.self, from: Data(contentsOf: file))
  }
}

/// A graph of layers one after the other, made from their parameters.
final class Chain: Module {
  private let run: ([Parameter], Tensor) throws -> Tensor
  private let own: [Parameter]

  init(_ parameters: [(String, Tensor)], _ run: @escaping ([Parameter], Tensor) throws -> Tensor) {
    self.run = run
    own = parameters.map { Parameter($0.1) }
    super.init(kind: "chain")
    for ((name, _), parameter) in zip(parameters, own) { register(name, parameter) }
  }

  override func forward(_ x: [Tensor]) throws -> Tensor { try run(own, x[0]) }

  static func graph(
    _ example: Tensor, _ parameters: [(String, Tensor)],
    _ run: @escaping ([Parameter], Tensor) throws -> Tensor
  ) throws -> Graph {
    let graph = try Graph(capturing: Chain(parameters, run), [example])
    graph.setTraining(false)
    return graph
  }
}

/// Random numbers of a normal distribution.
func normalTensor(_ shape: Shape, seed: UInt64, size: Double = 1) throws -> Tensor {
  var generator = Generator(seed: seed)
  return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal() * size) })
}

/// Rows whose columns go together, some columns larger than others: what hidden activations look like.
func correlatedRows(_ count: Int, _ columns: Int, seed: UInt64) throws -> Tensor {
  let (hidden, mixing) = (
    try normalTensor([count, columns / 4], seed: seed), try waveTensor([columns / 4, columns], 1.9)
  )
  let noise = try normalTensor([count, columns], seed: seed + 1, size: 0.1)
  let sizes = try Tensor([columns], (0..<columns).map { Float(1 + ($0 % 7 == 3 ? 6 : 0)) })
  return try (hidden.matmul(mixing) + noise) * sizes
}

/// `sum (a - b)^2`.
func squaredError(_ a: Tensor, _ b: Tensor) throws -> Double { try QuantizationDiagnosis.noise(a, b) }

func evaluate(_ graph: Graph, _ x: Tensor) throws -> Tensor {
  try Tape.withoutGradients { try graph.with(training: false) { try graph(x) } }
}

/// A perceptron with one hidden layer, of linear layers with biases.
func perceptron(_ inputs: Int, _ hidden: Int, _ outputs: Int) throws -> Graph {
  try Chain.graph(
    normalTensor([2, inputs], seed: 1),
    [
      ("first.weight", normalTensor([hidden, inputs], seed: 2, size: 0.3)),
      ("first.bias", normalTensor([hidden], seed: 3, size: 0.1)),
      ("second.weight", normalTensor([outputs, hidden], seed: 4, size: 0.3)),
      ("second.bias", normalTensor([outputs], seed: 5, size: 0.1)),
    ]
  ) { p, x in
    try Linear().apply([Linear().apply([x, p[0].value, p[1].value]).relu(), p[2].value, p[3].value])
  }
}

/// Weights on their grids: quantizing them again gives the same numbers.
func areOnTheirGrids(_ graph: Graph) throws -> Bool {
  try WeightLayer.all(in: graph).allSatisfy { layer in
    guard let quantizer = layer.weight.constraint(WeightQuantizer.self) else { return false }
    return try quantizer.dequantized(layer.weight.value).array(Float.self)
      == layer.weight.value.array(Float.self)
  }
}
