/// `y = x`, the same bytes or a copy of them. ONNX Identity.
///
/// One that stops gradients is what `detach` is in a captured graph; where it copies, what `clone` is.
public struct Identity: Op {
  public static let name = "identity"
  public let stopsGradient: Bool
  /// Whether the result may be changed in place and `x` stays as it is.
  public let copies: Bool

  public init(stopsGradient: Bool = false, copies: Bool = false) {
    (self.stopsGradient, self.copies) = (stopsGradient, copies)
  }

  public func shape(of s: [Shape]) throws -> Shape { s[0] }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    copies ? try t[0].copy() : t[0].detached()
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [stopsGradient ? nil : dy] }
}
