/// An op over sequences [N, C, L] that is an op over images [N, C, 1, L] of height 1.
protocol SequenceOp: Op {
  associatedtype Plane: Op
  /// The op over images.
  var plane: Plane { get }
  /// Refuses what the op over images would refuse, in terms of sequences.
  func check(_ inputs: [Shape]) throws
}

extension SequenceOp {
  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank == 3, "input must be [N, C, L], got \(s[0])")
    try check(s)
    return try plane.shape(of: s.map(\.lifted)).lowered
  }

  public func dtype(of types: [DType]) throws -> DType { try plane.dtype(of: types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    var inner = Context(
      shape: context.shape.lifted, dtype: context.dtype, recording: context.recording)
    let y = try plane.forward(t.map(\.lifted), &inner)
    for tensor in inner.saved { context.save(tensor) }
    return y.lowered
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let lifted = Record(inputs: record.inputs.map(\.lifted), saved: record.saved, needs: record.needs)
    return zip(try plane.backward(dy.lifted, lifted), record.inputs).map { gradient, input in
      input.rank == 3 ? gradient?.lowered : gradient
    }
  }

  public func cost(of inputs: [Shape], output: Shape) -> Cost {
    plane.cost(of: inputs.map(\.lifted), output: output.lifted)
  }

  /// Refuses a window that makes no sense or does not fit in the input `x`.
  func requireFit(of window: Window2d, in x: Shape) throws {
    try window.check(for: name)
    let padded = x[2] + window.padding.left + window.padding.right
    try require(
      padded >= window.reach.width,
      "input \(x) is shorter than the kernel: it covers \(window.reach.width) elements, the padded input has \(padded)"
    )
  }
}

extension Shape {
  /// [N, C, L] as [N, C, 1, L]; any other shape as it is.
  fileprivate var lifted: Shape { rank == 3 ? [self[0], self[1], 1, self[2]] : self }
  fileprivate var lowered: Shape { [self[0], self[1], self[3]] }
}

extension Tensor {
  fileprivate var lifted: Tensor {
    rank == 3
      ? view(shape.lifted, strides: [strides[0], strides[1], strides[2] * shape[2], strides[2]]) : self
  }
  fileprivate var lowered: Tensor { view(shape.lowered, strides: strides.lowered) }
}

extension Window2d {
  /// A window over the elements of a sequence.
  public static func sequence(_ kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1) -> Window2d
  {
    Window2d(
      kernel: Size2d(1, kernel), stride: Size2d(1, stride), padding: Padding2d(Size2d(0, padding)),
      dilation: Size2d(1, dilation))
  }
}
