import CKernels
import Testing

@Suite struct LowbitTests {
  struct Size: CustomStringConvertible, Sendable {
    let m, n, k, group: Int
    var description: String { "\(m)x\(n)x\(k) in groups of \(group)" }
  }

  /// Every tail: rows around the tiles' 1 to 8, columns around 8, 16 and 32, depths around 4 and the group.
  static let sizes: [Size] =
    (1...13).map { Size(m: $0, n: [16, 33][$0 % 2], k: 32 + $0, group: 32) }
    + [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 65].map { Size(m: 2, n: $0, k: 20, group: 16) }
    + [16, 32, 64, 128].flatMap { group in
      [1, 3, 4, group - 1, group, group + 1, 2 * group + 5].map { Size(m: 3, n: 18, k: $0, group: group) }
    } + [Size(m: 1, n: 40, k: 515, group: 32), Size(m: 17, n: 70, k: 256, group: 128)]

  @Test(arguments: Level.runnable, sizes) func equalsTheContract(level: Level, size: Size) throws {
    var generator = Generator(size.m * 1000 + size.n * 100 + size.k + size.group)
    for bits in [2, 4, 8] {
      for fill in Fill.allCases {
        let matrix = random(size, bits: bits, fill, &generator)
        let packed = try pack(matrix, level)
        try checkF32(matrix, packed, size.m, fill, &generator)
        try checkS8(matrix, packed, size.m, fill, &generator)
      }
    }
  }

