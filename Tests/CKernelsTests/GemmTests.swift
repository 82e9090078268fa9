import CKernels
import Testing

@Suite struct GemmTests {
  struct Size: CustomStringConvertible, Sendable {
    let m, n, k: Int
    var description: String { "\(m)x\(n)x\(k)" }
  }

  /// Every tail of the register tiles: rows to 29, columns around 16, 32 and 64, depths around steps of 1, 2 and 4.
  static let sizes: [Size] = {
    var sizes = (1...29).map { Size(m: $0, n: [16, 17, 33][$0 % 3], k: 8 + $0) }
    sizes += (1...29).map { Size(m: $0, n: [1, 9, 16][$0 % 3], k: 8 * (1 + $0 % 5)) }
    for n in [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100] {
      sizes.append(Size(m: 5, n: n, k: 11))
    }
    for k in 1...20 { sizes += [Size(m: 1, n: 20, k: k), Size(m: 3, n: 9, k: k)] }
    return sizes + [Size(m: 113, n: 5, k: 3), Size(m: 250, n: 40, k: 64), Size(m: 1, n: 130, k: 515)]
  }()

  @Test(arguments: Level.runnable, sizes) func equalsTheContract(level: Level, size: Size) throws {
    for (index, fill) in Fill.allCases.enumerated() {
      var generator = Generator(size.m * 1000 + size.n * 100 + size.k + index)
      let (m, n, k) = (size.m, size.n, size.k)
      let stride = k + index * 3
      let a: [UInt8] = fill.bytes((m - 1) * stride + k, &generator)
      let w: [Int8] = fill.bytes(n * k, &generator)
      let bias = randomBias(n, &generator), multiplier = randomMultipliers(n, depth: k, &generator)
      let signed = a.map { Int8(bitPattern: $0 ^ 0x80) }
      for zeroPoint: UInt8 in [0, 128, 255] {
        let packed = try pack(level, n, k, w, bias, multiplier, zeroPoint)
        let packedForSigned = try pack(level, n, k, w, bias, multiplier, signed: Int8(Int(zeroPoint) - 128))
        let sums = Reference.product(m, n, k, a, stride: stride, zeroPoint, w, bias)
        for var output in qk_output.all {
          let yStride = n + index
          let expected = sums.enumerated().map { Reference.store($1, multiplier[$0 % n], output) }
          let (y, intact) = outputs(output, (m - 1) * yStride + n) {
            #expect(qk_gemm_u8s8(packed.pointer, m, a, stride, &output, $0, yStride) == QK_OK)
          }
          let rows = (0..<m).flatMap { y[$0 * yStride..<$0 * yStride + n] }
          #expect(rows == expected, "\(fill), zero point \(zeroPoint), output \(output)")
          #expect(intact)
          let (ySigned, intactSigned) = outputs(output, (m - 1) * yStride + n) {
            #expect(
              qk_gemm_s8s8(packedForSigned.pointer, m, signed, stride, &output, $0, yStride) == QK_OK)
          }
          #expect(ySigned == y && intactSigned, "s8: \(fill), zero point \(zeroPoint), output \(output)")
        }
      }
    }
  }

  /// Multipliers and biases so large that no product fits an integer, both ways.
  @Test(arguments: Level.runnable) func outOfRangeProductsSaturateInWholeTiles(level: Level) throws {
    let (m, n, k) = (15, 40, 24)
    var generator = Generator(1)
    let a: [UInt8] = Fill.random.bytes(m * k, &generator), w: [Int8] = Fill.random.bytes(n * k, &generator)
    let bias = randomBias(n, &generator)
    let multiplier = (0..<n).map { [0.01, 1e6, 3e38][$0 % 3] as Float }
    let packed = try pack(level, n, k, w, bias, multiplier, 77)
    let sums = Reference.product(m, n, k, a, stride: k, 77, w, bias)
    for var output in qk_output.all {
      let expected = sums.enumerated().map { Reference.store($1, multiplier[$0 % n], output) }
      let (y, intact) = outputs(output, m * n) {
        #expect(qk_gemm_u8s8(packed.pointer, m, a, k, &output, $0, n) == QK_OK)
      }
      #expect(y == expected && intact, "\(output)")
    }
  }

  @Test(arguments: Level.runnable) func rangesOfColumnsMakeTheWholeProduct(level: Level) throws {
    let (m, n, k) = (3, 150, 21)
    var generator = Generator(2)
    let a: [UInt8] = Fill.random.bytes(m * k, &generator), w: [Int8] = Fill.random.bytes(n * k, &generator)
    let bias = randomBias(n, &generator), multiplier = randomMultipliers(n, depth: k, &generator)
    let packed = try pack(level, n, k, w, bias, multiplier, 9)
    let step = qk_gemm_column_step(packed.pointer)
    for var output in qk_output.all {
      let (whole, _) = outputs(output, m * n) {
        #expect(qk_gemm_u8s8(packed.pointer, m, a, k, &output, $0, n) == QK_OK)
      }
      for cut in stride(from: step, to: n, by: step) {
        for (first, end) in [(0, cut), (cut, n)] {
          let (part, intact) = outputs(output, m * (end - first)) {
            #expect(
              qk_gemm_u8s8_columns(packed.pointer, first, end - first, m, a, k, &output, $0, end - first)
                == QK_OK)
          }
          #expect(part == (0..<m).flatMap { whole[$0 * n + first..<$0 * n + end] } && intact)
        }
      }
    }
    var output = qk_output.all[0]
    var y = [UInt8](repeating: 0, count: n)
    for (first, count) in [(1, step), (0, step + 1), (0, 0), (0, n + step), (step, Int.max)] {
      #expect(
        qk_gemm_u8s8_columns(packed.pointer, first, count, 1, a, k, &output, &y, n) == QK_BAD_SIZE)
    }
  }

  /// As attention multiplies: the operand's rows lie between those of other heads.
  @Test(
    arguments: Level.runnable,
    [(20, 128, 32), (9, 32, 128), (5, 9, 16), (5, 1, 1), (5, 16, 2), (5, 33, 3), (5, 75, 5), (5, 40, 7)].map {
      Size(m: $0, n: $1, k: $2)
    })
  func operandsOfRunTimeMultiplyAsWeightsDo(level: Level, size: Size) throws {
    let (m, n, k) = (size.m, size.n, size.k), gap = 5
    var generator = Generator(m * 1000 + n * 100 + k)
    let a: [UInt8] = Fill.random.bytes(m * k, &generator)
    for fill in Fill.allCases {
      let values: [UInt8] = fill.bytes(n * k, &generator)  // [n, k], of zero point 128
      let sums = Reference.product(
        m, n, k, a, stride: k, 200, values.map { Int8(bitPattern: $0 ^ 0x80) },
        [Int32](repeating: 0, count: n))
      for rowsOfK in [false, true] {
        let (rows, length) = rowsOfK ? (k, n) : (n, k)
        var b = [UInt8](repeating: 77, count: (rows - 1) * (length + gap) + length)
        for row in 0..<rows {
          for i in 0..<length {
            b[row * (length + gap) + i] = rowsOfK ? values[i * k + row] : values[row * k + i]
          }
        }
        let operand = try packed(level, n, k) {
          qk_gemm_u8s8_pack_operand(level.isa, n, k, b, length + gap, rowsOfK, 0.003, 200, $0)
        }
        for var output in qk_output.all {
          let (y, intact) = outputs(output, m * n) {
            #expect(qk_gemm_u8s8(operand.pointer, m, a, k, &output, $0, n) == QK_OK)
          }
          let expected = sums.map { Reference.store($0, 0.003, output) }
          #expect(y == expected && intact, "\(fill), \(rowsOfK)")
        }
      }
    }
  }

  @Test(arguments: Level.runnable) func largestSumsAreExact(level: Level) throws {
    let k = Int(QK_MAX_DEPTH)
    let a = [UInt8](repeating: 255, count: k)
    for (weight, sum) in [(Int8(-128), -255 * 128 * k), (127, 255 * 127 * k)] {
      let packed = try pack(level, 1, k, [Int8](repeating: weight, count: k), [8 << 20], [1], 0)
      var output = qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0)
      var y = Int32(0)
      #expect(qk_gemm_u8s8(packed.pointer, 1, a, k, &output, &y, 1) == QK_OK)
      #expect(Int(y) == sum + 8 << 20)
    }
  }

  @Test(arguments: Level.runnable) func hugeProductsSaturate(level: Level) throws {
    var output = qk_output(kind: QK_OUTPUT_U8, zero_point: 10, lo: 5, hi: 250)
    for (weight, expected) in [(Int8(127), UInt8(250)), (-127, 5), (0, 10)] {
      for multiplier: Float in [1e9, .greatestFiniteMagnitude] {
        let packed = try pack(
          level, 3, 2, [Int8](repeating: weight, count: 6), [0, 0, 0], [multiplier, multiplier, multiplier], 0
        )
        var y: [UInt8] = [0, 0, 0]
        #expect(qk_gemm_u8s8(packed.pointer, 1, [255, 255], 2, &output, &y, 3) == QK_OK)
        #expect(y == [expected, expected, expected])
      }
    }
  }

  /// Sums 0.5, 1.5, 2.5, ... rounded to even.
  @Test(arguments: Level.runnable) func halvesRoundToEven(level: Level) throws {
    let a = (0..<20).map { UInt8(2 * $0 + 1) }
    let packed = try pack(level, 1, 1, [1], [0], [0.5], 0)
    var output = qk_output(kind: QK_OUTPUT_U8, zero_point: 0, lo: 0, hi: 255)
    var y = [UInt8](repeating: 0, count: a.count)
    #expect(qk_gemm_u8s8(packed.pointer, a.count, a, 1, &output, &y, 1) == QK_OK)
    #expect(y == [0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14, 16, 16, 18, 18, 20])
  }

  @Test func refusesWhatItCannotDo() throws {
    var bytes = 0
    let memory = AlignedMemory(4096)
    #expect(qk_gemm_u8s8_packed_bytes(0, 0, 4, &bytes) == QK_BAD_SIZE)
    #expect(qk_gemm_u8s8_packed_bytes(0, 1, Int(QK_MAX_DEPTH) + 1, &bytes) == QK_TOO_DEEP)
    #expect(qk_gemm_u8s8_packed_bytes(0, Int.max / 2, 64, &bytes) == QK_BAD_SIZE)
    for scale: Float in [0, -1, .nan, .infinity] {
      #expect(qk_gemm_u8s8_pack(0, 1, 1, [1], nil, [scale], 0, memory.pointer) == QK_BAD_SCALE)
    }
    #expect(qk_gemm_u8s8_pack(0, 1, 1, [1], nil, nil, 0, memory.pointer + 1) == QK_BAD_ALIGNMENT)
    #expect(qk_gemm_u8s8_pack_operand(0, 2, 3, [], 2, false, 1, 0, memory.pointer) == QK_BAD_SIZE)
    #expect(qk_gemm_u8s8_pack_operand(0, 2, 3, [], 1, true, 1, 0, memory.pointer) == QK_BAD_SIZE)
    #expect(qk_gemm_u8s8_pack_operand(0, 2, 3, [], 3, false, 0, 0, memory.pointer) == QK_BAD_SCALE)
    #expect(qk_gemm_u8s8_pack(0, 1, 1, [1], nil, nil, 0, memory.pointer) == QK_OK)
    var output = qk_output(kind: QK_OUTPUT_U8, zero_point: 0, lo: 2, hi: 1)
    var y: UInt8 = 0
    #expect(qk_gemm_u8s8(memory.pointer, 1, [1], 1, &output, &y, 1) == QK_BAD_RANGE)
    output = qk_output(kind: QK_OUTPUT_S8, zero_point: 0, lo: 0x02, hi: 0x81)
    #expect(qk_gemm_u8s8(memory.pointer, 1, [1], 1, &output, &y, 1) == QK_BAD_RANGE)
    output = qk_output(kind: QK_OUTPUT_S8, zero_point: 0, lo: 0x81, hi: 0x02)
    #expect(qk_gemm_u8s8(memory.pointer, 1, [1], 1, &output, &y, 1) == QK_OK)
    #expect(qk_gemm_s8s8(memory.pointer, 1, [1], 1, &output, &y, 1) == QK_BAD_PACKING)
  }

  private func pack(
    _ level: Level, _ n: Int, _ k: Int, _ w: [Int8], _ bias: [Int32], _ multiplier: [Float],
    _ zeroPoint: UInt8
  ) throws -> AlignedMemory {
    try packed(level, n, k) { qk_gemm_u8s8_pack(level.isa, n, k, w, bias, multiplier, zeroPoint, $0) }
  }

  private func pack(
    _ level: Level, _ n: Int, _ k: Int, _ w: [Int8], _ bias: [Int32], _ multiplier: [Float],
    signed zeroPoint: Int8
  ) throws -> AlignedMemory {
    try packed(level, n, k) { qk_gemm_s8s8_pack(level.isa, n, k, w, bias, multiplier, zeroPoint, $0) }
  }

  private func packed(
    _ level: Level, _ n: Int, _ k: Int, _ pack: (UnsafeMutableRawPointer) -> qk_status
  ) throws -> AlignedMemory {
    var bytes = 0
    try #require(qk_gemm_u8s8_packed_bytes(level.isa, n, k, &bytes) == QK_OK)
    let memory = AlignedMemory(bytes)
    try #require(pack(memory.pointer) == QK_OK)
    return memory
  }
}
