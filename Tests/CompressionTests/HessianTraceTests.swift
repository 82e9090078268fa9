import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct HessianTraceTests {
  /// Of half the mean squared error of y = W x: the mean of |x|^2 for each output. Inputs with one number each make the
  /// Hessian diagonal, so that every vector of signs gives the trace.
  @Test func `a quadratic has the trace of its formula`() throws {
    let x = try Tensor([3, 3], [Float(2), 0, 0, 0, -1, 0, 0, 0, 0.5])
    let linear = try LinearLayer(3, 2, bias: false)
    let graph = try Graph(capturing: linear, [x])
    let layer = try #require(graph.order.first { graph.operation($0)?.op is Linear })
    let frozen = HessianTrace.Frozen(graph, [[x]]) { y, _ in try y.square().sum() / 6 }
    let found = try HessianTrace(draws: 2)(layer, in: frozen)
    #expect(abs(found - 2 * (4 + 1 + 0.25) / 3) < 1e-4, "\(found)")
  }

  /// The mean over all vectors of signs is the trace exactly; that of a perceptron's divergence by second differences in
  /// double precision.
  @Test func `all signs together give a perceptron's trace`() throws {
    let weights = [0.8, -0.5, 0.3, 0.7, -0.9, 0.4]
    let last = [1.1, -0.6, 0.2, 0.9]
    let inputs = [[0.5, -1.0, 0.7], [1.2, 0.1, -0.4]]
    func dot(_ a: ArraySlice<Double>, _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    func outputs(_ w: [Double]) -> [[Double]] {
      inputs.map { x in
        let hidden = [tanh(dot(w[..<3], x)), tanh(dot(w[3...], x))]
        return [dot(last[..<2], hidden), dot(last[2...], hidden)]
      }
    }
    func logSoftmax(_ z: [Double]) -> [Double] {
      let sum = log(exp(z[0]) + exp(z[1]))
      return z.map { $0 - sum }
    }
    let before = outputs(weights).map { logSoftmax($0).map { exp($0) } }
    func loss(_ w: [Double]) -> Double {
      zip(before, outputs(w)).reduce(0) { sum, pair in sum - dot(pair.0[...], logSoftmax(pair.1)) / 2 }
    }
    let h = 1e-4
    let trace = weights.indices.reduce(0) { sum, i in
      var (up, down) = (weights, weights)
      up[i] += h
      down[i] -= h
      return sum + (loss(up) - 2 * loss(weights) + loss(down)) / (h * h)
    }

    let x = try Tensor([2, 3], inputs.flatMap { $0.map { Float($0) } })
    let graph = try Chain.graph(
      x,
      [
        ("first", Tensor([2, 3], weights.map { Float($0) })),
        ("second", Tensor([2, 2], last.map { Float($0) })),
      ]
    ) { p, x in try Linear().apply([Linear().apply([x, p[0].value]).tanh(), p[1].value]) }
    let layer = try #require(graph.order.first { graph.operation($0)?.op is Linear })
    let loss32 = try HessianTrace.divergence(from: [evaluate(graph, x)])
    let frozen = HessianTrace.Frozen(graph, [[x]], loss32)
    let weight = try Tensor([2, 3], weights.map { Float($0) })
    let all = try (0..<64).map { code in
      try HessianTrace().bend(
        layer, weight, along: Tensor([2, 3], (0..<6).map { Float(code >> $0 & 1 == 0 ? -1 : 1) }), frozen)
    }
    let found = all.reduce(0, +) / 64
    #expect(abs(found - trace) < 2e-3 * trace, "\(found), by differences \(trace)")
  }

  @Test func `batches count by their samples, and the model is as it was`() throws {
    let x = try normalTensor([12, 8], seed: 3)
    let graph = try perceptron(8, 6, 4)
    let before = try graph.namedParameters().map { try $0.parameter.value.array(Float.self) }
    let layer = try #require(graph.order.first { graph.operation($0)?.op is Linear })
    let parts = try [(0, 8), (8, 4)].map { try x.narrow(axis: 0, start: $0.0, count: $0.1).contiguous() }
    let whole = try HessianTrace.Frozen(graph, [[x]], HessianTrace.divergence(from: [evaluate(graph, x)]))
    let split = try HessianTrace.Frozen(
      graph, parts.map { [$0] }, HessianTrace.divergence(from: parts.map { try evaluate(graph, $0) }))
    let weight = try #require(graph.namedParameters().first { $0.path == "first.weight" }).parameter.value
    let signs = try Tensor(weight.shape, (0..<48).map { Float($0 % 3 == 0 ? 1 : -1) })
    let (a, b) = try (
      HessianTrace().bend(layer, weight, along: signs, whole),
      HessianTrace().bend(layer, weight, along: signs, split)
    )
    #expect(abs(a - b) < 1e-3 * abs(a) && a > 0, "\(a) \(b)")
    #expect(try graph.namedParameters().map { try $0.parameter.value.array(Float.self) } == before)
    #expect(graph.namedParameters().allSatisfy { $0.parameter.value.grad == nil })
  }

  @Test func `where the loss bends, rounding harms`() throws {
    let x = try normalTensor([64, 32], seed: 3)
    let graph = try perceptron(32, 24, 6)
    let schemes = [8, 4, 2].map { WeightScheme(.integer(bits: $0)) }
    let found = try Sensitivity(graph, schemes: schemes, batches: [[x]], hessian: HessianTrace())
    #expect(found.layers.allSatisfy { ($0.trace ?? 0) > 0 })
    for rows in [found.rows[0..<3], found.rows[3..<6]] {
      let harm = rows.map { $0.bend ?? 0 }
      #expect(harm[0] < harm[1] && harm[1] < harm[2])
      // Of the order of the divergence itself, while that is small.
      let row = rows[rows.startIndex + 1]
      #expect((row.bend ?? 0) > 0.2 * row.divergence && (row.bend ?? 0) < 5 * row.divergence)
    }
  }
}
