/// `before[i]` elements in front of and `after[i]` behind dimension i, all of one value. ONNX Pad, mode constant.
public struct Pad: Op {
  public static let name = "pad"
  public let before: [Int]
  public let after: [Int]
  public let value: Double

  public init(before: [Int], after: [Int], value: Double = 0) {
    self.before = before
    self.after = after
    self.value = value
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      before.count == s[0].rank && after.count == s[0].rank,
      "\(s[0]) has \(s[0].rank) dimensions, got padding for \(before.count) and \(after.count)")
    try require(
      (before + after).allSatisfy { (0...Shape.maximumCount).contains($0) }, "padding cannot be negative")
    return try Shape(checking: s[0].indices.map { before[$0] + s[0][$0] + after[$0] }, for: name)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor.full(context.shape, value, context.dtype, format: t[0].format)
    middle(of: y, t[0].shape).copyElements(from: t[0])
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [middle(of: dy, record.inputs[0].shape)]
  }

  private func middle(of y: Tensor, _ shape: Shape) -> Tensor {
    y.view(
      shape, strides: y.strides,
      offset: y.offset + before.indices.reduce(0) { $0 + before[$1] * y.strides[$1] })
  }
}
