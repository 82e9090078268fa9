import CKernels
import Tensors
import Testing

@testable import Compression

@Suite struct PackedMatrixTests {
  /// Weights [n, k] with that share of zeros, in whole rows of 4 columns by 32 outputs or anywhere.
  private func weights(_ n: Int, _ k: Int, zeros: Double, inBlocks: Bool, seed: UInt64 = 1) -> [Int8] {
    var generator = Generator(seed: seed)
    let blocks = (0..<(n + 31) / 32 * ((k + 3) / 4)).map { _ in generator.uniform() >= zeros }
    return (0..<n * k).map { i in
      let kept = inBlocks ? blocks[i / k / 32 * ((k + 3) / 4) + i % k / 4] : generator.uniform() >= zeros
      let value = Int8(truncatingIfNeeded: generator.index(below: 255) - 127)
      return kept ? (value == 0 ? 1 : value) : 0
    }
  }

  private func values(_ weights: [Int8], n: Int) -> IntegerWeights {
    IntegerWeights(
      weights: weights, bias: (0..<n).map { Int32($0 * 7 - 100) },
      multipliers: (0..<n).map { 1e-4 * Float($0 + 1) },
      inputZeroPoint: 3, output: qk_output(kind: QK_OUTPUT_U8, zero_point: 120, lo: 0, hi: 255))
  }

  @Test(arguments: PackedMatrix.Form.allCases, [(1, 10, 9), (5, 33, 70), (64, 48, 128)])
  func everyFormGivesTheSameBits(form: PackedMatrix.Form, sizes: (rows: Int, n: Int, k: Int)) throws {
    let (rows, n, k) = sizes
    let values = values(weights(n, k, zeros: 0.7, inBlocks: false), n: n)
    let x = (0..<rows * k).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    func product(_ form: PackedMatrix.Form) throws -> [UInt8] {
      var y = [UInt8](repeating: 0, count: rows * n)
      try PackedMatrix(values, n: n, k: k, rows: rows, form: form).multiply(
        rows: rows, x, k, values.output, &y, n)
      return y
    }
    #expect(try product(form) == product(.dense))
  }

  @Test(.enabled(if: qk_isa_active() != 0, "the cost of portable code is not modelled"))
  func leavesZerosOutWhereThatPays() throws {
    let (n, k) = (512, 512)
    func form(_ weights: [Int8]) throws -> PackedMatrix.Form {
      try PackedMatrix(values(weights, n: n), n: n, k: k, rows: 32).form
    }
    #expect(try form(weights(n, k, zeros: 0, inBlocks: false)) == .dense)
    #expect(try form(weights(n, k, zeros: 0.95, inBlocks: true)) != .dense)
  }
}
