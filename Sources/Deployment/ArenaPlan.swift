import Compression

/// Where each step's result lies in the one arena, so that results whose lives do not overlap share memory.
///
/// Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020): the largest
/// result is placed first, each at the lowest offset that is free during its life.
struct ArenaPlan {
  /// A stretch of bytes and the steps during which it is needed.
  struct Value {
    var bytes: Int
    var life: ClosedRange<Int>
  }

  /// By value, in bytes; a multiple of the alignment.
  private(set) var offsets: [Int]
  private(set) var peakBytes = 0

  init(_ values: [Value], alignment: Int) {
    offsets = [Int](repeating: 0, count: values.count)
    let sizes = values.map { ($0.bytes + alignment - 1) / alignment * alignment }
    var placed: [Int] = []
    for i in values.indices.sorted(by: { sizes[$0] > sizes[$1] }) {
      let neighbours = placed.filter { values[$0].life.overlaps(values[i].life) }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for other in neighbours where offset + sizes[i] > offsets[other] {
        offset = max(offset, offsets[other] + sizes[other])
      }
      offsets[i] = offset
      placed.append(i)
      peakBytes = max(peakBytes, offset + sizes[i])
    }
  }

  /// By instruction, in bytes per sample, as the kernels want their arrays aligned. The last one has no place: its
  /// result is the program's output.
  init(_ steps: [any IntegerStep], reads: [[Int]]) {
    let values = zip(steps, Self.lives(reads)).dropLast().map { step, life in
      Value(bytes: step.outputElements * step.outputType.size, life: life)
    }
    self.init(values, alignment: 64)
    offsets.append(0)
  }

  /// From the step that writes a result to the last one that reads it.
  ///
  /// - Parameter reads: the values each step reads; 0 is the program's input.
  static func lives(_ reads: [[Int]]) -> [ClosedRange<Int>] {
    var lives = reads.indices.map { $0...$0 }
    for (i, values) in reads.enumerated() {
      for value in values where value > 0 { lives[value - 1] = lives[value - 1].lowerBound...i }
    }
    return lives
  }
}
