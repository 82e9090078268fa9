import Compression
import LuaHost
import Tensors

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

extension Quantization: LuaDecodable, LuaEncodable {
  public static var luaName: String { "table" }
  public static var acceptsTable: Bool { true }

  /// `{scale = 0.05, zero_point = 128}`, or `{scale = {0.1, 0.2, ...}}` with one for each index of the first dimension.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Quantization? {
    guard let fields = try [String: OneOf<Double, [Double]>].decode(argument) else { return nil }
    guard let given = fields["scale"], fields.count == (fields["zero_point"] == nil ? 1 : 2) else {
      throw .problem("needs the field scale, and may have zero_point, and no others")
    }
    let scales: [Float] =
      switch given {
      case .first(let one): [Float(one)]
      case .second(let list): list.map { Float($0) }
      }
    guard !scales.isEmpty, scales.allSatisfy({ $0.isNormal && $0 > 0 }) else {
      throw .rule("have scales that are positive and finite", got: "\(scales)")
    }
    guard case .first(let zero) = fields["zero_point"] ?? .first(0), let zeroPoint = Int(exactly: zero),
      (-128...255).contains(zeroPoint)
    else { throw .problem("needs a zero_point from -128 to 255") }
    return Quantization(scales: scales, zeroPoint: zeroPoint)
  }

  public func payload(for vm: LuaVM) throws -> LuaPayload {
    let scale: LuaValue =
      scales.count == 1
      ? .number(Double(scales[0])) : .table(LuaTable(items: scales.map { .number(Double($0)) }))
    return try LuaTable(["scale": scale, "zero_point": .int(zeroPoint)]).payload(for: vm)
  }
}
