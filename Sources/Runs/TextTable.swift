/// Columns of text for a terminal, each as wide as its widest cell.
public struct TextTable {
  public enum Alignment: Sendable { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]]

  public init(_ columns: KeyValuePairs<String, Alignment>) {
    alignments = columns.map(\.value)
    rows = [columns.map(\.key)]
  }

  public mutating func add(_ cells: [String]) {
    precondition(cells.count == alignments.count, "a row has one cell for each column")
    rows.append(cells)
  }

  /// One line a row, the titles first; no line ends in spaces.
  public var lines: [String] {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (alignments[column] == .left ? cell + padding : padding + cell)
      }
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  public var text: String { lines.joined(separator: "\n") }
}
