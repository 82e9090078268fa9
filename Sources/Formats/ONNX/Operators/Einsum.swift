import Models
import Tensors

/// Einstein's sum convention, where it is a transposition, a sum, or one product of matrices.
extension OnnxOperator {
  static let sums: [String: OnnxOperator] = ["Einsum": OnnxOperator { c in try einsum(c) }]

  private typealias Labels = [Character]

  /// A value whose dimensions have names.
  private struct Labelled {
    var value: OnnxValue
    var labels: Labels
  }

  private static func einsum(_ c: OnnxCall) throws -> OnnxValue {
    let equation = try c.string("equation", "").filter { $0 != " " }
    let sides = equation.split(separator: "->", omittingEmptySubsequences: false)
    try c.require(
      sides.count == 2 && !equation.contains("."),
      "equation '\(equation)' has no result written out, or an ellipsis; write every dimension")
    let output = Labels(sides[1])
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Labels.init)
    try c.require(
      terms.count == c.count && (1...2).contains(c.count),
      "equation '\(equation)' with \(c.count) inputs is not supported")
    var operands: [Labelled] = []
    for (i, labels) in terms.enumerated() {
      let value = try c.input(i)
      try c.require(
        Set(labels).count == labels.count && (try c.shape(value)).rank == labels.count,
        "'\(String(labels))' does not name the dimensions of \(try c.shape(value)), each once")
      let others = Set(output).union(terms.enumerated().filter { $0.offset != i }.flatMap(\.element))
      operands.append(try summed(c, Labelled(value: value, labels: labels), keeping: others))
    }
    let result =
      try operands.count == 1 ? operands[0] : product(c, operands[0], operands[1], output, equation)
    return try arranged(c, result, output, equation)
  }

  /// Without the dimensions nobody asks for.
  private static func summed(_ c: OnnxCall, _ x: Labelled, keeping kept: Set<Character>) throws -> Labelled {
    let axes = x.labels.indices.filter { !kept.contains(x.labels[$0]) }
    if axes.isEmpty { return x }
    return Labelled(
      value: try c.emit(Sum(axes: axes), x.value), labels: x.labels.filter { kept.contains($0) })
  }

  private static func arranged(_ c: OnnxCall, _ x: Labelled, _ order: Labels, _ equation: String) throws
    -> OnnxValue
  {
    if x.labels == order { return x.value }
    let places = order.compactMap { x.labels.firstIndex(of: $0) }
    try c.require(
      places.count == x.labels.count && order.count == x.labels.count,
      "equation '\(equation)' names dimensions of its result that no input has, or twice")
    return try c.emit(Transpose(places), x.value)
  }

  /// [batch..., rows..., inner] times [batch..., inner, columns]: one matrix product.
  private static func product(
    _ c: OnnxCall, _ a: Labelled, _ b: Labelled, _ output: Labels, _ equation: String
  ) throws -> Labelled {
    let shared = a.labels.filter(b.labels.contains)
    let batch = shared.filter(output.contains)
    let inner = shared.filter { !output.contains($0) }
    let (rows, columns) = (a.labels.filter { !shared.contains($0) }, b.labels.filter { !shared.contains($0) })
    try c.require(
      inner.count <= 1 && columns.count <= 1 && (rows.count <= 1 || batch.isEmpty),
      "equation '\(equation)' is no single product of matrices")
    var left = try arranged(c, a, batch + rows + inner, equation)
    var right = try arranged(c, b, batch + inner + columns, equation)
    if inner.isEmpty {
      left = try c.emit(Unsqueeze(axis: batch.count + rows.count), left)
      right = try c.emit(Unsqueeze(axis: batch.count), right)
    }
    if columns.isEmpty { right = try c.emit(Unsqueeze(axis: batch.count + 1), right) }
    if rows.isEmpty { left = try c.emit(Unsqueeze(axis: batch.count), left) }
    var y = try c.emit(MatMul(), left, right)
    if columns.isEmpty { y = try c.emit(Squeeze(axis: c.shape(y).rank - 1), y) }
    if rows.isEmpty { y = try c.emit(Squeeze(axis: batch.count), y) }
    return Labelled(value: y, labels: batch + rows + columns)
  }
}
