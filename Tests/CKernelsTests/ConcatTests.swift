import CKernels
import Testing

@Suite struct ConcatTests {
  /// Concatenates rows of the given widths, every second part through a table, with gaps between rows everywhere.
  private func concatenates(_ level: Level, rows: Int, _ widths: [Int]) {
    var generator = Generator(rows + widths.count)
    let gap = 5, n = widths.reduce(0, +)
    let table: [UInt8] = Fill.random.bytes(256, &generator)
    let starts = widths.indices.map { i in rows * widths[..<i].reduce(0) { $0 + $1 + gap } }
    let all: [UInt8] = Fill.random.bytes(rows * (n + gap * widths.count) + 1, &generator)
    let (y, intact) = guarded(rows * (n + gap), of: UInt8.self) { y in
      all.withUnsafeBufferPointer { all in
        table.withUnsafeBufferPointer { table in
          let parts = widths.indices.map { i in
            qk_concat_u8_part(
              x: all.baseAddress! + starts[i], n: widths[i], x_stride: widths[i] + gap,
              table: i % 2 == 1 ? table.baseAddress : nil)
          }
          #expect(qk_concat_u8(level.isa, rows, parts.count, parts, y, n + gap) == QK_OK)
        }
      }
    }
    #expect(intact)
    for r in 0..<rows {
      let expected = widths.indices.flatMap { i -> [UInt8] in
        let row = all[(starts[i] + r * (widths[i] + gap))...].prefix(widths[i])
        return i % 2 == 1 ? row.map { table[Int($0)] } : Array(row)
      }
      #expect(Array(y[r * (n + gap)..<r * (n + gap) + n]) == expected, "row \(r)")
      #expect(y[r * (n + gap) + n..<(r + 1) * (n + gap)].allSatisfy { $0 == 0xA5 }, "gap \(r)")
    }
  }

  @Test(arguments: Level.runnable) func putsRowsSideBySide(level: Level) {
    concatenates(level, rows: 3, [1, 1])
    concatenates(level, rows: 9, [15, 16, 17, 31])
    concatenates(level, rows: 2, [0, 0, 5])
    concatenates(level, rows: 4, [300, 300, 64, 65])
    concatenates(level, rows: 1, [256, 7])
    concatenates(level, rows: 0, [4])
    concatenates(level, rows: 2, [])
  }

  @Test func refusesRowsThatDoNotFit() {
    let x: [UInt8] = [1, 2, 3]
    var y: [UInt8] = [0, 0, 0, 0]
    x.withUnsafeBufferPointer { x in
      let part = qk_concat_u8_part(x: x.baseAddress, n: 3, x_stride: 3, table: nil)
      #expect(qk_concat_u8(0, 1, 2, [part, part], &y, 4) == QK_BAD_SIZE)
      var narrow = part
      narrow.x_stride = 2
      #expect(qk_concat_u8(0, 1, 1, [narrow], &y, 4) == QK_BAD_SIZE)
      #expect(qk_concat_u8(0, 1 << 45, 1, [part], &y, 4) == QK_BAD_SIZE)
    }
    #expect(y == [0, 0, 0, 0])
  }
}
