import Models
import Tensors

/// One op of a float graph, and what quantizing made of it.
struct LayerPair {
  let name: String
  let float, op: any Op
  private let head: Graph.ID
  /// Where the float graph has what `op` gives: behind the activation that `op` took in.
  let tail: Graph.ID
  private let quantized: Graph.ID

  /// Every op that became another one, in order; found by the names of their nodes.
  static func all(_ float: Graph, _ quantized: Graph) throws -> [LayerPair] {
    let byName = Dictionary(
      quantized.order.compactMap { id in quantized.operation(id).map { (quantized[id].name, (id, $0.op)) } },
      uniquingKeysWith: { first, _ in first })
    let tails = try Dictionary(
      uniqueKeysWithValues: Site.all(in: float, unsupported: .float).map { ($0.head, $0.tail) })
    return float.order.compactMap { head in
      guard let (meant, _) = float.operation(head), let (id, op) = byName[float[head].name],
        op is any QuantizedOp || op is any LowBitOp, type(of: op) != type(of: meant)
      else { return nil }
      return LayerPair(
        name: float[head].name, float: meant, op: op, head: head,
        tail: op is any QuantizedOp ? tails[head] ?? head : head, quantized: id)
    }
  }

  /// Its inputs, in both graphs.
  func reads(_ float: Graph, _ graph: Graph) -> [(float: Graph.ID, quantized: Graph.ID)] {
    let (meant, made) = (float.operation(head)?.inputs ?? [], graph.operation(quantized)?.inputs ?? [])
    return zip(meant, made).map { ($0, $1) }
  }

  /// The batch norm right behind the op, which folding left there.
  func batchNorm(in float: Graph) -> String? {
    float.users(of: head).first { float.operation($0)?.op is BatchNorm }.map { float[$0].name }
  }

  /// The quantizer of its weights, where there is one.
  var quantizer: WeightQuantizer? {
    switch op {
    case let op as QuantizedConv2d: op.quantizer
    case let op as QuantizedLinear: op.quantizer
    case let op as any LowBitOp: op.quantizer
    default: nil
    }
  }

  /// What of its inputs is the activation, and what the weight.
  func parts(of inputs: [Tensor]) -> (activation: Tensor?, weight: Tensor?) {
    switch op {
    case is LowBitEmbedding: (nil, inputs.first)
    case let op as any QuantizedOp:
      (inputs.first, op.activations.count < inputs.count ? inputs[op.activations.count] : nil)
    default: (inputs.first, inputs.count > 1 ? inputs[1] : nil)
    }
  }
}
