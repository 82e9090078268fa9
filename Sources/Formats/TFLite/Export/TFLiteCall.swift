import Compression
import Models
import Tensors

/// One node while it is written: the operation with its meaning in real numbers, and the grids between which an integer
/// one computes it.
struct TFLiteCall {
  let exporter: TFLiteExporter
  let id: Graph.ID
  /// The node whose value is written: the activation behind a float layer, or the node itself.
  let tail: Graph.ID
  /// As it stands in the graph.
  let operation: any Op
  let op: any Op
  let reads: [Graph.ID]
  /// Of the activations it reads; empty for a float operation.
  let grids: [QuantParams]
  /// Of its result; nil where it computes real numbers.
  let grid: QuantParams?
  /// TensorFlow's number for the activation that the operator applies itself.
  let activation: Int

  init(_ exporter: TFLiteExporter, _ id: Graph.ID, _ operation: any Op, _ reads: [Graph.ID]) throws {
    (self.exporter, self.id, self.operation, self.reads) = (exporter, id, operation, reads)
    if let quantized = operation as? any QuantizedOp {
      op = quantized.float
      grids = quantized.activations
      grid = quantized.result ?? (quantized.activations.isEmpty ? nil : exporter.lastGrid(of: id))
      tail = id
      try Tensors.require(
        (grids + [grid].compactMap { $0 }).allSatisfy { $0.lowest == 0 && $0.highest == 255 }, "tflite",
        "its activations have fewer than 8 bits")
      activation = try Self.number(of: quantized.range, quantized.result)
    } else {
      (op, grids, grid) = (operation, [], nil)
      let graph = exporter.graph
      if Self.appliesActivations(operation), let user = graph.onlyUser(of: id),
        let next = graph.operation(user)?.op, let number = Self.number(of: next)
      {
        (tail, activation) = (user, number)
      } else {
        (tail, activation) = (id, 0)
      }
    }
  }

  private static func appliesActivations(_ op: any Op) -> Bool {
    op is Conv2d || op is Linear || op is Add || op is Sub || op is Mul || op is AvgPool2d || op is MaxPool2d
  }

  private static func number(of op: any Op) -> Int? {
    switch op {
    case is Relu: 1
    case let clip as Clip: number(low: clip.lowest, high: clip.highest)
    default: nil
    }
  }

  private static func number(low: Double, high: Double) -> Int? {
    switch (low, high) {
    case (-1, 1): 2
    case (0, 6): 3
    case (0, .infinity): 1
    default: nil
    }
  }

  private static func number(of range: ActivationRange, _ grid: QuantParams?) throws -> Int {
    switch range {
    case .unbounded: return 0
    case .nonNegative: return 1
    case .clip(let low, let high):
      if let grid, range.bounds(grid) == (0, 255) { return 0 }
      if let known = number(low: Double(low), high: Double(high)) { return known }
      throw ShapeError(
        "tflite", "its results are clipped to \(low)...\(high), for which TFLite has no activation")
    }
  }

  // MARK: Reading

  var title: String { exporter.graph[id].name }
  var isQuantized: Bool { grid != nil && !grids.isEmpty }
  var shape: Shape { exporter.graph[id].shape }
  func inputShape(_ i: Int) -> Shape { exporter.graph[reads[i]].shape }

  /// An input as the operator takes it: bytes for an integer one, else real numbers.
  func input(_ i: Int) throws -> Int {
    let place = try exporter.tensor(reads[i])
    return isQuantized ? place : exporter.real(place)
  }

  func leaf(_ i: Int) throws -> Parameter {
    guard let parameter = exporter.graph.leaf(reads[i]) else {
      throw ShapeError("tflite", "'\(exporter.graph[reads[i]].name)' is computed; it must be stored")
    }
    return parameter
  }

  // MARK: Writing

  /// A new tensor for the result, in the graph's order.
  func result(_ grid: QuantParams?, shape: Shape? = nil, _ suffix: String = "") -> Int {
    let name = exporter.graph[tail].name + suffix
    return exporter.content.add(exporter.spec(name, shape ?? self.shape, grid))
  }

  /// The operator, with its result on the grid of this node. `native`: the only grid the operator gives.
  ///
  /// - Parameter version: where it is not 1 for real numbers and 2 for bytes.
  func add(
    _ name: String, version: Int? = nil, _ inputs: [Int], _ attributes: TFLiteAttributes? = nil,
    native: QuantParams? = nil
  ) -> Int {
    let version = version ?? (isQuantized ? 2 : 1)
    guard let grid, isQuantized else {
      let place = result(nil)
      exporter.content.add(name, version: version, inputs, place, attributes)
      return place
    }
    let place = result(native ?? grid, native == nil || native == grid ? "" : "_native")
    exporter.content.add(name, version: version, inputs, place, attributes)
    return native == nil || native == grid ? place : converted(place, to: grid)
  }

  /// The same numbers on another grid.
  func converted(_ place: Int, to grid: QuantParams, _ suffix: String = "") -> Int {
    let from = exporter.content.specs[place]
    if from.kind == .int8, from.scales == [grid.scale], from.zeroPoint == Int(grid.zeroPoint) - 128 {
      return place
    }
    var spec = from
    (spec.name, spec.kind) = (title + suffix, .int8)
    (spec.scales, spec.zeroPoint) = ([grid.scale], Int(grid.zeroPoint) - 128)
    let place2 = exporter.content.add(spec)
    exporter.content.add("QUANTIZE", version: from.kind == .int8 ? 2 : 1, [place], place2)
    return place2
  }
}
