import Foundation

/// What a tokenizer does to a text before it splits it.
public enum TextNormalizer: Sendable {
  /// BERT's: removes control characters, makes all white space a blank, sets ideographs apart, strips accents, lowers.
  case bert(cleans: Bool, separatesIdeographs: Bool, stripsAccents: Bool, lowers: Bool)
  case lowercase
  /// Removes nonspacing marks; those of composed letters only after a decomposition.
  case stripAccents
  case nfc, nfd, nfkc, nfkd
  case sequence([TextNormalizer])

  public func callAsFunction(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    switch self {
    case .bert(let cleans, let separates, let strips, let lowers):
      var text = text
      if cleans { text = Self.cleaned(text) }
      if separates { text = text.flatMap { $0.isIdeograph ? [" ", $0, " "] : [$0] } }
      if strips { text = TextNormalizer.stripAccents(TextNormalizer.nfd(text)) }
      return lowers ? TextNormalizer.lowercase(text) : text
    case .lowercase: return Self.lowered(text)
    case .stripAccents: return text.filter { !$0.isNonspacingMark }
    case .nfc: return Self.composed(text) { $0.precomposedStringWithCanonicalMapping }
    case .nfd: return Self.composed(text) { $0.decomposedStringWithCanonicalMapping }
    case .nfkc: return Self.composed(text) { $0.precomposedStringWithCompatibilityMapping }
    case .nfkd: return Self.composed(text) { $0.decomposedStringWithCompatibilityMapping }
    case .sequence(let steps): return steps.reduce(text) { $1($0) }
    }
  }

  private static func cleaned(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    text.compactMap { character in
      if character == "\0" || character == "\u{FFFD}" || character.isControl { return nil }
      return character.isSpace ? " " : character
    }
  }

  /// Each character by itself, whatever its neighbours.
  private static func lowered(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var lower: [Unicode.Scalar] = []
    lower.reserveCapacity(text.count)
    for character in text {
      if character.value < 0x80 {
        let isUpper = ("A"..."Z").contains(character)
        lower.append(isUpper ? Unicode.Scalar(UInt8(character.value) + 32) : character)
      } else {
        lower += character.properties.lowercaseMapping.unicodeScalars
      }
    }
    return lower
  }

  private static func composed(_ text: [Unicode.Scalar], _ change: (String) -> String) -> [Unicode.Scalar] {
    if text.allSatisfy({ $0.value < 0x80 }) { return text }
    var string = String.UnicodeScalarView()
    string.append(contentsOf: text)
    return Array(change(String(string)).unicodeScalars)
  }
}
