import Tensors

extension Graph {
  /// The graph in Graphviz's language, weights left out.
  public func dot() -> String {
    var lines = ["digraph model {", "  node [shape=box, fontname=\"sans-serif\"];"]
    for id in order where leaf(id) == nil {
      lines.append("  n\(id) [label=\"\(Self.quoted(label(id).joined(separator: "\\n")))\"];")
      for read in operation(id)?.inputs ?? [] where leaf(read) == nil {
        lines.append("  n\(read) -> n\(id);")
      }
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  private static func quoted(_ text: String) -> String {
    text.reduce(into: "") { $0 += $1 == "\"" ? "\\\"" : String($1) }
  }

  /// The op, the node's name and its shape.
  private func label(_ id: ID) -> [String] {
    let title = operation(id)?.op.name ?? "input"
    return (title == self[id].name ? [title] : [title, self[id].name]) + [shapeText(id)]
  }

  /// A drawing of the graph, from top to bottom: every node below all it reads, readers of one node side by side.
  public func svg() -> String {
    let (width, height, gapX, gapY) = (190, 58, 24, 34)
    var rows: [[ID]] = []
    var row: [ID: Int] = [:]
    for id in order where leaf(id) == nil {
      let above = (operation(id)?.inputs ?? []).compactMap { row[$0] }.max() ?? -1
      row[id] = above + 1
      if rows.count == above + 1 { rows.append([]) }
      rows[above + 1].append(id)
    }
    let widest = rows.map(\.count).max() ?? 0
    let total = widest * (width + gapX) + gapX
    var places: [ID: (x: Int, y: Int)] = [:]
    for (y, ids) in rows.enumerated() {
      let start = (total - ids.count * (width + gapX) + gapX) / 2
      for (x, id) in ids.enumerated() {
        places[id] = (start + x * (width + gapX), gapY + y * (height + gapY))
      }
    }
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(total)\" height=\"\(rows.count * (height + gapY) + gapY)\" "
        + "font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">",
      "<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">"
        + "<path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>",
    ]
    for id in order {
      guard let to = places[id] else { continue }
      for read in operation(id)?.inputs ?? [] {
        guard let from = places[read] else { continue }
        lines.append(
          "<line x1=\"\(from.x + width / 2)\" y1=\"\(from.y + height)\" x2=\"\(to.x + width / 2)\" y2=\"\(to.y)\" "
            + "stroke=\"#555\" marker-end=\"url(#tip)\"/>")
      }
    }
    for id in order {
      guard let place = places[id] else { continue }
      lines.append(
        "<rect x=\"\(place.x)\" y=\"\(place.y)\" width=\"\(width)\" height=\"\(height)\" rx=\"6\" "
          + "fill=\"\(operation(id) == nil ? "#e8f0fe" : "#fff")\" stroke=\"#333\"/>")
      for (i, text) in label(id).enumerated() {
        lines.append(
          "<text x=\"\(place.x + width / 2)\" y=\"\(place.y + 18 + 16 * i)\">\(Self.escaped(text))</text>")
      }
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  /// Text for XML, cut where it would not fit its box.
  private static func escaped(_ text: String) -> String {
    let short = text.count > 30 ? text.prefix(14) + "..." + text.suffix(13) : text[...]
    return short.reduce(into: "") { result, character in
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      default: result.append(character)
      }
    }
  }
}
