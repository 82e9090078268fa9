import CKernels
import Tensors

/// s8 weights [N, K] packed for this processor, all of them or without their zeros. Every form gives the same bits.
public final class PackedMatrix {
  public enum Form: String, CaseIterable, Sendable {
    case dense
    /// Blocks of 16 or 32 output columns by 4 of K are left out where they are all zero.
    case blocks16 = "sparse 16x4"
    case blocks32 = "sparse 32x4"
    /// Every zero is left out.
    case scattered = "sparse"

    fileprivate var kind: qk_sparse_kind? {
      switch self {
      case .dense: nil
      case .blocks16: QK_SPARSE_BLOCKS_16
      case .blocks32: QK_SPARSE_BLOCKS_32
      case .scattered: QK_SPARSE_SCATTERED
      }
    }
  }

  public let form: Form
  private let packed: AlignedBytes
  var byteCount: Int { packed.count }

  /// - Parameters:
  ///   - rows: rows of x that will come together: what the quickest form depends on.
  ///   - form: that one instead of the quickest.
  init(_ values: IntegerWeights, n: Int, k: Int, rows: Int, form: Form? = nil) throws {
    let isa = qk_isa_active()
    self.form = form ?? Self.quickest(values.weights, n: n, k: k, rows: rows, isa)
    var bytes = 0
    if let kind = self.form.kind {
      try checkStatus(qk_sparse_u8s8_packed_bytes(kind, n, k, values.weights, &bytes), "linear")
      packed = AlignedBytes(count: bytes)
      try checkStatus(
        qk_sparse_u8s8_pack(
          isa, kind, n, k, values.weights, values.bias, values.multipliers, values.inputZeroPoint,
          packed.pointer),
        "linear")
    } else {
      try checkStatus(qk_gemm_u8s8_packed_bytes(isa, n, k, &bytes), "linear")
      packed = AlignedBytes(count: bytes)
      try checkStatus(
        qk_gemm_u8s8_pack(
          isa, n, k, values.weights, values.bias, values.multipliers, values.inputZeroPoint, packed.pointer),
        "linear")
    }
  }

  /// y [rows, N] of x [rows, K]: rows of x `xStride` bytes apart, those of y `yStride` elements.
  func multiply(
    rows: Int, _ x: UnsafePointer<UInt8>, _ xStride: Int, _ output: qk_output, _ y: UnsafeMutableRawPointer,
    _ yStride: Int
  ) throws {
    var stage = output
    try checkStatus(
      form == .dense
        ? qk_gemm_u8s8(packed.pointer, rows, x, xStride, &stage, y, yStride)
        : qk_sparse_u8s8(packed.pointer, rows, x, xStride, &stage, y, yStride), "linear")
  }

  private static func quickest(_ weights: [Int8], n: Int, k: Int, rows: Int, _ isa: UInt32) -> Form {
    var work = qk_sparse_work_of(n, k, weights)
    return switch qk_product_quickest(isa, rows, n, &work) {
    case QK_PRODUCT_BLOCKS_16: .blocks16
    case QK_PRODUCT_BLOCKS_32: .blocks32
    case QK_PRODUCT_SCATTERED: .scattered
    default: .dense
    }
  }
}
