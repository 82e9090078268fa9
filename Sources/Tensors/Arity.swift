// Ops of one and of two inputs state their rules for those inputs; the rules for lists, which graphs and the tape
// speak, follow from them. So no list is made where an op is only computed.

/// An op of one input.
public protocol OneInputOp: Op {
  func shape(of x: Shape) throws -> Shape
  func dtype(of x: DType) throws -> DType
  func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor
}

extension OneInputOp {
  public func dtype(of x: DType) throws -> DType { x }

  public func shape(of inputs: [Shape]) throws -> Shape { try shape(of: inputs[0]) }
  public func dtype(of inputs: [DType]) throws -> DType { try dtype(of: inputs[0]) }
  public func forward(_ inputs: [Tensor], _ context: inout Context) throws -> Tensor {
    try forward(inputs[0], &context)
  }

  public func apply(_ x: Tensor) throws -> Tensor {
    try run(dtype(of: x.dtype), shape(of: x.shape), wanted: x.wantsGradient, inputs: [x]) {
      try forward(x, &$0)
    }
  }
}

/// An op of two inputs.
public protocol TwoInputOp: Op {
  func shape(of a: Shape, _ b: Shape) throws -> Shape
  func dtype(of a: DType, _ b: DType) throws -> DType
  func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor
}

extension TwoInputOp {
  public func shape(of inputs: [Shape]) throws -> Shape { try shape(of: inputs[0], inputs[1]) }
  public func dtype(of inputs: [DType]) throws -> DType { try dtype(of: inputs[0], inputs[1]) }
  public func forward(_ inputs: [Tensor], _ context: inout Context) throws -> Tensor {
    try forward(inputs[0], inputs[1], &context)
  }

  public func apply(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try run(
      dtype(of: a.dtype, b.dtype), shape(of: a.shape, b.shape), wanted: a.wantsGradient || b.wantsGradient,
      inputs: [a, b]
    ) { try forward(a, b, &$0) }
  }
}
