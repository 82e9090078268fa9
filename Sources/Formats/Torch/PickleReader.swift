/// Python's pickle machine with the instructions that data is made of (protocols 2 to 5). Functions and classes stay
/// names, and calls stay descriptions; instructions beyond these are refused.
struct PickleReader {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0
  private var pickle = Pickle()
  private var stack: [Pickle.Value] = []
  /// Heights of the stack.
  private var marks: [Int] = []
  private var memo: [Int: Pickle.Value] = [:]

  /// Reads a whole pickle; errors name `path`.
  static func read(_ bytes: [UInt8], path: String) throws -> Pickle {
    var reader = PickleReader(bytes: bytes, path: path)
    while try reader.step() {}
    return reader.pickle
  }

  private init(bytes: [UInt8], path: String) { (self.bytes, self.path) = (bytes, path) }

  /// Carries out one instruction; false after the last.
  private mutating func step() throws -> Bool {
    let code = try number(1)
    switch UInt8(code) {
    case UInt8(ascii: "."):
      pickle.root = try pop()
      return false
    case 0x80: guard (2...5).contains(try number(1)) else { throw damaged("of an unknown protocol") }
    case 0x95: _ = try number(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): try recall(try number(1))
    case UInt8(ascii: "j"): try recall(try number(4))
    case UInt8(ascii: "b"): _ = try pop()  // BUILD: attributes, which no tensor needs
    case UInt8(ascii: "R"), 0x81: try call()
    case UInt8(ascii: "Q"): try push(external: try pop())
    case UInt8(ascii: "c"): push(.global(try line() + "." + line()))
    case 0x93: try pushGlobal()
    default:
      if try !pushPlain(UInt8(code)) && !changeContainer(UInt8(code)) {
        throw damaged("with the instruction \(code), which no file of tensors has")
      }
    }
    return true
  }

  /// Instructions for values that are not made of others.
  private mutating func pushPlain(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "N"): push(.none)
    case 0x88: push(.truth(true))
    case 0x89: push(.truth(false))
    case UInt8(ascii: "K"): push(.integer(try number(1)))
    case UInt8(ascii: "M"): push(.integer(try number(2)))
    case UInt8(ascii: "J"): push(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case 0x8A: try pushLong(try number(1))
    case 0x8B: try pushLong(try number(4))
    case UInt8(ascii: "G"): try skip(8)
    case UInt8(ascii: "C"), UInt8(ascii: "U"): try skipOrText(code, try number(1))
    case UInt8(ascii: "B"), UInt8(ascii: "T"), UInt8(ascii: "X"): try skipOrText(code, try number(4))
    case 0x8C: try skipOrText(code, try number(1))
    case 0x8D, 0x8E, 0x96: try skipOrText(code, try number(8))
    default: return false
    }
    return true
  }

  /// Instructions that make containers or fill them.
  private mutating func changeContainer(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "}"): push(dictionary: [])
    case UInt8(ascii: "]"), UInt8(ascii: ")"): push(sequence: [])
    case UInt8(ascii: "t"): push(sequence: try popToMark())
    case 0x85, 0x86, 0x87: push(sequence: try pop(Int(code) - 0x84))
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "s"): try set(try pop(2))
    case UInt8(ascii: "u"): try set(try popToMark())
    default: return false
    }
    return true
  }

  // MARK: Objects

  private mutating func call() throws {
    let (arguments, function) = (try pop(), try pop())
    guard let items = pickle.items(arguments) else { throw damaged("that calls without arguments") }
    switch function {
    case .global("collections.OrderedDict"), .global("collections.defaultdict"), .global("builtins.dict"):
      let pairs = items.first.flatMap { pickle.items($0) } ?? []
      push(
        dictionary: pairs.compactMap { pickle.items($0) }.compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil })
    case .global(let name):
      pickle.calls.append((name, items))
      push(.call(pickle.calls.count - 1))
    default: push(.other)
    }
  }

  private mutating func push(external description: Pickle.Value) throws {
    guard case .sequence(let place) = description else { throw damaged("that names an object by no tuple") }
    push(.external(place))
  }

  private mutating func pushGlobal() throws {
    guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
      throw damaged("that names a function by no text")
    }
    push(.global(module + "." + name))
  }

  private mutating func append(_ items: [Pickle.Value]) throws {
    if case .sequence(let place) = try top() { pickle.sequences[place] += items }
  }

  private mutating func set(_ items: [Pickle.Value]) throws {
    guard items.count % 2 == 0 else { throw damaged("with a key that has no value") }
    guard case .dictionary(let place) = try top() else { return }
    for i in stride(from: 0, to: items.count, by: 2) {
      pickle.dictionaries[place].append((items[i], items[i + 1]))
    }
  }

  // MARK: Stack

  private mutating func push(_ value: Pickle.Value) { stack.append(value) }

  private mutating func push(sequence items: [Pickle.Value]) {
    pickle.sequences.append(items)
    push(.sequence(pickle.sequences.count - 1))
  }

  private mutating func push(dictionary items: [(key: Pickle.Value, value: Pickle.Value)]) {
    pickle.dictionaries.append(items)
    push(.dictionary(pickle.dictionaries.count - 1))
  }

  private mutating func recall(_ place: Int) throws {
    guard let value = memo[place] else { throw damaged("that recalls what it has not noted") }
    push(value)
  }

  private func top() throws -> Pickle.Value {
    guard let value = stack.last, stack.count > marks.last ?? 0 else {
      throw damaged("whose stack runs empty")
    }
    return value
  }

  private mutating func pop() throws -> Pickle.Value { try pop(1)[0] }

  private mutating func pop(_ count: Int) throws -> [Pickle.Value] {
    guard stack.count - (marks.last ?? 0) >= count else { throw damaged("whose stack runs empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws -> [Pickle.Value] {
    guard let mark = marks.popLast() else { throw damaged("with an end that has no beginning") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  // MARK: Bytes

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw damaged("that is cut short") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A little-endian number of up to eight bytes; one that is no Int is larger than any file.
  private mutating func number(_ width: Int) throws -> Int {
    Int(truncatingIfNeeded: try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  private mutating func line() throws -> String {
    let text = bytes[position...].prefix { $0 != UInt8(ascii: "\n") }
    _ = try take(text.count + 1)
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func skip(_ count: Int) throws {
    _ = try take(count)
    push(.other)
  }

  /// The texts, and bytes that nothing here reads.
  private mutating func skipOrText(_ code: UInt8, _ count: Int) throws {
    if [UInt8(ascii: "C"), UInt8(ascii: "B"), 0x8E, 0x96].contains(code) { return try skip(count) }
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      return push(.other)
    }
    push(.text(text))
  }

  /// A signed number of `count` bytes.
  private mutating func pushLong(_ count: Int) throws {
    let digits = try take(count)
    guard count <= 8 else { return push(.other) }
    let sign: UInt64 = (digits.last ?? 0) >= 0x80 ? .max : 0
    push(.integer(Int(truncatingIfNeeded: digits.reversed().reduce(sign) { $0 << 8 | UInt64($1) })))
  }

  private func damaged(_ problem: String) -> FileError {
    FileError(path, "holds a pickle \(problem); save the model's state_dict() with torch.save again")
  }
}
