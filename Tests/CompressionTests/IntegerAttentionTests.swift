import CKernels
import Tensors
import Testing

@testable import Compression

@Suite struct IntegerAttentionTests {
  private func bytes(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(
      [count], (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.index(below: 256)) })
  }

  @Test(arguments: [false, true], [(7, 7, 2, 5, 16), (1, 9, 1, 33, 3), (6, 3, 3, 4, 17)])
  func isTheAttentionThatStandsAlone(isCausal: Bool, sizes: (t: Int, s: Int, heads: Int, d: Int, e: Int))
    throws
  {
    let geometry = IntegerAttention.Geometry(
      queries: sizes.t, keys: sizes.s, heads: sizes.heads, keySize: sizes.d, valueSize: sizes.e,
      isCausal: isCausal)
    let step = try IntegerAttention(
      geometry, scale: 0.2, query: QuantParams(scale: 0.03, zeroPoint: 111),
      key: QuantParams(scale: 0.02, zeroPoint: 128), value: QuantParams(scale: 0.05, zeroPoint: 128),
      scores: QuantParams(scale: 0.04, zeroPoint: 140), result: QuantParams(scale: 0.02, zeroPoint: 90))
    let inputs = try step.inputElements.enumerated().map { try bytes($1, seed: UInt64($0)) }
    let output = try bytes(step.outputElements, seed: 9)
    try step.run(batch: 1, inputs, into: output)

    var alone = [UInt8](repeating: 0, count: step.outputElements)
    var scores = [UInt8](repeating: 0, count: sizes.s)
    let (q, k, v) = (
      try inputs[0].array(UInt8.self), try inputs[1].array(UInt8.self), try inputs[2].array(UInt8.self)
    )
    withUnsafeBytes(of: step.softmax.exponential) { exponential in
      var attention = qk_attention(
        queries: sizes.t, keys: sizes.s, heads: sizes.heads, key_size: sizes.d, value_size: sizes.e,
        exponential: exponential.bindMemory(to: UInt32.self).baseAddress,
        score_multiplier: step.scoreMultiplier, multiplier: step.outputMultiplier,
        is_causal: isCausal ? 1 : 0, q_zero_point: 111, score_zero_point: 140, zero_point: 90,
        lo: 0, hi: 255)
      qk_attend(&attention, q, k, v, &alone, &scores)
    }
    #expect(try alone == output.array(UInt8.self))
    #expect(Set(alone).count > 2)
  }
}
