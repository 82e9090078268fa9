import Tensors

/// One position of u8 vectors [batch, positions, width].
public final class IntegerSelect: IntegerStep {
  public static let kind = "select"
  public let positions, width, index: Int
  public var inputElements: [Int] { [positions * width] }
  public var outputElements: Int { width }

  public init(positions: Int, width: Int, index: Int) throws {
    try require(
      (0..<positions).contains(index), "select", "position \(index + 1) of \(positions) does not exist")
    (self.positions, self.width, self.index) = (positions, width, index)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let (x, y) = (bytes(inputs[0]), bytes(output))
    for sample in 0..<batch {
      (y + sample * width).update(from: x + (sample * positions + index) * width, count: width)
    }
  }

  public func encode(to record: inout StepRecord) {
    record.integers["positions"] = positions
    record.integers["width"] = width
    record.integers["index"] = index
  }

  public convenience init(from record: StepRecord) throws {
    try self.init(
      positions: record.size("positions"), width: record.size("width"), index: record.size("index", least: 0))
  }
}
