import COneDNN

/// How the factors of matrix products and convolutions of f32 tensors are multiplied. Tensors stay f32 and so do sums,
/// weights, their gradients and everything else (Micikevicius et al., "Mixed precision training", ICLR 2018; bf16
/// needs no scaling of the loss, for its exponents are those of f32).
public enum Precision: String, CaseIterable, Sendable {
  case f32
  /// Factors rounded to 8 bits of mantissa, to nearest. Products of a few thousand multiplications stay f32.
  case bf16

  /// That of the calling thread.
  public static var current: Precision { ThreadState.current.pointee.precision }

  /// Whether the processor has it.
  public var isAvailable: Bool { self == .f32 || od_has_bf16() }

  /// Calls `body` with this precision; what it records has its gradients computed with it too, whenever that is.
  ///
  /// - Throws: where the processor has no such arithmetic.
  public static func with<Result>(_ precision: Precision, _ body: () throws -> Result) throws -> Result {
    try require(
      precision.isAvailable, "precision",
      "bf16 needs a processor with AVX512_BF16, which this one is not; use \"f32\"")
    let state = ThreadState.current
    let before = state.pointee.precision
    state.pointee.precision = precision
    defer { state.pointee.precision = before }
    return try body()
  }

  static var kernels: od_precision { current == .bf16 ? OD_BF16 : OD_F32 }
}
