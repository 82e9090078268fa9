/// The mean of every channel of images [N, C, H, W], as [N, C, 1, 1]. ONNX GlobalAveragePool.
public struct GlobalAvgPool2d: Op {
  public static let name = "global_avg_pool2d"
  public init() {}

  public func shape(of s: [Shape]) throws -> Shape {
    try requireImages(s[0])
    try require(s[0][2] > 0 && s[0][3] > 0, "input \(s[0]) has no pixels")
    return [s[0][0], s[0][1], 1, 1]
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try averaging(t[0].shape).forward(t, &context)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try averaging(record.inputs[0].shape).backward(dy, record)
  }

  /// One window as large as the image.
  private func averaging(_ x: Shape) -> AvgPool2d { AvgPool2d(Size2d(x[2], x[3])) }
}
