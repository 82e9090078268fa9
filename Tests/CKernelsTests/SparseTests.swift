import CKernels
import Testing

@Suite struct SparseTests {
  struct Size: CustomStringConvertible, Sendable {
    let m, n, k: Int
    var description: String { "\(m)x\(n)x\(k)" }
  }

  static let kinds = [QK_SPARSE_BLOCKS_16, QK_SPARSE_BLOCKS_32, QK_SPARSE_SCATTERED]

  /// Every tail: rows to 25, columns around 16 and 32, depths around 4 and 64.
  static let sizes: [Size] =
    (1...25).map { Size(m: $0, n: [16, 17, 33][$0 % 3], k: 60 + $0) }
    + [1, 7, 15, 16, 17, 31, 32, 33, 65].map { Size(m: 3, n: $0, k: 11) }
    + [1, 2, 3, 4, 5, 8, 63, 64, 65, 127, 128, 129, 200].map { Size(m: 2, n: 20, k: $0) }

  @Test(arguments: Level.runnable, sizes) func equalsTheDenseContract(level: Level, size: Size) throws {
    let (m, n, k) = (size.m, size.n, size.k)
    for (index, fill) in Fill.allCases.enumerated() {
      var generator = Generator(m * 1000 + n * 100 + k + index)
      let stride = k + index
      let a: PagedArray<UInt8> = PagedArray(fill.bytes((m - 1) * stride + k, &generator))
      let bias = randomBias(n, &generator), multiplier = randomMultipliers(n, depth: k, &generator)
      for density in [0, 0.1, 0.6, 1] {
        let w = sparse(
          n, k, density, blockColumns: [1, 16, 32].randomElement(using: &generator)!, fill, &generator)
        let zeroPoint = UInt8.random(in: 0...255, using: &generator)
        let sums = Reference.product(m, n, k, a.elements, stride: stride, zeroPoint, w, bias)
        for kind in Self.kinds {
          let packed = try pack(level, kind, n, k, w, bias, multiplier, zeroPoint)
          for var output in qk_output.all {
            let expected = sums.enumerated().map { Reference.store($1, multiplier[$0 % n], output) }
            let (y, intact) = outputs(output, m * n) {
              #expect(qk_sparse_u8s8(packed.pointer, m, a.pointer, stride, &output, $0, n) == QK_OK)
            }
            #expect(y == expected && intact, "\(kind), \(fill), density \(density), output \(output)")
          }
        }
      }
    }
  }

