/// `y = x W^T + b`: x [..., K], W [N, K], optional b [N]; y [..., N]. PyTorch linear, ONNX Gemm with transB. With
/// `relu`, which is never part of a captured graph, relu follows while the result is near.
public struct Linear: Op {
  public static let name = "linear"
  public let relu: Bool

  public init(relu: Bool = false) { self.relu = relu }

  public var keepsOutput: Bool { relu }
  public var withRelu: (any Op)? { Linear(relu: true) }

  public func shape(of s: [Shape]) throws -> Shape {
    let (x, weight) = (s[0], s[1])
    try require(x.rank > 0, "input must have at least one dimension, got a scalar")
    try require(weight.rank == 2, "weight must be [outputs, inputs], got \(weight)")
    let features = x[x.rank - 1]
    try require(
      features == weight[1], "input \(x) has \(features) features, weight \(weight) expects \(weight[1])")
    if s.count > 2 {
      try require(s[2] == [weight[0]], "bias must be [\(weight[0])] for weight \(weight), got \(s[2])")
    }
    return x.replacing(x.rank - 1, with: weight[0])
  }

  public func dtype(of types: [DType]) throws -> DType {
    for type in types {
      try require(type == types[0], "weight and bias must be \(types[0]) like the input, got \(type)")
    }
    try require(types[0] != .bool, "bool tensors have no arithmetic; convert with to(\"i32\") first")
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype)
    if y.count == 0 { return y }
    let bias = t.count > 2 ? t[2] : nil
    try MatrixProduct.run(
      Matrices(rowsOf: try t[0].contiguous()), Matrices(try t[1].contiguous()).transposed, bias: bias,
      relu: relu, into: y
    )
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, weight) = (record.inputs[0], record.inputs[1])
    let dy = relu ? try Relu.gradient(dy, through: record.output) : dy
    let rows = Matrices(rowsOf: try dy.contiguous())
    var result: [Tensor?] = [nil, nil]
    if record.needs[0] {
      let dx = try Tensor(undefined: x.shape, dy.dtype)
      try MatrixProduct.run(rows, Matrices(try weight.contiguous()), into: dx)
      result[0] = dx
    }
    if record.needs[1] {
      let dw = try Tensor(undefined: weight.shape, dy.dtype)
      try MatrixProduct.run(rows.transposed, Matrices(rowsOf: try x.contiguous()), into: dw)
      result[1] = dw
    }
    if record.inputs.count > 2 {
      result.append(record.needs[2] ? try Sum(axes: Array(0..<dy.rank - 1))(dy) : nil)
    }
    return result
  }

  public func cost(of s: [Shape], output: Shape) -> Cost { Cost(macsOf: output.elements, s[1][1]) }
}
