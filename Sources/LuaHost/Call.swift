import CLuaBridge

/// One call of a bound function, while it lasts.
@usableFromInline
struct Call {
  @usableFromInline unowned(unsafe) let vm: LuaVM
  @usableFromInline unowned(unsafe) let signature: Signature
  @usableFromInline let arguments: UnsafePointer<lb_value>
  @usableFromInline let count: Int
  /// How many of the arguments stand before the table of options.
  @usableFromInline var positional: Int
  @usableFromInline var options: LuaTableView?

  /// - Throws: `LuaError` for too many arguments or an unknown option.
  @inlinable
  init(_ vm: LuaVM, _ signature: Signature, _ arguments: UnsafePointer<lb_value>, count: Int) throws {
    self.vm = vm
    self.signature = signature
    self.arguments = arguments
    self.count = count
    positional = count
    if count > signature.plainCount { try findOptions() }
  }

  func option(_ name: String) -> LuaArgument? { options?.field(name) }

  /// The options are the table after the positional arguments, or the last argument where optional ones that
  /// cannot be tables were left out.
  @usableFromInline
  mutating func findOptions() throws {
    if signature.options.isEmpty { return try refuseExtraArguments() }
    if signature.hasRest { return try findOptionsAfterRest() }
    var place = signature.positional.count
    if count > 0, count <= place, count > signature.requiredCount, arguments[count - 1].tag == LB_TABLE,
      !signature.positional[count - 1].acceptsTable
    {
      place = count - 1
    }
    guard place < count else { return }
    positional = place
    let argument = LuaArgument(arguments[place], vm: vm)
    guard argument.kind != .nil else { return }
    do throws(LuaMismatch) {
      options = try argument.table()
    } catch {
      guard case .problem(let text) = error else { return }
      throw LuaError("\(signature.name): options: \(text)")
    }
    guard let options else {
      let number = place + (signature.isMethod ? 0 : 1)
      throw LuaError(
        "bad argument #\(number) to '\(signature.name)' (options: table expected, got \(argument.typeName))")
    }
    try check(options)
    if count > place + 1 { try refuseExtraArguments() }
  }

  /// Behind any number of arguments, the options are a last table that is no list.
  private mutating func findOptionsAfterRest() throws {
    guard count > 0, let last = try? LuaArgument(arguments[count - 1], vm: vm).table(), last.fieldCount > 0
    else { return }
    options = last
    positional = count - 1
    try check(last)
  }

  private func check(_ options: LuaTableView) throws {
    for index in 0..<options.fieldCount {
      let key = options.key(index)
      let known = signature.options.contains { $0.name == key.string }
      if !known { throw signature.unknownOption(key.string ?? key.shown) }
    }
    if options.count > 0 {
      throw LuaError("\(signature.name): options are written name = value, got a list")
    }
  }

  /// Trailing nils are as good as nothing.
  private func refuseExtraArguments() throws {
    guard signature.isStrict else { return }
    let most = signature.positional.count + (options == nil ? 0 : 1)
    for index in most..<max(most, count) where arguments[index].tag != LB_NIL {
      throw signature.tooMany(count)
    }
  }
}
