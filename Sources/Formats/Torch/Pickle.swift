/// What a pickle describes, as data: nothing in it is called. Objects lie in lists and refer to each other by number,
/// so that neither cycles nor deep nesting can hurt.
struct Pickle {
  enum Value {
    case none
    case truth(Bool)
    case integer(Int)
    case text(String)
    /// A class or function by its dotted name.
    case global(String)
    /// A list or a tuple: a place in `sequences`.
    case sequence(Int)
    /// A place in `dictionaries`.
    case dictionary(Int)
    /// A function and what it would be called with: a place in `calls`.
    case call(Int)
    /// An object kept outside of the pickle: the place of its description in `sequences`.
    case external(Int)
    /// Numbers, bytes and the like that no tensor needs.
    case other
  }

  var sequences: [[Value]] = []
  var dictionaries: [[(key: Value, value: Value)]] = []
  var calls: [(function: String, arguments: [Value])] = []
  var root = Value.none

  func items(_ value: Value) -> [Value]? {
    if case .sequence(let place) = value { sequences[place] } else { nil }
  }

  /// The numbers of a sequence of integers.
  func integers(_ value: Value) -> [Int]? {
    guard let items = items(value) else { return nil }
    let numbers = items.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == items.count ? numbers : nil
  }
}
