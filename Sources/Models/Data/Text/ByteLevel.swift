/// GPT-2's way with text: its pattern for words, and a printable character for each byte (Radford et al., 2019,
/// "Language Models are Unsupervised Multitask Learners").
public enum ByteLevel {
  /// The character that stands for each byte: itself where it is printable Latin-1, else one from U+0100 on.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt32) in
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      defer { if !isPrintable { next += 1 } }
      return Unicode.Scalar(isPrintable ? byte : next) ?? " "
    }
  }()

  private static let values = Dictionary(
    uniqueKeysWithValues: zip(characters, (0...255).map { UInt8($0) }))

  /// The bytes that a token's characters stand for; nil where one stands for none.
  public static func bytes(_ token: String) -> [UInt8]? {
    let bytes = token.unicodeScalars.map { values[$0] }
    return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
  }

  static func words(_ text: [Unicode.Scalar], usesPattern: Bool) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var start = 0
    while start < text.count {
      let end = usesPattern ? matchEnd(text, start) : text.count
      words.append(
        text[start..<end].flatMap { UTF8.encode($0).map { Array($0) } ?? [] }.map { characters[Int($0)] })
      start = end
    }
    return words
  }

  private static let contractions: [[Unicode.Scalar]] =
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.unicodeScalars) }

  /// Where the match of GPT-2's pattern that starts here ends:
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private static func matchEnd(_ text: [Unicode.Scalar], _ start: Int) -> Int {
    if text[start] == "'", let contraction = contractions.first(where: { text[start...].starts(with: $0) }) {
      return start + contraction.count
    }
    let first = text[start] == " " ? start + 1 : start
    if first < text.count, !text[first].isSpace {
      let kind = kind(text[first])
      return text[first...].firstIndex { Self.kind($0) != kind } ?? text.count
    }
    // White space: all of it at the end of the text, else the last of it belongs to the word that follows.
    guard let end = text[start...].firstIndex(where: { !$0.isSpace }) else { return text.count }
    return max(end - 1, start + 1)
  }

  private enum Kind { case letter, number, space, other }

  private static func kind(_ character: Unicode.Scalar) -> Kind {
    character.isLetter ? .letter : character.isNumber ? .number : character.isSpace ? .space : .other
  }
}
