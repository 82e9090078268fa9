import Tensors

/// A number that tells contents apart (64-bit FNV-1a over words), to find out whether two things are the same; not made
/// to withstand anybody who wants a collision.
public struct Checksum: Sendable {
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  public mutating func add(_ number: Int) { mix(UInt64(bitPattern: Int64(number))) }

  public mutating func add(_ text: String) {
    for byte in text.utf8 { mix(UInt64(byte)) }
    mix(~0)
  }

  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while rest.count >= 8 {
      mix(rest.loadUnaligned(as: UInt64.self))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(8))
    }
    for byte in rest { mix(UInt64(byte)) }
  }

  /// Shape, type and every element.
  public mutating func add(_ tensor: Tensor) throws {
    add("\(tensor.dtype.rawValue) \(tensor.shape)")
    let dense = try tensor.contiguous()
    add(UnsafeRawBufferPointer(start: dense.bytes, count: dense.byteCount))
  }

  private mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    // Multiplying carries upwards only; this brings it down again.
    value ^= value >> 29
  }
}

extension Module {
  /// Of all parameters and buffers, their names included.
  public final func checksum() throws -> UInt64 {
    var sum = Checksum()
    for (path, parameter) in namedParameters() {
      sum.add(path)
      try sum.add(parameter.value)
    }
    return sum.value
  }
}

extension Dataset {
  /// Of the targets, the normalization, and the examples: all of them up to 1024, else so many spread over the whole.
  public func checksum() throws -> UInt64 {
    var sum = Checksum()
    sum.add("\(stored.dtype.rawValue) \(stored.shape)")
    for numbers in [normalization?.factors ?? [], normalization?.shifts ?? []] {
      for number in numbers { sum.add(Int(number.bitPattern)) }
    }
    try sum.add(targets)
    let sampled = (0..<min(count, 1024)).map { $0 * count / min(count, 1024) }
    let examples = try subset(sampled).stored
    try sum.add(examples)
    return sum.value
  }
}
