/// The elements as another type; floats to integers are truncated and saturate, NaN becomes 0. ONNX Cast.
public struct Cast: Op {
  public static let name = "cast"
  public let target: DType
  public init(to target: DType) { self.target = target }

  public func shape(of s: [Shape]) throws -> Shape { s[0] }
  public func dtype(of types: [DType]) throws -> DType { target }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try t[0].dtype == target ? t[0].detached() : t[0].converted(to: target)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try dy.converted(to: record.inputs[0].dtype)]
  }
}
