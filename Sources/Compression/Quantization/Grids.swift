import Models
import Tensors

/// Which values of a graph lie on grids while integer ops take the place of float ones, and the conversions between
/// the two kinds.
struct Grids {
  /// Of values that are bytes.
  var params: [Graph.ID: QuantParams] = [:]
  /// Of float values that integer ops read.
  private let ranges: [Graph.ID: QuantParams]
  /// The node that quantizes a float value.
  private var conversions: [Graph.ID: Graph.ID] = [:]

  init(_ ranges: [Graph.ID: QuantParams]) { self.ranges = ranges }

  /// The node to read in place of `id` where bytes are wanted.
  mutating func quantized(_ id: Graph.ID, for reader: Graph.ID, _ graph: Graph) -> Graph.ID {
    if params[id] != nil { return id }
    if let known = conversions[id] { return known }
    guard let range = ranges[id] else { preconditionFailure("every range was observed") }
    let node = graph.add(
      "quantize_linear", .apply(QuantizeLinear(range), [id]), shape: graph[id].shape, dtype: .f32,
      before: reader)
    (conversions[id], params[node]) = (node, range)
    return node
  }

  /// Float ops, and the graph's outputs, read the numbers behind bytes.
  func returnToFloat(_ graph: Graph) {
    for id in graph.order {
      guard let grid = params[id] else { continue }
      let readers = graph.users(of: id).filter { !(graph.operation($0)?.op is any QuantizedOp) }
      let isOutput = graph.outputs.contains(id)
      guard isOutput || !readers.isEmpty else { continue }
      let node = graph.add(
        "dequantize_linear", .apply(DequantizeLinear(grid), [id]), shape: graph[id].shape, dtype: .f32,
        before: readers.first)
      for reader in readers {
        guard let (op, reads) = graph.operation(reader) else { continue }
        graph[reader].kind = .apply(op, reads.map { $0 == id ? node : $0 })
      }
      graph.setOutputs(graph.outputs.map { $0 == id ? node : $0 }, names: graph.outputNames)
    }
  }
}
