import LuaHost
import Tensors

/// A dimension as scripts write it: counted from 1, or from the end with negative numbers.
struct Dimension: LuaDecodable {
  private let number: Int

  static let first = Dimension(number: 1)
  static let last = Dimension(number: -1)

  static var luaName: String { "integer" }

  static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Dimension? {
    guard let number = try Int.decode(argument) else { return nil }
    if number == 0 { throw .rule("be a dimension: 1 is the first, -1 the last", got: "0") }
    return Dimension(number: number)
  }

  /// As an axis of `shape`, counted from 0.
  func axis(of shape: Shape, for function: String) throws -> Int {
    try shape.axis(number > 0 ? number - 1 : number, for: function)
  }

  /// The place of a new dimension among those of `shape`, counted from 0.
  func newAxis(in shape: Shape, for function: String) throws -> Int {
    try axis(of: Shape(shape.dims.prefix(Shape.maximumRank - 1) + [1]), for: function)
  }
}

/// A dimension or a list of them.
struct Dimensions: LuaDecodable {
  private let list: [Dimension]

  static var luaName: String { "integer|integer[]" }
  static var acceptsTable: Bool { true }

  static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Dimensions? {
    if let one = try Dimension.decode(argument) { return Dimensions(list: [one]) }
    return try [Dimension].decode(argument).map(Dimensions.init)
  }

  func axes(of shape: Shape, for function: String) throws -> [Int] {
    try list.map { try $0.axis(of: shape, for: function) }
  }
}

extension Dimensions? {
  /// All dimensions where none are named.
  func axes(of shape: Shape, for function: String) throws -> [Int] {
    try self?.axes(of: shape, for: function) ?? Array(0..<shape.rank)
  }
}

/// Extents as scripts write them, `2, 3` or `{2, 3}`.
typealias Extents = [OneOf<Int, [Int]>]

extension Extents {
  /// One after the other.
  var flat: [Int] {
    flatMap { extent in
      switch extent {
      case .first(let extent): [extent]
      case .second(let extents): extents
      }
    }
  }

  /// - Throws: for negative extents and for what is too large to be a tensor.
  func shape(for function: String) throws -> Shape { try Shape(checking: flat, for: function) }
}

extension Dimension: CustomStringConvertible {
  var description: String { "\(number)" }
}
