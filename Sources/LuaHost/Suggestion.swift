/// ` (did you mean 'epochs'?)`, or nothing where no candidate is near.
public func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
  nearest(to: name, among: candidates).map { " (did you mean '\($0)'?)" } ?? ""
}

/// The candidate with the smallest edit distance, if that is small for the name's length. Of equals, the
/// first in alphabetical order.
func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
  let limit = max(1, name.count / 3)
  return candidates.map { (distance: editDistance(name, $0), name: $0) }
    .filter { $0.distance <= limit && $0.name != name }
    .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost 1.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.utf8), b = Array(b.utf8)
  var before = [Int](), last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var distance = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { distance = min(distance, before[j - 1] + 1) }
      row.append(distance)
    }
    before = last
    last = row
  }
  return last[b.count]
}
