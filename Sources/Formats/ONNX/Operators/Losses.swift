import Models
import Tensors

/// Losses of classification: x [N, C, ...], classes [N, ...], optionally a weight for each class [C].
extension OnnxOperator {
  static let losses: [String: OnnxOperator] = [
    "SoftmaxCrossEntropyLoss": OnnxOperator(several: { c in
      let logarithms = try c.emit(LogSoftmax(axis: 1), c.input(0))
      return [try negativeLogLikelihood(c, logarithms), logarithms]
    }),
    "NegativeLogLikelihoodLoss": OnnxOperator { c in try negativeLogLikelihood(c, c.input(0)) },
  ]

  private static func negativeLogLikelihood(_ c: OnnxCall, _ logarithms: OnnxValue) throws -> OnnxValue {
    let target = try c.cast(c.input(1), .i64)
    let reduction = try c.string("reduction", "mean")
    let ignored = try c.node.attributes["ignore_index"] == nil ? nil : c.int("ignore_index", 0)
    let zero = try c.scalar(0, like: target)
    let isCounted = try ignored.map { try c.emit(NotEqual(), target, c.scalar(Double($0), like: target)) }
    let classes = try isCounted.map { try c.emit(Where(), $0, target, zero) } ?? target

    let picked = try c.emit(Gather(axis: 1), logarithms, c.emit(Unsqueeze(axis: 1), classes))
    var loss = try c.emit(Neg(), c.emit(Squeeze(axis: 1), picked))
    var weight = c.has(2) ? try c.emit(IndexSelect(axis: 0), c.input(2), classes) : nil
    if let isCounted {
      let given = try weight ?? c.scalar(1, like: loss)
      weight = try c.emit(Where(), isCounted, given, c.scalar(0, like: loss))
    }
    if let weight { loss = try c.mul(loss, weight) }
    let axes = Array(try c.shape(loss).indices)
    switch reduction {
    case "none": return loss
    case "sum": return try c.emit(Sum(axes: axes), loss)
    case "mean":
      guard let weight else { return try c.emit(Mean(axes: axes), loss) }
      return try c.div(c.emit(Sum(axes: axes), loss), c.emit(Sum(axes: axes), weight))
    default: throw OnnxRefusal("attribute 'reduction' is '\(reduction)'")
    }
  }
}
