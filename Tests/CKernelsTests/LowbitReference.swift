import CKernels

/// Weights of few bits, and the contract of qk_lowbit.h read once more over plain arrays.
struct LowbitMatrix {
  let n, k, group, bits: Int
  var codes: [UInt8]  // [n, k]
  var scales: [Float]  // [n, groups]
  var zeroPoints: [UInt8]?  // [n, groups]
  var bias: [Float]?

  var groups: Int { (k + group - 1) / group }

  func zeroPoint(_ column: Int, _ g: Int) -> Int {
    zeroPoints.map { Int($0[column * groups + g]) } ?? 1 << (bits - 1)
  }

  /// The integer a weight is, before its scale.
  func weight(_ column: Int, _ p: Int) -> Int { Int(codes[column * k + p]) - zeroPoint(column, p / group) }

  private func members(_ g: Int) -> Range<Int> { g * group..<min((g + 1) * group, k) }

  /// The chain over the groups of a column: acc = fma(part(g), scale(g), acc).
  private func chain(_ column: Int, rowScale: (Int) -> Float? = { _ in nil }, _ part: (Int) -> Float) -> Float
  {
    var acc: Float = 0
    for g in 0..<groups {
      let scale = scales[column * groups + g]
      acc.addProduct(part(g), rowScale(g).map { scale * $0 } ?? scale)
    }
    return acc
  }

  func product(_ x: [Float]) -> [Float] {
    (0..<n).map { column in
      let acc = chain(column) { g in
        var t: Float = 0
        for p in members(g) { t.addProduct(x[p], Float(weight(column, p))) }
        return t
      }
      return acc + (bias?[column] ?? 0)
    }
  }

  private func sum(_ column: Int, _ g: Int, _ x: [Int8]) -> Float {
    Float(members(g).reduce(0) { $0 + weight(column, $1) * Int(x[$1]) })
  }

  func product(_ x: [Int8], scale: Float, zeroPoint: Int8) -> [Float] {
    (0..<n).map { column in
      let acc = chain(column) { sum(column, $0, x) }
      let ones = chain(column) { sum(column, $0, [Int8](repeating: 1, count: k)) }
      return (bias?[column] ?? 0).addingProduct(acc.addingProduct(-Float(zeroPoint), ones), scale)
    }
  }

  func product(_ x: [Int8], groupScales: [Float]) -> [Float] {
    (0..<n).map { column in
      chain(column, rowScale: { groupScales[$0] }) { sum(column, $0, x) } + (bias?[column] ?? 0)
    }
  }
}

extension LowbitMatrix {
  /// Codes in ONNX MatMulNBits' order: the first in the lowest bits, groups padded.
  func nbits(_ rows: [[UInt8]], paddedTo count: Int) -> [UInt8] {
    rows.flatMap { row in
      var bytes = [UInt8](repeating: 0, count: (count * bits + 7) / 8)
      for (i, code) in row.enumerated() { bytes[i * bits / 8] |= code << (i * bits % 8) }
      return bytes
    }
  }

  /// Calls `body` with the weights as C sees them, in `order`.
  func withWeights<Result>(_ order: qk_code_order, _ body: (inout qk_lowbit_weights) throws -> Result)
    rethrows
    -> Result
  {
    func stored(_ codes: [UInt8], count: Int, padded: Int) -> [UInt8] {
      switch order {
      case QK_CODES_U8: codes
      case QK_CODES_S8: codes.map { $0 &- UInt8(1 << (bits - 1)) }
      default:
        nbits(
          stride(from: 0, to: codes.count, by: count).map { Array(codes[$0..<$0 + count]) }, paddedTo: padded)
      }
    }
    let codes = PagedArray(stored(codes, count: k, padded: groups * group))
    let zeroPoints = zeroPoints.map { PagedArray(stored($0, count: groups, padded: groups)) }
    let scales = PagedArray(scales), bias = bias.map(PagedArray.init)
    return try withExtendedLifetime((codes, zeroPoints, scales, bias)) {
      var weights = qk_lowbit_weights(
        n: n, k: k, group: group, bits: UInt32(bits), order: order, codes: codes.pointer,
        scales: scales.pointer,
        zero_points: zeroPoints?.pointer, bias: bias?.pointer)
      return try body(&weights)
    }
  }
}
