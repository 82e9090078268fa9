/// What the integers of a tensor stand for: the real numbers `(q - zeroPoint) * scale`.
///
/// Tensors of any type compute with the integers as they are; the integer kernels read this.
public struct Quantization: Hashable, Sendable {
  /// Positive and finite: one for all, or one for each index of the first dimension (weights, per output channel).
  public var scales: [Float]
  public var zeroPoint: Int

  public init(scales: [Float], zeroPoint: Int = 0) {
    (self.scales, self.zeroPoint) = (scales, zeroPoint)
  }

  /// As a tensor's last line shows it: `scale 0.5, zero point 2`.
  var text: String {
    let scale = scales.count == 1 ? "scale \(scales[0])" : "\(scales.count) scales"
    return zeroPoint == 0 && scales.count > 1 ? scale : "\(scale), zero point \(zeroPoint)"
  }
}
