import Tensors

/// Integers that a file gives: read exactly, and refused where they are beyond what any tensor has, so that sums of a
/// few of them, and products of two attributes, stay far from overflowing.
extension OnnxCall {
  /// What sizes and places in tensors may be.
  private static let largest = Shape.maximumCount
  /// What attributes may be.
  private static let largestAttribute = 1 << 30

  // MARK: Inputs

  /// A constant input as integers.
  func integers(_ i: Int, _ role: String) throws -> [Int] {
    try exactIntegers(i, role).map { try bounded($0, by: Self.largest, "its \(role)") }
  }

  /// Integers from an input, or from the attribute that older opsets had in its place; nil where neither is there.
  func integers(_ i: Int, orAttribute name: String) throws -> [Int]? {
    has(i) ? try integers(i, name) : try ints(name)
  }

  /// Places along dimensions: one that lies far beyond an end, as exporters write for "up to the end", is brought
  /// nearer.
  func places(_ i: Int, orAttribute name: String) throws -> [Int]? {
    let given = has(i) ? try exactIntegers(i, name) : try listed(name)
    return given?.map { min(max($0, -Self.largest), Self.largest) }
  }

  private func exactIntegers(_ i: Int, _ role: String) throws -> [Int] {
    let values = try constant(i, role)
    guard let integers = try values.exactIntegers() else {
      throw OnnxRefusal("its \(role) holds a number that is no integer")
    }
    return integers
  }

  func number(_ i: Int, _ role: String) throws -> Double? {
    guard has(i) else { return nil }
    guard let value = try constant(i, role).doubles().first else { throw OnnxRefusal("its \(role) is empty") }
    return value
  }

  /// The first integer of a constant input; nil where the input is left out.
  func integer(_ i: Int, _ role: String) throws -> Int? {
    guard has(i) else { return nil }
    guard let value = try integers(i, role).first else { throw OnnxRefusal("its \(role) is empty") }
    return value
  }

  // MARK: Attributes

  func int(_ name: String, _ value: Int) throws -> Int {
    switch node.attributes[name] {
    case nil: return value
    case .int(let number)?: return try bounded(number, by: Self.largestAttribute, "attribute '\(name)'")
    default: throw OnnxRefusal("attribute '\(name)' must be an integer")
    }
  }

  /// A place along dimensions, brought nearer as `places` does.
  func place(_ name: String, _ value: Int) throws -> Int {
    guard case .int(let number)? = node.attributes[name] else { return try int(name, value) }
    return min(max(number, -Self.largest), Self.largest)
  }

  func ints(_ name: String) throws -> [Int]? {
    try listed(name)?.map { try bounded($0, by: Self.largestAttribute, "attribute '\(name)'") }
  }

  private func listed(_ name: String) throws -> [Int]? {
    switch node.attributes[name] {
    case nil: return nil
    case .ints(let numbers)?: return numbers
    default: throw OnnxRefusal("attribute '\(name)' must be a list of integers")
    }
  }

  private func bounded(_ number: Int, by largest: Int, _ what: String) throws -> Int {
    guard (-largest...largest).contains(number) else {
      throw OnnxRefusal("\(what) holds \(number), which is beyond any size")
    }
    return number
  }

  // MARK: Arithmetic

  /// The product of sizes; nil where it is beyond any number.
  static func product(_ sizes: some Sequence<Int>) -> Int? {
    var product = 1
    for size in sizes {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      product = next
    }
    return product
  }

  /// Refuses a constant of this shape that is made for a node: a few bytes of a file may not ask for much memory.
  func requireModest(_ shape: Shape) throws {
    try require(
      shape.elements <= 1 << 24, "makes a constant of shape \(shape), which is more than a file may ask for")
  }
}

extension Tensor {
  /// The elements as integers, all bits of them; nil where one is none.
  func exactIntegers() throws -> [Int]? {
    switch dtype {
    case .i64: return try array(Int64.self).map { Int($0) }
    case .i32: return try array(Int32.self).map { Int($0) }
    default:
      let numbers = try doubles().map { Int(exactly: $0) }
      let integers = numbers.compactMap { $0 }
      return integers.count == numbers.count ? integers : nil
    }
  }
}