  @Test(arguments: Level.runnable) func troublesomeNumbersSpreadAsTheContractSays(level: Level) throws {
    var generator = Generator(5)
    let matrix = random(Size(m: 1, n: 33, k: 70, group: 32), bits: 4, .random, &generator)
    let packed = try pack(matrix, level)
    for seed in 0..<20 as Range<UInt64> {
      var x = randomFloats(70, seed: seed)
      x[Int(seed) * 3] = awkwardFloats(60, seed: seed)[Int(seed) * 2]
      x[1] = [3e38, -3e38, 0x1p-149, -0x1p-130][Int(seed % 4)]
      #expect(
        bits(try run(packed, 1, 33) { qk_lowbit_f32($0, 1, x, 70, $1, 33, $2) }) == bits(matrix.product(x)))
    }
  }

  @Test(arguments: Level.runnable) func largestSumsAreExact(level: Level) throws {
    for (zeroPoint, code) in [(UInt8(0), UInt8(255)), (255, 0)] {
      let matrix = LowbitMatrix(
        n: 1, k: 256, group: 128, bits: 8, codes: .init(repeating: code, count: 256), scales: [1, 1],
        zeroPoints: [zeroPoint, zeroPoint])
      let packed = try pack(matrix, level)
      for x in [Int8.min, Int8.max] {
        let y = try run(packed, 1, 1) {
          qk_lowbit_s8($0, 1, [Int8](repeating: x, count: 256), 256, [1], nil, $1, 1, $2)
        }
        #expect(y == [Float((Int(code) - Int(zeroPoint)) * Int(x) * 256)])
      }
    }
  }

  @Test func everyOrderOfCodesPacksTheSame() throws {
    var generator = Generator(7)
    for bits in [2, 4, 8] {
      for k in [31, 64] {
        var matrix = random(Size(m: 1, n: 5, k: k, group: 16), bits: bits, .random, &generator)
        matrix.zeroPoints = codes(5 * matrix.groups, bits: bits, .random, &generator)
        let x: [Int8] = Fill.random.bytes(k, &generator)
        let expected = matrix.product(x, scale: 1, zeroPoint: 3)
        for order in [QK_CODES_U8, QK_CODES_S8, QK_CODES_NBITS] {
          let packed = try pack(matrix, Level.runnable[0], order)
          #expect(try run(packed, 1, 5) { qk_lowbit_s8($0, 1, x, k, [1], [3], $1, 5, $2) } == expected)
        }
      }
    }
  }

  /// Weights -0.5, 0, 0.5 as 2-bit codes about 1.
  @Test(arguments: Level.runnable) func ternaryWeightsAddAndSubtract(level: Level) throws {
    let matrix = LowbitMatrix(
      n: 2, k: 4, group: 16, bits: 2, codes: [0, 1, 2, 2, 1, 1, 1, 0], scales: [0.5, 0.5],
      zeroPoints: [1, 1],
      bias: [0, 10])
    let packed = try pack(matrix, level)
    #expect(try run(packed, 1, 2) { qk_lowbit_f32($0, 1, [1, 2, 3, 4], 4, $1, 2, $2) } == [3, 8])
    #expect(try run(packed, 1, 2) { qk_lowbit_s8($0, 1, [1, 2, 3, 4], 4, [2], nil, $1, 2, $2) } == [6, 6])
  }

  @Test func scalesThatFitHalfPrecisionTakeHalfTheMemory() throws {
    var matrix = LowbitMatrix(
      n: 32, k: 32, group: 32, bits: 4, codes: .init(repeating: 0, count: 1024),
      scales: .init(repeating: 0.1, count: 32))
    let whole = try matrix.withWeights(QK_CODES_U8) { try bytes(&$0) }
    qk_round_f16(32, matrix.scales, &matrix.scales)
    #expect(try matrix.withWeights(QK_CODES_U8) { try bytes(&$0) } == whole - 64)
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func halfPrecisionRoundsToNearestEven() {
      var numbers =
        awkwardFloats(100, seed: 1) + [65503.9, 65504, 65519, 65520, -70000, 2047.5, 2048.5, 2049.5]
      for exponent in -30...16 {
        let power = Float(sign: .plus, exponent: exponent, significand: 1)
        numbers += [1, 1 + 0x1p-11, 1 + 0x1p-10, 1 + 3 * 0x1p-11, 1.99999, -1.2345].map { $0 * power }
      }
      var rounded = [Float](repeating: 0, count: numbers.count)
      qk_round_f16(numbers.count, numbers, &rounded)
      let largest = Float(Float16.greatestFiniteMagnitude)
      #expect(
        bits(rounded) == bits(numbers.map { $0.isNaN ? $0 : Float(Float16(max(-largest, min(largest, $0)))) })
      )
    }
  #endif

  @Test func refusesWhatItCannotDo() throws {
    let memory = AlignedMemory(4096)
    func status(_ change: (inout qk_lowbit_weights) -> Void) -> qk_status {
      let matrix = LowbitMatrix(
        n: 2, k: 16, group: 16, bits: 4, codes: .init(repeating: 15, count: 32), scales: [1, 1],
        zeroPoints: [3, 3])
      return matrix.withWeights(QK_CODES_U8) {
        change(&$0)
        return qk_lowbit_pack(0, &$0, memory.pointer)
      }
    }
    #expect(status { _ in } == QK_OK)
    #expect(status { $0.n = 0 } == QK_BAD_SIZE)
    #expect(status { $0.k = 0 } == QK_BAD_SIZE)
    #expect(status { $0.k = Int(QK_MAX_DEPTH) + 1 } == QK_TOO_DEEP)
    #expect(status { $0.n = .max / 2 } == QK_BAD_SIZE)
    for bits: UInt32 in [0, 1, 3, 5, 16] { #expect(status { $0.bits = bits } == QK_BAD_BITS) }
    for group in [0, 8, 24, 256] { #expect(status { $0.group = group } == QK_BAD_BITS) }
    for scale in [Float.nan, .infinity, -.infinity] {
      let scales = [1, scale]
      scales.withUnsafeBufferPointer { s in #expect(status { $0.scales = s.baseAddress } == QK_BAD_SCALE) }
    }
    #expect(status { $0.bits = 2 } == QK_BAD_BITS)  // a zero point of 3 fits, codes of 15 do not
    #expect(status { $0.order = QK_CODES_S8 } == QK_BAD_BITS)
    #expect(status { _ in } == QK_OK)
    let scratch = AlignedMemory(qk_lowbit_scratch_bytes(memory.pointer))
    let x = [Int8](repeating: 0, count: 32)
    var y = [Float](repeating: 0, count: 4)
    for scale in [Float(0), -1, .nan, .infinity] {
      #expect(
        qk_lowbit_s8(memory.pointer, 2, x, 16, [1, scale], nil, &y, 2, scratch.pointer) == QK_BAD_SCALE)
    }
    #expect(qk_lowbit_s8(memory.pointer, 2, x, 15, [1, 1], nil, &y, 2, scratch.pointer) == QK_BAD_SIZE)
    #expect(qk_lowbit_s8(memory.pointer, 2, x, 16, [1, 1], nil, &y, 1, scratch.pointer) == QK_BAD_SIZE)
    #expect(qk_lowbit_s8(memory.pointer, 1, x, 16, [1], nil, &y, 2, scratch.pointer + 4) == QK_BAD_ALIGNMENT)
    #expect(qk_lowbit_s8(memory.pointer, 0, x, 16, [1], nil, &y, 2, scratch.pointer) == QK_OK)
  }

  // MARK: pieces

  private func codes(_ count: Int, bits: Int, _ fill: Fill, _ generator: inout Generator) -> [UInt8] {
    fill.bytes(count, &generator).map { (byte: UInt8) in byte >> (8 - bits) }
  }

  private func random(_ size: Size, bits: Int, _ fill: Fill, _ generator: inout Generator) -> LowbitMatrix {
    let groups = (size.k + size.group - 1) / size.group
    var matrix = LowbitMatrix(
      n: size.n, k: size.k, group: size.group, bits: bits,
      codes: codes(size.n * size.k, bits: bits, fill, &generator),
      scales: (0..<size.n * groups).map { _ in .random(in: -2...2, using: &generator) })
    if Bool.random(using: &generator) {
      matrix.zeroPoints = codes(size.n * groups, bits: bits, fill, &generator)
    }
    if Bool.random(using: &generator) { qk_round_f16(matrix.scales.count, matrix.scales, &matrix.scales) }
    if Bool.random(using: &generator) {
      matrix.bias = (0..<size.n).map { _ in .random(in: -9...9, using: &generator) }
    }
    return matrix
  }

  private func bytes(_ weights: inout qk_lowbit_weights) throws -> Int {
    var bytes = 0
    try #require(qk_lowbit_packed_bytes(&weights, &bytes) == QK_OK)
    return bytes
  }

  private func pack(_ matrix: LowbitMatrix, _ level: Level, _ order: qk_code_order = QK_CODES_U8) throws
    -> PagedArray<UInt8>
  {
    try matrix.withWeights(order) { weights in
      let packed = PagedArray(repeating: UInt8(0xA5), count: try bytes(&weights))
      try #require(qk_lowbit_pack(level.isa, &weights, packed.pointer) == QK_OK)
      return packed
    }
  }

  /// The m rows of `columns` floats that `multiply(packed, y, scratch)` writes.
  private func run(
    _ packed: PagedArray<UInt8>, _ m: Int, _ columns: Int,
    _ multiply: (UnsafeRawPointer, UnsafeMutablePointer<Float>, UnsafeMutableRawPointer) -> qk_status
  ) throws -> [Float] {
    let y = PagedArray(repeating: Float(77), count: m * columns)
    let scratch = PagedArray(repeating: UInt8(0xA5), count: qk_lowbit_scratch_bytes(packed.pointer))
    try #require(multiply(packed.pointer, y.pointer, scratch.pointer) == QK_OK)
    return y.elements
  }

  private func checkF32(
    _ matrix: LowbitMatrix, _ packed: PagedArray<UInt8>, _ m: Int, _ fill: Fill, _ generator: inout Generator
  ) throws {
    let (n, stride) = (matrix.n, matrix.k + 3)
    let x = PagedArray(
      (0..<(m - 1) * stride + matrix.k).map { _ in Float.random(in: -3...3, using: &generator) })
    let y = try run(packed, m, n) { qk_lowbit_f32($0, m, x.pointer, stride, $1, n, $2) }
    let expected = (0..<m).flatMap { matrix.product(Array(x.elements[$0 * stride..<$0 * stride + matrix.k])) }
    #expect(bits(y) == bits(expected), "\(fill), \(matrix.bits) bits")
  }

  private func checkS8(
    _ matrix: LowbitMatrix, _ packed: PagedArray<UInt8>, _ m: Int, _ fill: Fill, _ generator: inout Generator
  ) throws {
    let (n, k, groups) = (matrix.n, matrix.k, matrix.groups)
    let x: PagedArray<Int8> = PagedArray(fill.bytes(m * k, &generator))
    let scales = PagedArray((0..<m * groups).map { _ in Float.random(in: 0.1...2, using: &generator) })
    let zeroPoints: PagedArray<Int8> = PagedArray(fill.bytes(m, &generator))
    func rows(_ product: (Int, [Int8]) -> [Float]) -> [UInt32] {
      bits((0..<m).flatMap { product($0, Array(x.elements[$0 * k..<$0 * k + k])) })
    }
    let about = try run(packed, m, n) {
      qk_lowbit_s8($0, m, x.pointer, k, scales.pointer, zeroPoints.pointer, $1, n, $2)
    }
    #expect(
      bits(about)
        == rows { matrix.product($1, scale: scales.elements[$0], zeroPoint: zeroPoints.elements[$0]) })
    let symmetric = try run(packed, m, n) {
      qk_lowbit_s8($0, m, x.pointer, k, scales.pointer, nil, $1, n, $2)
    }
    #expect(bits(symmetric) == rows { matrix.product($1, scale: scales.elements[$0], zeroPoint: 0) })
    let grouped = try run(packed, m, n) {
      qk_lowbit_s8_grouped($0, m, x.pointer, k, scales.pointer, $1, n, $2)
    }
    #expect(
      bits(grouped)
        == rows { matrix.product($1, groupScales: Array(scales.elements[$0 * groups..<($0 + 1) * groups])) })
  }
}
