/// Repeats along dimensions of extent 1 and new leading ones, as a view of stride 0. ONNX Expand.
public struct BroadcastTo: Op {
  public static let name = "broadcast_to"
  public let target: Shape
  public init(shape: Shape) { target = shape }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(Shape.broadcast(s[0], target) == target, "\(s[0]) does not broadcast to \(target)")
    return target
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    t[0].view(context.shape, strides: t[0].strides(broadcastTo: context.shape))
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try dy.summed(to: record.inputs[0].shape)]
  }
}