  @Test(arguments: Level.runnable, kinds) func largestSumsAreExact(level: Level, kind: qk_sparse_kind) throws
  {
    let k = Int(QK_MAX_DEPTH)
    let a = [UInt8](repeating: 255, count: k)
    var output = qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0)
    for weight in [Int8.min, .max] {
      let packed = try pack(level, kind, 1, k, [Int8](repeating: weight, count: k), [7], [1], 0)
      var y = Int32(0)
      #expect(qk_sparse_u8s8(packed.pointer, 1, a, k, &output, &y, 1) == QK_OK)
      #expect(Int(y) == 255 * Int(weight) * k + 7)
    }
  }

  @Test func zerosTakeNoMemory() throws {
    let (n, k) = (64, 256)
    var weights = [Int8](repeating: 0, count: n * k)
    let empty = try Self.kinds.map { try bytes($0, n, k, weights) }
    for column in 0..<16 { weights[column * k + 9] = 1 }  // within one block of either width
    let more = try Self.kinds.map { try bytes($0, n, k, weights) }
    // A step of weights (and of indices), and the first 64 bytes of positions.
    #expect(zip(more, empty).map { $0 - $1 } == [64 + 64, 128 + 64, 128 + 64])
  }

  @Test func workIsCountedInVectorsOfWeights() {
    let (n, k) = (40, 130)
    var weights = [Int8](repeating: 0, count: n * k)
    // Column 5 has five weights to 64, one to 128 and one after.
    for p in [0, 1, 2, 3, 20, 64, 129] { weights[5 * k + p] = 3 }
    weights[39 * k] = -1
    let work = qk_sparse_work_of(n, k, weights)
    #expect(work.dense == 3 * 33)
    #expect(work.blocks_16 == 4 + 1)
    #expect(work.blocks_32 == 2 * (4 + 1))
    #expect(work.scattered == 2 + 1 + 1 + 1)
  }

  @Test(arguments: Level.runnable) func fullMatricesAreQuickestDense(level: Level) {
    for (m, n, k) in [(1, 1024, 1024), (128, 512, 512), (256, 64, 576)] {
      var work = qk_sparse_work_of(n, k, [Int8](repeating: 1, count: n * k))
      #expect(qk_product_quickest(level.isa, m, n, &work) == QK_PRODUCT_DENSE)
    }
  }

  /// Half empty for portable C and AVX2, 90 % for AVX-VNNI, whose dense product is of another generation.
  @Test(arguments: Level.runnable) func emptyBlocksMakeBlocksQuickest(level: Level) {
    var generator = Generator(3)
    for (m, n, k) in [(1, 1024, 1024), (128, 512, 512), (256, 64, 576)] {
      for (columns, form) in [(16, QK_PRODUCT_BLOCKS_16), (32, QK_PRODUCT_BLOCKS_32)] {
        for density in [0.5, 0.1] where density < 0.5 || level.description != "avxvnni" {
          let weights = sparse(n, k, density, blockColumns: columns, .random, &generator)
          var work = qk_sparse_work_of(n, k, weights)
          #expect(qk_product_quickest(level.isa, m, n, &work) == form, "\(m)x\(n)x\(k), \(density)")
        }
      }
    }
  }

  /// Levels between the two have no kernel for scattered weights but the portable one.
  @Test(arguments: Level.runnable) func manyScatteredZerosMakeScatteredWeightsQuickest(level: Level) {
    guard level.isa == QK_PORTABLE.rawValue || level.isa & QK_AVX512VBMI.rawValue != 0 else { return }
    var generator = Generator(4)
    for (m, n, k) in [(1, 1024, 1024), (128, 512, 512)] {
      let weights = sparse(n, k, 0.1, blockColumns: 1, .random, &generator)
      var work = qk_sparse_work_of(n, k, weights)
      #expect(qk_product_quickest(level.isa, m, n, &work) == QK_PRODUCT_SCATTERED, "\(m)x\(n)x\(k)")
    }
  }

  @Test func refusesWhatItCannotDo() throws {
    var size = 0
    let memory = AlignedMemory(4096)
    for kind in Self.kinds {
      #expect(qk_sparse_u8s8_packed_bytes(kind, 0, 4, [1], &size) == QK_BAD_SIZE)
      #expect(qk_sparse_u8s8_packed_bytes(kind, 1, 0, [1], &size) == QK_BAD_SIZE)
      #expect(qk_sparse_u8s8_packed_bytes(kind, 1, Int(QK_MAX_DEPTH) + 1, [1], &size) == QK_TOO_DEEP)
      #expect(qk_sparse_u8s8_packed_bytes(kind, .max / 2, 64, [1], &size) == QK_BAD_SIZE)
      for scale: Float in [0, -1, .nan, .infinity] {
        #expect(qk_sparse_u8s8_pack(0, kind, 1, 1, [1], nil, [scale], 0, memory.pointer) == QK_BAD_SCALE)
      }
      #expect(qk_sparse_u8s8_pack(0, kind, 1, 1, [1], nil, nil, 0, memory.pointer + 1) == QK_BAD_ALIGNMENT)
      #expect(qk_sparse_u8s8_pack(0, kind, 1, 1, [1], nil, nil, 0, memory.pointer) == QK_OK)
      var output = qk_output(kind: QK_OUTPUT_U8, zero_point: 0, lo: 2, hi: 1)
      var y: UInt8 = 0
      #expect(qk_sparse_u8s8(memory.pointer, 1, [1], 1, &output, &y, 1) == QK_BAD_RANGE)
      output.hi = 3
      #expect(qk_sparse_u8s8(memory.pointer, 2, [1, 1], 0, &output, &y, 1) == QK_BAD_SIZE)
      #expect(qk_sparse_u8s8(memory.pointer, 0, [1], 1, &output, &y, 1) == QK_OK)
    }
    #expect(qk_sparse_u8s8_packed_bytes(qk_sparse_kind(rawValue: 3), 1, 1, [1], &size) == QK_BAD_SIZE)
  }

  // MARK: pieces

  /// Weights [n, k] of which whole blocks, or single ones, are zero, but for a share `density`.
  private func sparse(
    _ n: Int, _ k: Int, _ density: Double, blockColumns: Int, _ fill: Fill, _ generator: inout Generator
  ) -> [Int8] {
    let depth = blockColumns > 1 ? 4 : 1, blocks = (k + depth - 1) / depth
    let isKept = (0..<(n + blockColumns - 1) / blockColumns * blocks).map { _ in
      Double.random(in: 0..<1, using: &generator) < density
    }
    var weights: [Int8] = fill.bytes(n * k, &generator)
    for i in weights.indices where !isKept[i / k / blockColumns * blocks + i % k / depth] { weights[i] = 0 }
    return weights
  }

  private func bytes(_ kind: qk_sparse_kind, _ n: Int, _ k: Int, _ weights: [Int8]) throws -> Int {
    var bytes = 0
    try #require(qk_sparse_u8s8_packed_bytes(kind, n, k, weights, &bytes) == QK_OK)
    return bytes
  }

  private func pack(
    _ level: Level, _ kind: qk_sparse_kind, _ n: Int, _ k: Int, _ w: [Int8], _ bias: [Int32],
    _ multiplier: [Float], _ zeroPoint: UInt8
  ) throws -> PagedArray<UInt8> {
    let packed = PagedArray(repeating: UInt8(0xA5), count: try bytes(kind, n, k, w))
    try #require(
      qk_sparse_u8s8_pack(level.isa, kind, n, k, w, bias, multiplier, zeroPoint, packed.pointer) == QK_OK)
    return packed
  }
}
