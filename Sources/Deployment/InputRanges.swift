import Compression
import Tensors

extension Program {
  /// The grids onto which what comes in is rounded first, by input; inputs that stay f32 have none.
  var inputGrids: [(input: Int, grid: QuantParams)] {
    instructions.compactMap { instruction in
      guard let step = instruction.step as? IntegerQuantize, let read = instruction.inputs.first,
        let input = inputs.firstIndex(where: { $0.value == read })
      else { return nil }
      return (input, step.params)
    }
  }

  /// What is odd about the numbers of a batch beside those the program was calibrated with: a sentence for each input.
  ///
  /// A program answers to anything; data scaled in another way than the calibration data shows in nothing but wrong
  /// results.
  public func problems(ofInputs batch: [Tensor]) throws -> [String] {
    try require(
      batch.count == inputs.count, "program", "takes \(inputs.count) inputs, got \(batch.count)")
    return try inputGrids.compactMap { input, grid in
      try Self.problem(of: batch[input], inputs[input].name, grid)
    }
  }

  /// Share of numbers outside the range that an observer may leave there.
  private static let mostOutside = 0.05
  /// Share of the range that data has to use.
  private static let leastUsed = 0.05

  private static func problem(of x: Tensor, _ name: String, _ grid: QuantParams) throws -> String? {
    let numbers = try x.array(Float.self)
    guard !numbers.isEmpty else { return nil }
    let (low, high) = (grid.dequantize(grid.lowest), grid.dequantize(grid.highest))
    let outside = numbers.count { $0 < low - grid.scale || $0 > high + grid.scale }
    let (least, most) = numbers.reduce((Float(0), Float(0))) { (min($0.0, $1), max($0.1, $1)) }
    let remedy = "scale and normalise these numbers and those to calibrate with in the same way"
    func percent(_ share: Double) -> String { "\(Double((share * 1000).rounded()) / 10) %" }
    let share = Double(outside) / Double(numbers.count)
    if share > mostOutside {
      return
        "\(percent(share)) of the numbers of input '\(name)' lie outside \(low)...\(high), the range that the program was "
        + "calibrated for; \(remedy), or use an observer that clips less"
    }
    let used = Double(most - least) / Double(high - low)
    if used < leastUsed {
      return
        "the numbers of input '\(name)' use \(percent(used)) of \(low)...\(high), the range that the program was "
        + "calibrated for; \(remedy)"
    }
    return nil
  }
}
