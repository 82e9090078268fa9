/// `y = x`, the same bytes. ONNX Identity.
///
/// One that stops gradients is what `detach` and `clone` are in a captured graph.
public struct Identity: Op {
  public static let name = "identity"
  public let stopsGradient: Bool

  public init(stopsGradient: Bool = false) { self.stopsGradient = stopsGradient }

  public func shape(of s: [Shape]) throws -> Shape { s[0] }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor { t[0].detached() }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [stopsGradient ? nil : dy] }
}
