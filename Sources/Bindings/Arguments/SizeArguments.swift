import LuaHost
import Tensors

extension Size2d: LuaDecodable {
  public static var luaName: String { "integer|integer[]" }
  public static var acceptsTable: Bool { true }

  /// `3` for both ways, or `{height, width}`.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Size2d? {
    if let both = try Int.decode(argument) { return Size2d(both) }
    guard let sizes = try [Int].decode(argument) else { return nil }
    guard sizes.count == 2 else {
      throw .rule("be a number or {height, width}", got: "\(sizes.count) numbers")
    }
    return Size2d(sizes[0], sizes[1])
  }
}

extension Padding2d: LuaDecodable {
  public static var luaName: String { "integer|integer[]" }
  public static var acceptsTable: Bool { true }

  /// `1` for all sides, `{height, width}`, or `{top, left, bottom, right}`.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Padding2d? {
    if let all = try Int.decode(argument) { return Padding2d(Size2d(all)) }
    guard let sizes = try [Int].decode(argument) else { return nil }
    switch sizes.count {
    case 2: return Padding2d(Size2d(sizes[0], sizes[1]))
    case 4: return Padding2d(top: sizes[0], left: sizes[1], bottom: sizes[2], right: sizes[3])
    default:
      throw .rule("be a number, {height, width} or {top, left, bottom, right}", got: "\(sizes.count) numbers")
    }
  }
}

extension Size2d: CustomStringConvertible {
  public var description: String { height == width ? "\(height)" : "{\(height), \(width)}" }
}

extension Padding2d: CustomStringConvertible {
  public var description: String { symmetric?.description ?? "{\(top), \(left), \(bottom), \(right)}" }
}
