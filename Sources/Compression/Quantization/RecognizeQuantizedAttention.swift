import Models
import Tensors

/// Makes attention in integers of its spelled-out form between conversions, with the scores and the softmax converted
/// too.
/// The node that converted the result becomes the attention, whose grid is the same.
func recognizeQuantizedAttention(
  _ graph: Graph, _ params: [Graph.ID: QuantParams], _ report: inout PassReport
) {
  let form = Attention.spelledOut { inner, name in .op(QuantizeLinear.self, inner, as: name) }
  for id in graph.order {
    guard let match = graph.match(.op(QuantizeLinear.self, form), at: id), let result = params[id] else {
      continue
    }
    do {
      let (op, reads) = try Attention.read(match, at: id, graph)
      let inputs = reads.compactMap { params[$0] }
      try require(
        reads.count == 3 && inputs.count == 3, Attention.name,
        "its inputs do not all lie on grids, or a mask of numbers is added; it stays in f32")
      try require(
        inputs[1...].allSatisfy { $0.zeroPoint == 128 }, Attention.name,
        "the kernel needs keys and values of zero point 0 as s8, 128 as u8; it stays in f32")
      guard let scores = params[match["scores"]], params[match["weights"]] == QuantizedSoftmax.probabilities
      else {
        throw ShapeError(
          Attention.name, "its softmax lies on another grid than the integer kernel's; it stays in f32")
      }
      let quantized = QuantizedAttention(op, inputs, scores: scores, result: result)
      graph[id].kind = .apply(quantized, reads)
      report.matched.append(graph[id].name)
    } catch {
      report.refused.append((graph[id].name, (error as? ShapeError)?.problem ?? "\(error)"))
    }
  }
}
