import Tensors

/// The output channels of a weight [O, ...] that are 0 throughout: they give their bias, whatever comes in.
struct ZeroChannels {
  /// Of dimension 0, ascending; not empty.
  let channels: [Int]

  /// nil where every channel has a weight that counts.
  init?(of weight: Tensor) throws {
    guard weight.rank > 1, weight.count > 0 else { return nil }
    let sizes = try weight.detached().abs().max(axes: Array(1..<weight.rank)).doubles()
    channels = sizes.indices.filter { sizes[$0] == 0 }
    if channels.isEmpty { return nil }
  }

  /// Such as `output channels 3, 7 and 12 more`, counted from 1.
  var description: String {
    let shown = channels.prefix(3).map { "\($0 + 1)" }
    guard channels.count > 1 else { return "output channel \(shown[0])" }
    let left = channels.count - shown.count
    return left > 0
      ? "output channels \(shown.joined(separator: ", ")) and \(left) more"
      : "output channels \(shown.dropLast().joined(separator: ", ")) and \(shown[shown.count - 1])"
  }

  func warning(layer: String) -> String {
    "\(description) of layer '\(layer)' \(channels.count == 1 ? "has" : "have") no weight other than 0; \(Self.remedy)"
  }

  static let remedy = "take such channels out of the model, or see whether its weights were loaded"
}
