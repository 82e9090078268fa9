import Tensors

/// What stands before the elements in an .npy file: magic, version, and a Python dictionary with the type, the
/// order and the shape.
struct NpyHeader {
  var dtype: DType
  var shape: Shape
  var isColumnMajor = false
  var isBigEndian = false

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  private static let codes: [(DType, String)] = [
    (.f32, "f4"), (.f64, "f8"), (.i64, "i8"), (.i32, "i4"), (.i8, "i1"), (.u8, "u1"), (.bool, "b1"),
  ]

  /// Version 1.0, padded with spaces so that the elements start at a multiple of 64 bytes.
  func encoded() -> [UInt8] {
    let code = Self.codes.first { $0.0 == dtype }?.1 ?? ""
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
    let order = dtype.size == 1 ? "|" : "<"
    let text = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(extents)), }"
    let before = Self.magic.count + 4
    let length = (before + text.utf8.count + 1 + 63) / 64 * 64 - before
    let padding = [UInt8](repeating: UInt8(ascii: " "), count: length - text.utf8.count - 1)
    return Self.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8) + padding
      + [UInt8(ascii: "\n")]
  }

  /// The header of the file in `bytes`, and where the elements start.
  static func decode(_ bytes: [UInt8], _ path: String) throws -> (header: NpyHeader, start: Int) {
    guard bytes.starts(with: magic) else {
      throw FileError(path, "is no .npy file (it does not begin with NUMPY)")
    }
    guard bytes.count >= 12 else { throw FileError(path, "is cut short within its header") }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw FileError(path, "is of .npy version \(version).\(bytes[7]); versions 1 to 3 are understood")
    }
    let width = version == 1 ? 2 : 4
    let length = (0..<width).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let start = 8 + width + length
    guard start <= bytes.count else { throw FileError(path, "is cut short within its header") }
    var fields = PythonLiteral(bytes[(8 + width)..<start])
    guard case .dictionary(let entries)? = fields.value(), fields.isAtEnd else {
      throw FileError(path, "has a damaged header (no Python dictionary)")
    }
    return (try NpyHeader(entries, path), start)
  }

  private init(_ entries: [String: PythonLiteral.Value], _ path: String) throws {
    guard case .text(let descr)? = entries["descr"],
      case .truth(let isColumnMajor)? = entries["fortran_order"],
      case .tuple(let items)? = entries["shape"]
    else { throw FileError(path, "has a damaged header ('descr', 'fortran_order' or 'shape' is missing)") }
    guard let dtype = Self.codes.first(where: { $0.1 == descr.dropFirst() })?.0,
      "<>|=".contains(descr.first ?? " ")
    else {
      let known = Self.codes.map(\.1).joined(separator: ", ")
      throw FileError(
        path, "has elements of type '\(descr)'; understood are \(known): convert it with astype()")
    }
    let extents = items.compactMap { item in if case .integer(let n) = item { n } else { nil } }
    guard extents.count == items.count else {
      throw FileError(path, "has a damaged header (a shape that is no tuple of integers)")
    }
    self.dtype = dtype
    self.isColumnMajor = isColumnMajor
    isBigEndian = descr.first == ">"
    shape = try Shape(checking: extents, for: path)
  }

  init(dtype: DType, shape: Shape) {
    self.dtype = dtype
    self.shape = shape
  }
}
