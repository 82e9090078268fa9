/// Printing, as PyTorch and NumPy do it: aligned columns, one row of the last dimension a line, blocks set
/// apart, `...` for the middle of what is large, and a footer with type and shape: `[f32 4x5]`.
extension Tensor: CustomStringConvertible {
  public var description: String { TensorPrinter(self).text() }

  var footer: String {
    let extents = rank == 0 ? "scalar" : shape.map(String.init).joined(separator: "x")
    return "[\(dtype) \(extents)\(quantization.map { ", " + $0.text } ?? "")]"
  }
}

private struct TensorPrinter {
  /// More elements than this are summarised.
  static let summarizeAbove = 1000
  /// How many are shown at either end of a dimension then.
  static let edge = 3
  static let lineWidth = 96

  let tensor: Tensor
  /// For every dimension the indices that are shown; nil stands for those left out.
  private let visible: [[Int?]]
  /// The numbers shown, in row-major order, all of one width.
  private let cells: [String]

  init(_ tensor: Tensor) {
    self.tensor = tensor
    let large = tensor.count > Self.summarizeAbove
    visible = tensor.shape.map { extent in
      large && extent > 2 * Self.edge
        ? Array(0..<Self.edge) + [nil] + Array((extent - Self.edge)..<extent) : Array(0..<extent)
    }
    var offsets = [0]
    for (axis, indices) in visible.enumerated() {
      offsets = offsets.flatMap { base in indices.compactMap { $0 }.map { base + $0 * tensor.strides[axis] } }
    }
    let texts = Self.texts(tensor, offsets)
    let width = texts.map(\.utf8.count).max() ?? 0
    cells = texts.map { String(repeating: " ", count: width - $0.utf8.count) + $0 }
  }

  private static func texts(_ tensor: Tensor, _ offsets: [Int]) -> [String] {
    func integers<T: Element>(_: T.Type) -> [String] { offsets.map { "\(tensor.pointer(T.self)[$0])" } }
    func reals<T: Element>(_: T.Type) -> [String] {
      let values = offsets.map { tensor.pointer(T.self)[$0].asDouble }
      return values.map(RealFormat(values).text)
    }
    switch tensor.dtype {
    case .bool: return offsets.map { tensor.pointer(Truth.self)[$0].byte != 0 ? "true" : "false" }
    case .f32: return reals(Float.self)
    case .f64: return reals(Double.self)
    default: return tensor.dtype.dispatch { integers($0) }
    }
  }

  func text() -> String {
    if tensor.rank == 0 { return "\(cells[0]) \(tensor.footer)" }
    if tensor.count == 0 { return tensor.footer }
    var next = 0
    return block(0, &next) + "\n" + tensor.footer
  }

  /// The text from dimension `axis` on; `next` is the next cell to print.
  private func block(_ axis: Int, _ next: inout Int) -> String {
    if axis == tensor.rank - 1 {
      var row: [String] = []
      for index in visible[axis] {
        row.append(index == nil ? "..." : cells[next])
        if index != nil { next += 1 }
      }
      return wrapped(row)
    }
    let gap = String(repeating: "\n", count: tensor.rank - 1 - axis)
    var parts: [String] = []
    for index in visible[axis] { parts.append(index == nil ? " ..." : block(axis + 1, &next)) }
    return parts.joined(separator: gap)
  }

  /// One row, on as many lines as it needs.
  private func wrapped(_ row: [String]) -> String {
    let perLine = Swift.max(1, Self.lineWidth / ((cells.first?.utf8.count ?? 0) + 2))
    return stride(from: 0, to: row.count, by: perLine)
      .map { " " + row[$0..<Swift.min($0 + perLine, row.count)].joined(separator: "  ") }
      .joined(separator: "\n")
  }
}
