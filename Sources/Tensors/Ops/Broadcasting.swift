/// An op over two tensors that broadcast to one shape (NumPy's rule) and have one element type.
public protocol BroadcastingOp: Op {}

extension BroadcastingOp {
  public func shape(of s: [Shape]) throws -> Shape {
    guard let shape = Shape.broadcast(s[0], s[1]) else {
      throw ShapeError(name, "shapes \(s[0]) and \(s[1]) do not broadcast")
    }
    return shape
  }
}

extension Tensor {
  /// The gradient of an input that was broadcast: the sum over what it was repeated along.
  func summed(to target: Shape) throws -> Tensor {
    if shape == target { return self }
    let missing = rank - target.rank
    let axes = (0..<rank).filter { $0 < missing || (target[$0 - missing] == 1 && shape[$0] != 1) }
    return try Sum(axes: axes, keepDims: true)(self).reshaped(target)
  }
}
