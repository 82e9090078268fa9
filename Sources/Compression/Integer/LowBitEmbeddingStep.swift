import Tensors

/// Rows of a table [V, D] in few bits, as numbers: `y[i...] = W[indices[i...]]`.
public final class LowBitEmbeddingStep: TensorStep {
  public static let kind = "low_bit_embedding"
  private let weights: LowBitWeights

  public init(weight: Tensor, _ quantizer: WeightQuantizer) throws {
    weights = try LowBitWeights(weight, quantizer)
  }

  public var inputTypes: [DType] { [.i64] }
  public var outputType: DType { .f32 }
  public var label: String { Self.kind + weights.note }
  public var weightBytes: Int { weights.codes.count + 4 * weights.scales.count + weights.zeroPoints.count }

  public func run(_ inputs: [Tensor]) throws -> Tensor {
    guard inputs.count == 1, inputs[0].dtype == .i64 else {
      throw ShapeError(
        Self.kind, "takes i64 indices, got \(inputs.map { "\($0.dtype)" }.joined(separator: ", "))")
    }
    let indices = try inputs[0].contiguous()
    let width = weights.inputs
    let y = try Tensor(undefined: Shape(checking: indices.shape.dims + [width], for: Self.kind))
    let (index, to) = (indices.pointer(Int64.self), y.floats)
    for i in 0..<indices.count {
      guard let row = Int(exactly: index[i]), (0..<weights.outputs).contains(row) else {
        throw ShapeError(Self.kind, "index \(index[i]) lies outside of a table of \(weights.outputs) rows")
      }
      weights.write(row: row, to: to + i * width)
    }
    return withExtendedLifetime(indices) { y }
  }

  public func encode(to record: inout StepRecord) { weights.encode(to: &record) }

  public init(from record: StepRecord) throws { weights = try LowBitWeights(from: record) }
}
