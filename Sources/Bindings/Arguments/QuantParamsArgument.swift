import Compression
import LuaHost

extension QuantParams: LuaDecodable, LuaEncodable {
  public static var luaName: String { "table<string, number>" }
  public static var acceptsTable: Bool { true }

  /// `{scale = 0.05, zero_point = 128}`
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> QuantParams? {
    guard let fields = try [String: Double].decode(argument) else { return nil }
    guard let scale = fields["scale"], let zero = fields["zero_point"], fields.count == 2 else {
      throw .problem("needs the fields scale and zero_point, and no others")
    }
    guard Float(scale).isNormal, scale > 0 else {
      throw .rule("have a scale that is positive and finite", got: "\(scale)")
    }
    guard let zeroPoint = UInt8(exactly: zero) else {
      throw .rule("have a zero_point from 0 to 255", got: "\(zero)")
    }
    return QuantParams(scale: Float(scale), zeroPoint: zeroPoint)
  }

  public func payload(for vm: LuaVM) throws -> LuaPayload {
    try ["scale": Double(scale), "zero_point": Double(zeroPoint)].payload(for: vm)
  }
}

extension UInt8: LuaDecodable {
  public static var luaName: String { "integer" }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> UInt8? {
    guard let value = try Int.decode(argument) else { return nil }
    guard let byte = UInt8(exactly: value) else { throw .rule("be from 0 to 255", got: "\(value)") }
    return byte
  }
}
