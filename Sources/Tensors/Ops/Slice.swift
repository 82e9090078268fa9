/// Every `step`th element along one dimension, `count` of them from `start`; a view. ONNX Slice over one axis.
///
/// A negative step walks backwards. The other dimensions are whatever the input has, so that a captured graph
/// accepts any batch size.
public struct Slice: Op {
  public static let name = "slice"
  public let axis: Int
  public let start: Int
  public let count: Int
  public let step: Int

  public init(axis: Int, start: Int, count: Int, step: Int = 1) {
    self.axis = axis
    self.start = start
    self.count = count
    self.step = step
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    let extent = s[0][axis]
    try require(count >= 0, "count cannot be negative, got \(count)")
    try require(step != 0, "step cannot be 0")
    let (distance, overflow) = Swift.max(count - 1, 0).multipliedReportingOverflow(by: step)
    let (last, beyond) = start.addingReportingOverflow(distance)
    let inside =
      count == 0 ? (0...extent).contains(start) : (0..<extent).contains(start) && (0..<extent).contains(last)
    try require(
      !overflow && !beyond && inside,
      "\(count) element(s) from \(start) by \(step) do not lie within dimension \(axis + 1) of \(s[0]) "
        + "(indices 0 to \(extent - 1))")
    return s[0].replacing(axis, with: count)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    window(of: t[0], context.shape)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let dx = try Tensor.zeros(x.shape, dy.dtype, format: x.format)
    window(of: dx, dy.shape).copyElements(from: dy)
    return [dx]
  }

  private func window(of x: Tensor, _ shape: Shape) -> Tensor {
    var strides = x.strides
    // A step beyond the dimension is none where there is only one element.
    if count > 1 { strides[axis] *= step }
    return x.view(shape, strides: strides, offset: x.offset + start * x.strides[axis])
  }
}
