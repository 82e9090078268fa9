/// Where each step's result lies in the one arena, so that results whose lives do not overlap share memory.
///
/// Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020): the largest
/// result is placed first, each at the lowest offset that is free during its life.
struct ArenaPlan {
  /// By instruction, in bytes per sample; a multiple of 64. The last one's is unused: it is the program's output.
  private(set) var offsets: [Int]
  private(set) var peakBytes = 0

  init(_ instructions: [Program.Instruction]) {
    offsets = [Int](repeating: 0, count: instructions.count)
    var lives = instructions.indices.map { $0...$0 }
    for (i, instruction) in instructions.enumerated() {
      for value in instruction.inputs where value > 0 { lives[value - 1] = lives[value - 1].lowerBound...i }
    }
    let sizes = instructions.map { ($0.step.outputElements * $0.step.outputType.size + 63) / 64 * 64 }
    var placed: [Int] = []
    for i in instructions.indices.dropLast().sorted(by: { sizes[$0] > sizes[$1] }) {
      let neighbours = placed.filter { lives[$0].overlaps(lives[i]) }.sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for other in neighbours where offset + sizes[i] > offsets[other] {
        offset = max(offset, offsets[other] + sizes[other])
      }
      offsets[i] = offset
      placed.append(i)
      peakBytes = max(peakBytes, offset + sizes[i])
    }
  }
}
