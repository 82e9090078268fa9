import CKernels
import Testing

@Suite struct F32MoveTests {
  @Test func conversionsToIntegersTruncateSaturateAndSendNaNToZero() {
    let x: [Float] = [
      1.9, -1.9, 200, -200, 300, 3e9, -3e9, 1e19, -1e19, .nan, .infinity, -.infinity, 127.5, -128.5,
    ]
    func expected<T: FixedWidthInteger>(_ type: T.Type) -> [T] {
      x.map { $0.isNaN ? 0 : T(exactly: $0.rounded(.towardZero)) ?? ($0 < 0 ? T.min : T.max) }
    }
    var i8 = [Int8](repeating: 7, count: x.count), u8 = [UInt8](repeating: 7, count: x.count)
    var i32 = [Int32](repeating: 7, count: x.count), i64 = [Int64](repeating: 7, count: x.count)
    qk_f32_to_i8(x.count, x, &i8)
    qk_f32_to_u8(x.count, x, &u8)
    qk_f32_to_i32(x.count, x, &i32)
    qk_f32_to_i64(x.count, x, &i64)
    #expect(i8 == expected(Int8.self) && u8 == expected(UInt8.self))
    #expect(i32 == expected(Int32.self) && i64 == expected(Int64.self))
  }

  @Test func conversionsFromOtherTypesRoundToNearest() {
    let integers: [Int64] = [0, -1, 16_777_217, .max, .min, 123_456_789_012]
    let doubles: [Double] = [0.1, 1e300, -1e-300, .nan, 1 + 0x1p-24, -.infinity]
    var y = [Float](repeating: 7, count: 6)
    qk_f32_from_i64(6, integers, &y)
    #expect(y == integers.map { Float($0) })
    qk_f32_from_f64(6, doubles, &y)
    #expect(bits(y) == bits(doubles.map { Float($0) }))
    qk_f32_from_u8(3, [0, 128, 255], &y)
    #expect(y[..<3] == [0, 128, 255])
    qk_f32_from_i8(3, [0, -128, 127], &y)
    #expect(y[..<3] == [0, -128, 127])
    qk_f32_from_i32(2, [.max, .min], &y)
    #expect(y[..<2] == [Float(Int32.max), Float(Int32.min)])
  }

  @Test func gatherTakesRowsAndScatterAddsThemUp() {
    let table: [Float] = [1, 2, 3, 4, 5, 6]
    var rows = [Float](repeating: 7, count: 8), sums = [Float](repeating: 0, count: 6)
    qk_f32_gather_rows(4, 2, table, [2, 0, 2, 1], &rows)
    #expect(rows == [5, 6, 1, 2, 5, 6, 3, 4])
    qk_f32_scatter_add_rows(4, 2, rows, [2, 0, 2, 1], &sums)
    #expect(sums == [1, 2, 3, 4, 10, 12])
  }

  @Test(arguments: [(1, 1), (3, 100), (16, 16), (33, 17)])
  func transposeSwapsRowsAndColumnsOfEveryMatrix(rows: Int, columns: Int) {
    let x = randomFloats(2 * rows * columns, seed: 1)
    var y = x
    qk_f32_transpose(2, rows, columns, x, &y)
    for b in 0..<2 {
      for r in 0..<rows {
        for c in 0..<columns {
          #expect(y[(b * columns + c) * rows + r] == x[(b * rows + r) * columns + c])
        }
      }
    }
  }
}
