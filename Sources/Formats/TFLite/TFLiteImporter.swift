import Compression
import Models
import Tensors

/// Builds a graph from a TFLite model. Images are [N, C, H, W] here as everywhere, [N, H, W, C] in the file: the
/// graph's inputs and the axes of its operators change places accordingly.
///
/// Integer tensors, inputs and outputs too, become real ones with the conversions that ONNX writes out (QDQ), which
/// `recognizeQuantized` turns into integer layers.
final class TFLiteImporter {
  let model: TFLiteModel
  let graph = Graph()
  private var values: [Int: Graph.ID] = [:]
  /// Tensors that are one of the file's in another type: weights in half precision behind a DEQUANTIZE.
  private var stored: [Int: Int] = [:]

  init(_ model: TFLiteModel) { self.model = model }

  func run() throws -> Graph {
    for (n, place) in model.inputs.enumerated() { try addInput(place, n) }
    for (n, op) in model.operators.enumerated() {
      do { try importOperator(op) } catch let refusal as TFLiteRefusal {
        throw TFLiteRefusal("operator \(n + 1) (\(op.name)): \(refusal.problem)")
      } catch let error as ShapeError {
        throw TFLiteRefusal("operator \(n + 1) (\(op.name)): \(error.problem)")
      }
    }
    let outputs = try model.outputs.map(value)
    guard !outputs.isEmpty else { throw TFLiteRefusal("has no outputs") }
    graph.setOutputs(outputs, names: model.outputs.map { model.tensors[$0].name })
    for pass in Pass.simplifying + [.recognizeQuantized] { try graph.apply(pass) }
    graph.setTraining(false)
    return graph
  }

  private func addInput(_ place: Int, _ n: Int) throws {
    let tensor = model.tensors[place]
    guard !tensor.signature.dropFirst().contains(-1) else {
      throw TFLiteRefusal(
        "input '\(tensor.name)' leaves more open than its batch; give its dimensions sizes when converting")
    }
    let shape = Self.channelsFirst(try Shape(checking: tensor.shape, for: "tflite"))
    let grid = try byteGrid(tensor)
    let id = graph.add(tensor.name, .input(n), shape: shape, dtype: grid == nil ? try tensor.dtype() : .f32)
    values[place] = try grid.map { try onGrid($0, id, tensor.name) } ?? id
  }

  /// Real numbers as the integers of a grid hold them.
  private func onGrid(_ grid: IntegerGrid, _ x: Graph.ID, _ name: String) throws -> Graph.ID {
    try emit(DequantizeIntegers(grid), [emit(QuantizeIntegers(grid), [x], name)], name)
  }

  /// [N, H, W, C] to [N, C, H, W].
  static func channelsFirst(_ s: Shape) -> Shape { s.rank == 4 ? [s[0], s[3], s[1], s[2]] : s }

  /// The grid of a tensor of bytes with one scale.
  private func byteGrid(_ tensor: TFLiteTensor) throws -> IntegerGrid? {
    let type = try tensor.dtype()
    guard type == .i8 || type == .u8, let grid = try tensor.grid() else { return nil }
    guard grid.axis == nil else {
      throw TFLiteRefusal("tensor '\(tensor.name)' has a scale for each channel, yet is no weight")
    }
    return grid
  }

  // MARK: For operators

  func emit(_ op: any Op, _ inputs: [Graph.ID], _ name: String) throws -> Graph.ID {
    let dtype = try op.dtype(of: inputs.map { graph[$0].dtype })
    return graph.add(
      name, .apply(op, inputs), shape: try op.shape(of: inputs.map { graph[$0].shape }), dtype: dtype)
  }

  /// A tensor that an operator reads, in f32 on its grid where it is quantized.
  func value(_ place: Int) throws -> Graph.ID {
    if let known = values[place] { return known }
    guard isStored(place) else {
      throw TFLiteRefusal("reads tensor \(place), which nothing before it writes")
    }
    let tensor = model.tensors[place]
    let real = try constant(place)
    let value = real.rank == 4 ? try real.permuted([0, 3, 1, 2]).contiguous() : real
    let id = graph.add(
      tensor.name, .leaf(Parameter(value, role: .constant)), shape: value.shape, dtype: value.dtype)
    values[place] = id
    return id
  }

  func isStored(_ place: Int) -> Bool {
    stored[place] != nil || model.tensors.indices.contains(place) && model.tensors[place].isConstant
  }

  /// A stored tensor as real numbers, in the file's layout.
  func constant(_ place: Int) throws -> Tensor {
    guard isStored(place) else {
      throw TFLiteRefusal("needs a constant where the model computes one")
    }
    let tensor = model.tensors[stored[place] ?? place]
    let stored = try tensor.value()
    guard stored.dtype != .f32, let grid = try tensor.grid() else { return stored }
    return try DequantizeIntegers(grid)(stored)
  }

  /// A weight whose dimensions are put into the order of ours; its scales, one for each output, become a promise.
  func weight(_ place: Int, order: [Int]) throws -> Graph.ID {
    let value = try constant(place).permuted(order).contiguous()
    let parameter = Parameter(value, role: .weight)
    let tensor = model.tensors[stored[place] ?? place]
    if let grid = try tensor.grid() {
      let arranged = IntegerGrid(
        scales: grid.scales, zeroPoints: grid.zeroPoints,
        axis: try grid.axis.map { try requirePlace(of: $0, in: order) }, type: grid.type)
      if let promise = arranged.weightQuantizer(for: value.shape) { try parameter.constrain(promise) }
    }
    return graph.add(tensor.name, .leaf(parameter), shape: value.shape, dtype: .f32)
  }

  private func requirePlace(of axis: Int, in order: [Int]) throws -> Int {
    guard let place = order.firstIndex(of: axis) else {
      throw TFLiteRefusal("has scales along dimension \(axis + 1) of \(order.count)")
    }
    return place
  }

  func bias(_ place: Int) throws -> Graph.ID {
    let value = try constant(place)
    return graph.add(model.tensors[place].name, .leaf(Parameter(value)), shape: value.shape, dtype: .f32)
  }

  /// Whether a DEQUANTIZE only widens a stored tensor, which then is a constant.
  func noteStored(_ op: TFLiteOperator) -> Bool {
    let source = op.inputs[0]
    guard op.name == "DEQUANTIZE", isStored(source) else { return false }
    stored[op.outputs[0]] = stored[source] ?? source
    return true
  }

  /// Refuses an operator that writes what the file stores, or what another one has written.
  func requireUnwritten(_ op: TFLiteOperator) throws {
    guard let place = op.outputs.first(where: { values[$0] != nil || isStored($0) }) else { return }
    throw TFLiteRefusal("writes tensor '\(model.tensors[place].name)', which has a value already")
  }

  /// Notes the result of an operator; one that is quantized is put on its grid.
  func finish(_ op: TFLiteOperator, _ result: Graph.ID) throws {
    let place = op.outputs[0]
    let tensor = model.tensors[place]
    values[place] = try byteGrid(tensor).map { try onGrid($0, result, tensor.name) } ?? result
  }
}

/// Why a model is not read, without its path.
struct TFLiteRefusal: Error {
  let problem: String
  init(_ problem: String) { self.problem = problem }
}
