import Tensors

extension Graph {
  /// A line for each node: name, op, what it reads, shape, parameters of its own and MACs for one sample.
  func table() -> [String] {
    let macs = (try? macs()) ?? [:]
    var rows = [["node", "op", "reads", "shape", "parameters", "MACs"]]
    for id in order where leaf(id) == nil {
      let parameters = storedCount(id)
      rows.append([
        self[id].name, operation(id)?.op.name ?? "input", reads(of: id).joined(separator: ", "),
        shapeText(id), parameters == 0 ? "" : grouped(parameters),
        macs[id].map { $0 == 0 ? "" : grouped($0) } ?? "",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        let gap = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < 4 ? cell.0 + gap : gap + cell.0
      }
      let line = cells.joined(separator: "  ")
      return String(
        line.prefix(
          line.lastIndex { $0 != " " }.map { line.distance(from: line.startIndex, to: $0) + 1 } ?? 0))
    }
    return lines + ["gives \(outputs.map { self[$0].name }.joined(separator: ", "))"]
  }

  /// Names of the computed values a node reads.
  func reads(of id: ID) -> [String] {
    (operation(id)?.inputs ?? []).filter { leaf($0) == nil }.map { self[$0].name }
  }

  /// Elements of the weights that a node reads.
  func storedCount(_ id: ID) -> Int {
    (operation(id)?.inputs ?? []).compactMap { leaf($0) }.filter { $0.role == .weight }.reduce(0) {
      $0 + $1.value.count
    }
  }

  /// The shape, open dimensions of an input by name: `[batch, 3, 32, 32]`.
  func shapeText(_ id: ID) -> String {
    let shape = self[id].shape
    guard let names = dimensionNames[id] else { return "\(shape)" }
    return "[" + zip(shape, names).map { $1 ?? "\($0)" }.joined(separator: ", ") + "]"
  }

  /// `1,234,567`
  private func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.reduce(into: "") { text, i in
      if i > 0 && (digits.count - i) % 3 == 0 { text += "," }
      text.append(digits[i])
    }
  }
}
