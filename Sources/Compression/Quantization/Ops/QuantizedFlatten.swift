import Tensors

/// Flatten or reshape of a u8 tensor to [N, features]: the bytes go from NHWC to ONNX's order.
public struct QuantizedFlatten: QuantizedOp {
  public static let name = "quantized_flatten"
  /// Flatten or Reshape.
  public let float: any Op
  public let activations: [QuantParams]
  public let result: QuantParams?

  public init(_ float: any Op, _ params: QuantParams) {
    self.float = float
    activations = [params]
    result = params
  }

  public func shape(of shapes: [Shape]) throws -> Shape {
    let shape = try float.shape(of: shapes)
    try require(
      shape.rank == 2 && shape[0] == shapes[0][0],
      "must keep the batch and give [N, features], got \(shape) for \(shapes[0])")
    return shape
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let x = shapes[0]
    return x.rank == 4
      ? IntegerFlatten(pixels: x[2] * x[3], channels: x[1])
      : IntegerFlatten(pixels: 1, channels: x.sampleElements)
  }
}
