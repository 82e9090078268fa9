/// Dimension i of the result is dimension `permutation[i]` of the input; a view. ONNX Transpose.
public struct Transpose: Op {
  public static let name = "transpose"
  public let permutation: [Int]
  public init(_ permutation: [Int]) { self.permutation = permutation }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      permutation.sorted() == Array(0..<s[0].rank),
      "\(permutation.map { $0 + 1 }) does not name each of the \(s[0].rank) dimensions of \(s[0]) once")
    return Shape(permutation.map { s[0][$0] })
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    t[0].view(context.shape, strides: Strides(permutation.map { t[0].strides[$0] }))
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    var inverse = permutation
    for (i, axis) in permutation.enumerated() { inverse[axis] = i }
    return [try Transpose(inverse)(dy)]
  }
}
