extension Unicode.Scalar {
  var isSpace: Bool { properties.isWhitespace }

  /// \p{L}
  var isLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// \p{N}
  var isNumber: Bool {
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  /// \w
  var isWord: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: properties.isAlphabetic || properties.isJoinControl
    }
  }

  // BERT's kinds are those of Unicode 8, which the tables of Hugging Face's tokenizers have: what came later is none of
  // them, and three characters have changed since.

  /// Punctuation as BERT sees it: Unicode's, and all ASCII that is neither letter, digit, space nor control.
  var isPunctuation: Bool {
    if value < 0x80 { return value > 0x20 && value < 0x7F && !isWord || self == "_" }
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return isOld
    default: return value == 0x166D || value == 0x111C9
    }
  }

  /// An accent that BERT strips.
  var isNonspacingMark: Bool {
    value >= 0x300
      && (properties.generalCategory == .nonspacingMark && isOld && value != 0x111C9 || value == 0x1734)
  }

  /// What BERT removes: control, format and private-use characters but tab and line ends.
  var isControl: Bool {
    if self == "\t" || self == "\n" || self == "\r" { return false }
    switch properties.generalCategory {
    case .control, .privateUse: return true
    case .format: return isOld
    default: return false
    }
  }

  private var isOld: Bool { properties.age.map { $0.major <= 8 } ?? false }

  /// An ideograph that BERT sets apart: the CJK blocks, not kana or Hangul. The one from U+2B920 starts at U+2B820 in
  /// BERT's own code; Hugging Face's is what tokenizer.json stands for.
  var isIdeograph: Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
