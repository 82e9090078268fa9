import CKernels
import Compression
import Tensors

extension IntegerSoftmax: CExportable {
  func write(to c: inout CStep) throws {
    let exponential = try c.exponentials(of: table)
    c.call(
      "softmax_rows_each", of: "softmax_rows.h",
      [
        exponential, try c.scale(table.inverse_scale), "\(table.zero_point)", "\(rows)", "\(length)",
        c.inputs[0], c.output,
      ])
  }
}

extension IntegerLayerNorm: CExportable {
  func write(to c: inout CStep) throws {
    let (gamma, beta) = (
      try c.array("gamma", gain, "gain of each of \(gain.count)"), try c.array("beta", shift, "shift")
    )
    let scale = Double(inputScale) * Double(inputScale)
    let (bytes, floats) = zeroPoint == nil ? ("NULL", c.output) : (c.output, "NULL")
    let rows =
      "\(rows), \(gain.count), \(try (Double(epsilon) / scale).c), \(gamma), \(beta), \(c.inputs[0]), "
      + "\(gain.count), \(zeroPoint ?? 0), \(lowest), \(highest), \(bytes), \(floats), \(gain.count)"
    c.call("layer_norm_each", of: "layer_norm.h", ["&(\(c.kernel("layer_norm_rows"))){\(rows)}"])
  }
}

extension IntegerAttention: CExportable {
  /// The scores of one query.
  var cScratchBytes: Int { geometry.keys }

  func write(to c: inout CStep) throws {
    let g = geometry
    let attention = c.structure(
      "attention", "attention",
      [
        ("queries", "\(g.queries)"), ("keys", "\(g.keys)"), ("heads", "\(g.heads)"),
        ("key_size", "\(g.keySize)"), ("value_size", "\(g.valueSize)"),
        ("exponential", try c.exponentials(of: softmax)), ("score_multiplier", try c.scale(scoreMultiplier)),
        ("multiplier", try c.scale(outputMultiplier)), ("is_causal", g.isCausal ? "1" : "0"),
        ("q_zero_point", "\(queryZeroPoint)"), ("score_zero_point", "\(scoresStage.zero_point)"),
        ("zero_point", "\(outputStage.zero_point)"), ("lo", "\(outputStage.lo)"),
        ("hi", "\(outputStage.hi)"),
      ])
    c.call("attend", of: "attention.h", [attention] + c.inputs + [c.output, c.scratch])
  }
}

extension CStep {
  fileprivate mutating func exponentials(of table: qk_softmax_u8_table) throws -> String {
    let values = withUnsafeBytes(of: table.exponential) { Array($0.bindMemory(to: UInt32.self)) }
    return try array(
      "exponential", values, "e to the power of minus 0, 1, ... 255 steps, times 2 to the 23rd")
  }
}
