import Models
import Tensors

extension Pass {
  /// Makes integer layers of float ones between conversions to integers and back (QDQ), the form in which quantized
  /// models are exchanged. Values and rounding are those of the integer kernels from then on.
  public static let recognizeQuantized = Pass("recognize_quantized") { graph, report in
    var params = gridsOfConversions(graph)
    guard !params.isEmpty else { return }
    // What the conversions were made of would count as readers.
    graph.sweep()
    recognizeQuantizedAttention(graph, params, &report)
    graph.sweep()
    for id in graph.order {
      guard let site = QuantizedSite(id, graph, params) else { continue }
      do {
        let op = try site.quantizedOp(graph)
        graph[site.head].kind = .apply(op, graph.operation(site.head)?.inputs ?? [])
        graph.replaceUses(of: site.end, with: site.head)
        params[site.head] = op.result
        report.matched.append(graph[site.head].name)
      } catch let error as ShapeError {
        report.refused.append((graph[site.head].name, error.problem))
      }
    }
    endInFloat(graph, params)
  }

  /// A network whose last layer gives bytes ends with their conversion.
  private static func endInFloat(_ graph: Graph, _ params: [Graph.ID: QuantParams]) {
    let outputs = graph.outputs.map { id -> Graph.ID in
      guard let (op, _) = graph.operation(id), op is any QuantizedOp, let grid = params[id] else { return id }
      return graph.add(
        "dequantize_linear", .apply(DequantizeLinear(grid), [id]), shape: graph[id].shape, dtype: .f32)
    }
    graph.setOutputs(outputs, names: graph.outputNames)
  }

  /// Turns every conversion to u8 or i8 and back into one node, and tells on which grid its values lie.
  private static func gridsOfConversions(_ graph: Graph) -> [Graph.ID: QuantParams] {
    var params: [Graph.ID: QuantParams] = [:]
    for id in graph.outputs {
      // Integers at the end are made of numbers that lie on their grid already.
      guard let (op, reads) = graph.operation(id), let there = op as? QuantizeIntegers,
        let grid = QuantParams(there.grid)
      else { continue }
      let node = graph.add(
        "quantize_linear", .apply(QuantizeLinear(grid), reads), shape: graph[id].shape, dtype: .f32,
        before: id)
      graph[id].kind = .apply(there, [node])
      params[node] = grid
    }
    for id in graph.order {
      guard let match = graph.match(.op(DequantizeIntegers.self, .any("integers"), as: "end"), at: id),
        let back = graph.operation(id)?.op as? DequantizeIntegers, let grid = QuantParams(back.grid)
      else { continue }
      if let (op, reads) = graph.operation(match["integers"]), let there = op as? QuantizeIntegers {
        guard there.grid == back.grid else { continue }
        graph[id].kind = .apply(QuantizeLinear(grid), reads)
      }
      params[id] = grid
    }
    return params
  }
}

extension QuantParams {
  /// The parameters of a grid of bytes with one scale; s8 becomes u8 by moving the zero point.
  public init?(_ grid: IntegerGrid) {
    guard grid.axis == nil, grid.scales.count == 1, grid.scales[0].isNormal, grid.scales[0] > 0 else {
      return nil
    }
    switch (grid.type, grid.lowest, grid.highest) {
    case (.u8, 0, 255):
      guard let zero = UInt8(exactly: grid.zeroPoints[0]) else { return nil }
      self.init(scale: grid.scales[0], zeroPoint: zero)
    case (.i8, -128, 127):
      guard let zero = UInt8(exactly: grid.zeroPoints[0] + 128) else { return nil }
      self.init(scale: grid.scales[0], zeroPoint: zero)
    default: return nil
    }
  }
}

/// A float op between grids: what it reads lies on some, and its result goes to one, by way of an activation or not.
private struct QuantizedSite {
  let head: Graph.ID
  /// The node that puts the result on its grid, or the head where the result stays f32.
  let end: Graph.ID
  let float: any Quantizable
  let inputs: [QuantParams]
  let result: QuantParams?
  let range: ActivationRange

  init?(_ id: Graph.ID, _ graph: Graph, _ params: [Graph.ID: QuantParams]) {
    guard let (op, reads) = graph.operation(id), let float = op as? any Quantizable else { return nil }
    let activations = reads.prefix(float.activationCount)
    inputs = activations.compactMap { params[$0] }
    guard inputs.count == activations.count else { return nil }
    (head, self.float) = (id, float)
    var (tail, range) = (id, ActivationRange.unbounded)
    if float.fusesActivations, let user = graph.onlyUser(of: id), let (activation, _) = graph.operation(user),
      let clamp = ActivationRange(activation)
    {
      (tail, range) = (user, clamp)
    }
    self.range = range
    if let user = graph.onlyUser(of: tail), let (op, _) = graph.operation(user), op is QuantizeLinear {
      (end, result) = (user, params[user])
    } else if graph.outputs.contains(tail), float.canEndInFloat, range == .unbounded {
      (end, result) = (tail, nil)
    } else {
      return nil
    }
  }

  func quantizedOp(_ graph: Graph) throws -> any QuantizedOp {
    let reads = graph.operation(head)?.inputs ?? []
    var calibrated = Calibrated(inputs: inputs, result: result, range: range)
    calibrated.quantizers = try reads.dropFirst(inputs.count).prefix(float.weightCount).map { read in
      guard let quantizer = graph.leaf(read)?.constraint(WeightQuantizer.self) else {
        throw ShapeError(
          float.name, "its weights are not s8 with one scale for each output channel; it stays in f32")
      }
      return quantizer
    }
    if !float.definesRange, result != inputs.first {
      throw ShapeError(float.name, "its result lies on another grid than its input; it stays in f32")
    }
    if let fixed = float.fixedRange, result != fixed {
      throw ShapeError(
        float.name, "its result lies on another grid than the integer kernel's; it stays in f32")
    }
    if float.hasInnerValues {
      throw ShapeError(
        float.name, "the ranges of the values inside of it are not in the model; it stays in f32")
    }
    let op = try float.quantized(calibrated)
    _ = try op.shape(of: reads.map { graph[$0].shape })
    return op
  }
}
