/// Names that are given once: what asks for one that is taken gets it with a number.
public struct UniqueNames {
  private var taken: Set<String> = []
  /// The number that each name was given last.
  private var numbers: [String: Int] = [:]

  public init() {}

  /// `name`, or `name_2`, `name_3`, ... if it is taken.
  public mutating func unused(_ name: String) -> String {
    if taken.insert(name).inserted { return name }
    var n = numbers[name] ?? 1
    repeat { n += 1 } while !taken.insert("\(name)_\(n)").inserted
    numbers[name] = n
    return "\(name)_\(n)"
  }
}
