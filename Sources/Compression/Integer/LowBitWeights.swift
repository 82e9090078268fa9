import CKernels
import Tensors

/// A matrix [N, K] of codes and their grid, before packing.
struct LowBitWeights {
  let outputs, inputs: Int
  let codes: [Int8]
  let scales: [Float]
  let zeroPoints: [Int8]
  let group: Int?

  init(_ weight: Tensor, _ quantizer: WeightQuantizer) throws {
    (outputs, inputs) = (weight.shape[0], weight.shape[1])
    codes = try quantizer.quantize(weight)
    (scales, zeroPoints, group) = (quantizer.scales, quantizer.zeroPoints, quantizer.group)
  }

  /// Scales of a row.
  var perRow: Int { group.map { (inputs + $0 - 1) / $0 } ?? 1 }

  /// `, 4 bits in groups of 32`
  var note: String {
    let bits = PackedCodes.note(on: codes)
    return (bits.isEmpty ? ", 8 bits" : bits) + (group.map { " in groups of \($0)" } ?? "")
  }

  /// Row `row`, as numbers: `(q - zero) * scale`.
  func write(row: Int, to y: UnsafeMutablePointer<Float>) {
    let width = group ?? inputs
    for part in 0..<perRow {
      let slice = row * perRow + part
      let (scale, zero) = (scales[slice], zeroPoints.isEmpty ? 0 : Int32(zeroPoints[slice]))
      for column in part * width..<min((part + 1) * width, inputs) {
        y[column] = Float(Int32(codes[row * inputs + column]) - zero) * scale
      }
    }
  }

  func encode(to record: inout StepRecord) {
    record.integers["outputs"] = outputs
    record.integers["inputs"] = inputs
    record.integers["group"] = group
    record.put(codes: codes, "weights")
    if let halves = Self.halves(scales) {
      record.put(halves, "half_scales")
    } else {
      record.put(scales, "scales")
    }
    if !zeroPoints.isEmpty { record.put(codes: zeroPoints, "zero_points") }
  }

  init(from record: StepRecord) throws {
    let (outputs, inputs) = (try record.size("outputs"), try record.size("inputs"))
    (self.outputs, self.inputs) = (outputs, inputs)
    let count = try Shape(checking: [outputs, inputs], for: "program").elements
    group = try record.integers["group"].map { _ in try record.size("group") }
    codes = try record.codes("weights", count: count)
    let scaleCount = outputs * (group.map { (inputs + $0 - 1) / $0 } ?? 1)
    if record.blobs["half_scales"] != nil {
      scales = try record.array("half_scales", UInt16.self, count: scaleCount).map {
        Float(Float16(bitPattern: $0))
      }
    } else {
      scales = try record.array("scales", Float.self, count: scaleCount)
    }
    try require(
      scales.allSatisfy { $0 > 0 && $0.isFinite }, "program", "a step's scales are not positive and finite")
    zeroPoints = record.blobs["zero_points"] == nil ? [] : try record.codes("zero_points", count: scaleCount)
  }

  /// The scales in fp16, where that is exact.
  private static func halves(_ scales: [Float]) -> [UInt16]? {
    var halves: [UInt16] = []
    for scale in scales {
      let half = Float16(scale)
      guard Float(half) == scale else { return nil }
      halves.append(half.bitPattern)
    }
    return halves
  }
}
