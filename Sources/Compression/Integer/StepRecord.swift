import Tensors

/// A step as a file holds it.
public struct StepRecord: Sendable {
  public var integers: [String: Int] = [:]
  public var floats: [String: Float] = [:]
  public var strings: [String: String] = [:]
  public var blobs: [String: [UInt8]] = [:]
  public init() {}

  public mutating func put<T: BitwiseCopyable>(_ values: [T], _ name: String) {
    blobs[name] = values.withUnsafeBytes(Array.init)
  }

  public func integer(_ name: String) throws -> Int {
    guard let value = integers[name] else { throw ShapeError("program", "a step lacks '\(name)'") }
    return value
  }

  /// A size: at least `least`, and small enough that products of a few do not overflow.
  public func size(_ name: String, least: Int = 1) throws -> Int {
    let value = try integer(name)
    try require((least...(1 << 24)).contains(value), "program", "a step has \(name) = \(value)")
    return value
  }

  public func byte(_ name: String) throws -> UInt8 {
    guard let byte = UInt8(exactly: try integer(name)) else {
      throw ShapeError("program", "a step's '\(name)' is not a byte")
    }
    return byte
  }

  public mutating func put(_ params: QuantParams, _ name: String) {
    floats[name + "_scale"] = params.scale
    integers[name + "_zero_point"] = Int(params.zeroPoint)
    put(params.lowest, params.highest, name + "_")
  }

  public func params(_ name: String) throws -> QuantParams {
    let scale = try float(name + "_scale")
    try require(scale.isNormal && scale > 0, "program", "a step's '\(name)' has scale \(scale)")
    let (lowest, highest) = try codes(name + "_")
    return QuantParams(
      scale: scale, zeroPoint: try byte(name + "_zero_point"), lowest: lowest, highest: highest)
  }

  /// The codes a result uses; nothing is written where they are all bytes.
  mutating func put(_ lowest: UInt8, _ highest: UInt8, _ prefix: String = "") {
    if lowest > 0 { integers[prefix + "low"] = Int(lowest) }
    if highest < 255 { integers[prefix + "high"] = Int(highest) }
  }

  func codes(_ prefix: String = "") throws -> (lowest: UInt8, highest: UInt8) {
    let lowest = integers[prefix + "low"] == nil ? 0 : try byte(prefix + "low")
    let highest = integers[prefix + "high"] == nil ? 255 : try byte(prefix + "high")
    try require(lowest < highest, "program", "a step's codes go from \(lowest) to \(highest)")
    return (lowest, highest)
  }

  public func float(_ name: String) throws -> Float {
    guard let value = floats[name] else { throw ShapeError("program", "a step lacks '\(name)'") }
    return value
  }

  public func array<T: BitwiseCopyable>(_ name: String, _: T.Type, count: Int) throws -> [T] {
    let bytes = blobs[name] ?? []
    try require(
      bytes.count == count * MemoryLayout<T>.stride, "program",
      "a step's '\(name)' has \(bytes.count) bytes, expected \(count * MemoryLayout<T>.stride)")
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self) }
    }
  }

  public func string(_ name: String) throws -> String {
    guard let value = strings[name] else { throw ShapeError("program", "a step lacks '\(name)'") }
    return value
  }

  // MARK: Codes

  /// s8 codes in as few bits as they need.
  mutating func put(codes: [Int8], _ name: String) {
    let packed = PackedCodes(codes)
    blobs[name] = packed.bytes
    if packed.levels < 256 { integers[name + "_levels"] = packed.levels }
  }

  func codes(_ name: String, count: Int) throws -> [Int8] {
    guard integers[name + "_levels"] != nil else { return try array(name, Int8.self, count: count) }
    let packed = PackedCodes(levels: try integer(name + "_levels"), bytes: blobs[name] ?? [])
    guard let codes = packed.codes(count: count) else {
      throw ShapeError(
        "program", "a step's '\(name)' does not hold \(count) codes of \(packed.levels) levels")
    }
    return codes
  }
}
