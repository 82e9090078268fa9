import Tensors

/// Softmax over the last dimension of a u8 tensor, to u8 of scale 1/256.
public struct QuantizedSoftmax: QuantizedOp {
  public static let name = "quantized_softmax"
  /// 255 stands for 255/256: what probabilities give up to one step.
  public static let probabilities = QuantParams(scale: 1 / 256, zeroPoint: 0)
  private let softmax: Softmax
  public let activations: [QuantParams]
  public var result: QuantParams? { Self.probabilities }

  public init(_ softmax: Softmax, input: QuantParams) {
    self.softmax = softmax
    activations = [input]
  }

  public var float: any Op { softmax }

  public func shape(of shapes: [Shape]) throws -> Shape {
    let x = shapes[0]
    try require(
      softmax.axis == x.rank - 1 && x.rank != 4,
      "has an int8 form over the last dimension of [N, n] or [N, T, n], got dimension \(softmax.axis + 1) of \(x)"
    )
    return try softmax.shape(of: shapes)
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let x = shapes[0]
    let length = x[x.rank - 1]
    return try IntegerSoftmax(
      rows: x.sampleElements / length, length: length, inputScale: activations[0].scale,
      result: Self.probabilities)
  }
}
