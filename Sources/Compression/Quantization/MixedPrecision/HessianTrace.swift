import Models
import Tensors

/// How sharply a loss bends where rounding moves a layer's weights: the trace of its Hessian in them, by which HAWQ-V2
/// ranks layers (Dong et al., "HAWQ-V2: Hessian aware trace-weighted quantization of neural networks", NeurIPS 2020).
///
/// Hutchinson's estimator: the mean of `v^T H v` over vectors v of random signs (Hutchinson, 1990). `H v` is the central
/// difference of the gradients at `w + h v` and `w - h v`, as the tape keeps first derivatives only.
public struct HessianTrace: Sendable {
  /// Vectors drawn for each layer. The estimate's spread falls with the root of their number.
  public var draws: Int
  /// h, in units of the root of the weights' mean square.
  public var step: Double

  public init(draws: Int = 8, step: Double = 0.01) { (self.draws, self.step) = (draws, step) }

  /// The mean over one batch of a loss of the graph's output; batches are counted from 0.
  typealias Loss = (_ output: Tensor, _ batch: Int) throws -> Tensor

  /// The divergence of the output's softmax from what it was: its Hessian at the weights as they are is Fisher's
  /// information, and needs no labels.
  static func divergence(from outputs: [Tensor]) throws -> Loss {
    let before = try outputs.map { try $0.detached().logSoftmax().exp() }
    return { output, batch in
      let rows = Double(max(output.count / max(output.shape.last ?? 1, 1), 1))
      return try (output.logSoftmax() * before[batch]).sum() / -rows
    }
  }

  /// A graph in evaluation, whose weights nobody else sees and no gradient reaches.
  struct Frozen {
    let graph: Graph
    let batches: [[Tensor]]
    let loss: Loss

    init(_ graph: Graph, _ batches: [[Tensor]], _ loss: @escaping Loss) {
      let work = graph.copy()
      for id in work.order {
        if let leaf = work.leaf(id) {
          work[id].kind = .leaf(Parameter(leaf.value.detached(), role: .constant))
        }
      }
      work.setTraining(false)
      (self.graph, self.batches, self.loss) = (work, batches, loss)
    }

    /// The gradient of the loss over all batches in input 1 of node `id`, where that input is `weight`.
    func gradient(of id: Graph.ID, at weight: Tensor) throws -> Tensor {
      let trial = graph.copy()
      guard let (op, reads) = trial.operation(id) else { preconditionFailure("it was found there") }
      let parameter = Parameter(weight)
      var changed = reads
      changed[1] = trial.replaceLeaf(reads[1], of: id, with: parameter)
      trial[id].kind = .apply(op, changed)
      let counts = batches.map { Double($0.first.map { $0.rank > 0 ? $0.shape[0] : 1 } ?? 1) }
      let total = counts.reduce(0, +)
      for (i, batch) in batches.enumerated() {
        try Tape.withGradients { try (loss(trial.replay(batch)[0], i) * (counts[i] / total)).backward() }
      }
      return try parameter.value.grad ?? Tensor(weight.shape, [Float](repeating: 0, count: weight.count))
    }
  }

  /// The trace for the weight [O, ...] that node `id` reads as its input 1.
  func callAsFunction(_ id: Graph.ID, in frozen: Frozen) throws -> Double {
    guard let weight = frozen.graph.operation(id).flatMap({ frozen.graph.leaf($0.inputs[1])?.value }) else {
      preconditionFailure("the layer has a stored weight")
    }
    var sum = 0.0
    for _ in 0..<draws {
      let signs = Random.with("hessian") { generator in
        (0..<weight.count).map { _ in Float(generator.next32() & 1 == 0 ? -1 : 1) }
      }
      sum += try bend(id, weight, along: Tensor(weight.shape, signs), frozen)
    }
    return sum / Double(draws)
  }

  /// `v^T H v`.
  func bend(_ id: Graph.ID, _ weight: Tensor, along v: Tensor, _ frozen: Frozen) throws -> Double {
    let size = try (weight.doubles().reduce(0) { $0 + $1 * $1 } / Double(max(weight.count, 1))).squareRoot()
    let h = step * (size > 0 ? size : 1)
    let (up, down) = try Tape.withoutGradients { try (weight.detached() + v * h, weight.detached() - v * h) }
    let slopes = try (frozen.gradient(of: id, at: up).doubles(), frozen.gradient(of: id, at: down).doubles())
    let signs = try v.doubles()
    return signs.indices.reduce(0) { $0 + signs[$1] * (slopes.0[$1] - slopes.1[$1]) } / (2 * h)
  }
}
