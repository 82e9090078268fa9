import Models
import Tensors

/// Why a layer suffers from quantization, and the line of a recipe that mends it.
public struct QuantizationFinding: Sendable {
  public enum Cause: String, Sendable {
    case outlierChannel = "outlier channel"
    case clipped = "clipped"
    case deadRange = "dead range"
    case allZero = "all-zero channel"
    case unfoldedNorm = "unfolded batch norm"
    case firstOrLast = "first or last layer"
    case fewLevels = "too few levels"
  }

  public let cause: Cause
  /// A sentence with the numbers.
  public let text: String
  /// What to paste into the options of `qs.quantize`.
  public let remedy: String

  init(_ cause: Cause, _ text: String, _ remedy: String) {
    (self.cause, self.text, self.remedy) = (cause, text, remedy)
  }

  /// Layers whose results are nearer to the float ones than this need no mending; dB.
  private static let fine = 30.0
  /// Times the median channel.
  private static let outlier = 8.0

  init?(
    _ numbers: LayerNumbers, _ pair: LayerPair, _ inputs: [Tensor], norm: String?, isEnd: Bool
  ) throws {
    let (activation, weight) = pair.parts(of: inputs)
    let name = numbers.name
    if pair.quantizer != nil, !(pair.op is LowBitEmbedding), let weight,
      let zeros = try ZeroChannels(of: weight)
    {
      self.init(
        .allZero,
        "\(zeros.description) of its weight \(zeros.channels.count == 1 ? "is" : "are") 0 throughout",
        ZeroChannels.remedy)
      return
    }
    guard numbers.sqnr < Self.fine else { return nil }
    if numbers.clipped > 0.01 {
      self.init(
        .clipped, percent(numbers.clipped) + " of its result lies outside of the range",
        "activations = {observer = \"minmax\"}, and calibration data like the data to come")
    } else if let norm {
      self.init(
        .unfoldedNorm,
        "batch norm '\(norm)' behind it was not folded, so that its range is that before the norm",
        "let nothing but the norm read the layer, so that they fold; or leave = {\"\(name)\"}")
    } else if let weight, weight.rank > 1, pair.sharesScale,
      let (channel, ratio) = try Self.outlier(in: weight, axis: 0)
    {
      self.init(
        .outlierChannel,
        "output channel \(channel + 1) of its weight is \(times(ratio)) larger than the middle one",
        "weights = {granularity = \"channel\"}, or equalize = true")
    } else if let activation, let axis = Self.channelAxis(activation, of: pair.float),
      let (channel, ratio) = try Self.outlier(in: activation, axis: axis)
    {
      self.init(
        .outlierChannel, "channel \(channel + 1) of its input is \(times(ratio)) larger than the middle one",
        axis == 1 ? "equalize = true" : "method = \"\(pair.isWeightOnly ? "awq" : "smoothquant")\"")
    } else if numbers.deadRange > 0.5 {
      self.init(
        .deadRange, percent(numbers.deadRange) + " of the codes of its range are not used",
        "activations = {observer = \"mse\"}")
    } else if isEnd {
      self.init(
        .firstOrLast, "the first and the last layer bear the least rounding",
        "layers = {[\"\(name)\"] = {bits = 8}}")
    } else {
      self.init(
        .fewLevels, "its weights or activations have too few levels",
        "\(pair.op is LowBitEmbedding ? "weights = {group = 32}" : "method = \"gptq\""), "
          + "or layers = {[\"\(name)\"] = {bits = 8}}")
    }
  }

  /// The channel whose largest magnitude is far above the others' median, and how far.
  static func outlier(in x: Tensor, axis: Int) throws -> (channel: Int, ratio: Double)? {
    guard x.count > 0, x.shape[axis] > 2 else { return nil }
    let sizes = try x.detached().abs().max(axes: (0..<x.rank).filter { $0 != axis }).doubles()
    let ordered = sizes.filter { $0 > 0 }.sorted()
    guard ordered.count > 2, let most = sizes.max(), let channel = sizes.firstIndex(of: most) else {
      return nil
    }
    let ratio = most / ordered[ordered.count / 2]
    return ratio > outlier ? (channel, ratio) : nil
  }

  /// The dimension of what an op reads along which its channels lie; nil where the op does not tell.
  private static func channelAxis(_ x: Tensor, of op: any Op) -> Int? {
    switch op {
    case is Conv2d, is MaxPool2d, is AvgPool2d, is GlobalAvgPool2d: 1
    case is Linear, is LayerNorm: x.rank > 1 ? x.rank - 1 : nil
    default: x.rank == 2 || x.rank == 3 ? x.rank - 1 : nil
    }
  }
}

extension LayerPair {
  /// Whether all rows of the weight have one scale.
  fileprivate var sharesScale: Bool {
    let scales = quantizer?.scales ?? []
    return scales.count > 1 && scales.allSatisfy { $0 == scales[0] }
  }

  fileprivate var isWeightOnly: Bool { (op as? LowBitLinear).map { !$0.isDynamic } ?? false }
}

private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
private func times(_ ratio: Double) -> String { "\(Int(ratio.rounded())) times" }
