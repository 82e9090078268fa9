import Tensors

/// Layer normalisation of u8 rows; gain and shift stay in f32.
///
/// Inputs: x, then weight and bias of the shape of the normalised dimensions, as for `LayerNorm`.
public struct QuantizedLayerNorm: QuantizedOp {
  public static let name = "quantized_layer_norm"
  private let norm: LayerNorm
  public let activations: [QuantParams]
  public let result: QuantParams?

  public init(_ norm: LayerNorm, input: QuantParams, result: QuantParams?) {
    self.norm = norm
    activations = [input]
    self.result = result
  }

  public var float: any Op { norm }

  public func shape(of shapes: [Shape]) throws -> Shape {
    let x = shapes[0]
    try require(
      norm.axes < x.rank && x.rank != 4, "has no int8 form over \(norm.axes) dimensions of \(x)")
    return try norm.shape(of: shapes)
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let x = shapes[0]
    let length = x.suffix(norm.axes).reduce(1, *)
    func numbers(_ index: Int, default missing: Float) throws -> [Float] {
      weights.count > index
        ? try weights[index].array(Float.self) : [Float](repeating: missing, count: length)
    }
    return IntegerLayerNorm(
      rows: x.sampleElements / length, gain: try numbers(0, default: 1), shift: try numbers(1, default: 0),
      epsilon: Float(norm.epsilon), inputScale: activations[0].scale, result: result)
  }
}
