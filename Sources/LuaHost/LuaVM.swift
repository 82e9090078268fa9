import CLuaBridge

/// A Lua interpreter with the host's functions and types in it.
///
/// A VM is used by one thread at a time. `requestInterrupt` and `isInterrupted` may be used from any.
public final class LuaVM {
  public struct Options {
    /// Bytes that scripts may use for themselves, beside the memory of the host's objects; nil: no limit.
    public var memoryLimit: Int?
    /// Where the host counts the live bytes behind its objects. Lua's collector is driven by it, since it
    /// cannot see them. Must outlive the VM.
    public var nativeBytes: UnsafePointer<Int>?
    /// Whether reading an undefined global is an error.
    public var isStrict: Bool
    /// Library modules by name, for `require`: the text, or `nil` for an unknown name.
    public var module: (String) -> String?

    public init(
      memoryLimit: Int? = nil, nativeBytes: UnsafePointer<Int>? = nil, isStrict: Bool = true,
      module: @escaping (String) -> String? = { _ in nil }
    ) {
      self.memoryLimit = memoryLimit
      self.nativeBytes = nativeBytes
      self.isStrict = isStrict
      self.module = module
    }
  }

  struct RegisteredType {
    let type: any LuaObject.Type
    let declaration: LuaType
  }

  private(set) var raw: OpaquePointer!
  let options: Options
  /// By the number that Lua knows them by. Every call reads it, so access is not checked for overlap.
  @exclusivity(unchecked)
  var functions: ContiguousArray<Function> = []
  var types: [RegisteredType] = []
  var typeIDs: [ObjectIdentifier: UInt16] = [:]
  @exclusivity(unchecked)
  var lastType: (class: ObjectIdentifier?, id: UInt16) = (nil, 0)
  var libraries: [Library] = []
  /// Functions written in Lua that have declared themselves, by number.
  var declarations: [Declaration] = []
  var modules: [(name: String, library: String)] = []
  private(set) var tools: Tools!
  /// Where `require` looks beside the script's folder.
  private var basePath = ""
  private let dropped = ReferenceQueue()
  /// The error that a binding threw last, until it comes back out of Lua.
  private var thrown: (any Error)?

  /// - Throws: `LuaError` where there is no memory for an interpreter.
  public init(options: Options = Options()) throws {
    self.options = options
    dropped.vm = self
    let host = lb_host(
      self: Unmanaged.passUnretained(self).toOpaque(),
      call: { host, function, arguments, count, out in
        Unmanaged<LuaVM>.fromOpaque(host!)._withUnsafeGuaranteedRef {
          $0.answer(Int(function), arguments!, Int(count), out!)
        }
      },
      release: { Unmanaged<AnyObject>.fromOpaque($0!).release() },
      native_bytes: options.nativeBytes)
    raw = lb_open(host)
    guard raw != nil else { throw LuaError("not enough memory for a Lua interpreter", kind: .memory) }
    tools = try Tools(self)
    if case .string(let path)? = try load("return package.path", chunk: Prelude.chunk, taking: Self.copy)
      .first
    {
      basePath = path
    }
    // The prelude is the host's own, and not to be charged to a script.
    lb_limit_memory(raw, max(0, options.memoryLimit ?? 0))
  }

  /// Such as `5.4.4`.
  public static var release: String {
    String(cString: lb_lua_release()).split(separator: " ").last.map(String.init) ?? ""
  }

  deinit {
    if raw != nil { lb_close(raw) }
    dropped.vm = nil
  }

  // MARK: - Script to host

  private func answer(
    _ function: Int, _ arguments: UnsafePointer<lb_value>, _ count: Int, _ out: UnsafeMutablePointer<lb_value>
  ) -> Int32 {
    if !dropped.isEmpty { releaseDropped() }
    do {
      return try functions[function].body(self, arguments, count, out)
    } catch {
      return raise(error, out)
    }
  }

  private func raise(_ error: any Error, _ out: UnsafeMutablePointer<lb_value>) -> Int32 {
    if error is LuaInterrupted || error is LuaExit { return Int32(LB_STOP) }
    thrown = error
    let lua = error as? LuaError
    if let value = lua?.value {
      out[0] = lb_value(tag: LB_REFERENCE, flag: 0, type: 0, count: 0, as: .init(slot: Int64(value.index)))
      return Int32(LB_RAISE)
    }
    var message = lua?.message ?? "\(error)"
    out[0] = message.withUTF8 { lb_string($0.baseAddress, $0.count) }
    if lua?.isPositioned == true { out[0].flag = UInt8(LB_POSITIONED) }
    return Int32(LB_RAISE)
  }

  // MARK: - Host to script

  func call<Result>(
    _ reference: LuaReference, _ arguments: [LuaPayload], taking: (LuaArgument) throws -> Result = LuaVM.copy
  ) throws -> [Result] {
    var values = arguments.map(\.raw)
    defer { for index in values.indices { lb_dispose(nil, &values[index]) } }
    return try perform({ lb_call(raw, reference.index, values, Int32(values.count), $0) }, taking: taking)
  }

  /// A value as Swift holds it; one that cannot be copied stays in Lua.
  static func copy(_ argument: LuaArgument) -> LuaValue {
    if let value = try? LuaValue.decode(argument) { return value }
    return .other(typeName: argument.typeName)
  }

  /// Runs `work`, which leaves results or an error in Lua, and takes the results out.
  func perform<Result>(
    _ work: (UnsafeMutablePointer<Int32>) -> lb_status, taking: (LuaArgument) throws -> Result
  ) throws -> [Result] {
    let mark = lb_mark(raw)
    defer {
      lb_reset(raw, mark)
      releaseDropped()
    }
    var results: Int32 = 0
    let status = work(&results)
    guard status == LB_OK else { throw error(status) }
    return try (0..<results).map { try taking(LuaArgument(lb_result(raw, results, $0), vm: self)) }
  }

  func error(_ status: lb_status) -> any Error {
    if status == LB_INTERRUPTED { return LuaInterrupted() }
    if status == LB_EXITED { return LuaExit(code: lb_exit_code(raw)) }
    let failure = lb_failed(raw)
    let text = UnsafeRawBufferPointer(start: failure.message, count: failure.message_count)
    var error = LuaError(String(decoding: text, as: UTF8.self), kind: kind(of: status), isPositioned: true)
    error.traceback = failure.traceback.map { visibleFrames(String(cString: $0)) } ?? []
    if failure.value.tag != LB_STRING, status == LB_FAILED { error.value = retain(failure.value) }
    if failure.from_host, let thrown {
      let inner = thrown as? LuaError
      error.cause = inner?.cause ?? (inner?.isPositioned == true ? nil : thrown)
      if let inner, inner.isPositioned { error.traceback = inner.traceback }
    }
    thrown = nil
    return error
  }

  private func kind(of status: lb_status) -> LuaError.Kind {
    switch status {
    case LB_SYNTAX: .syntax
    case LB_INCOMPLETE: .incomplete
    case LB_NO_MEMORY: .memory
    default: .runtime
    }
  }

  /// The script's own frames of a traceback as Lua writes it.
  private func visibleFrames(_ traceback: String) -> [String] {
    traceback.split(separator: "\n").dropFirst()
      .map { $0.drop { $0 == "\t" } }
      .filter { !$0.hasPrefix("[C]: in ?") && !$0.hasPrefix("[qs") }
      .map(String.init)
  }

  // MARK: - Values that stay in Lua

  /// What the last failed call of the bridge complained about.
  var failureMessage: String { String(cString: lb_failed(raw).message) }

  func retain(_ value: lb_value) -> LuaReference? {
    var value = value
    let index = lb_retain(raw, &value)
    return index < 0 ? nil : LuaReference(index: index, queue: dropped)
  }

  /// Only where no value is on its way into Lua, for its Swift owner may be gone already.
  private func releaseDropped() {
    guard !dropped.isEmpty else { return }
    for index in dropped.takeAll() { lb_unretain(raw, index) }
  }

  // MARK: - Running

  /// Runs a script.
  ///
  /// - Parameters:
  ///   - chunk: its name in error messages: "@" and a path, or "=" and any text.
  ///   - arguments: what the script sees as `arg` and `...`.
  /// - Throws: `LuaError`, `LuaInterrupted`, `LuaExit`.
  public func run(_ source: String, chunk: String, arguments: [String] = []) throws {
    var path = basePath
    if chunk.hasPrefix("@") {
      let folder = chunk.dropFirst().split(separator: "/", omittingEmptySubsequences: false).dropLast()
      let prefix = folder.isEmpty ? "" : folder.joined(separator: "/") + "/"
      path = "\(prefix)?.lua;\(prefix)?/init.lua;\(basePath)"
    }
    define("path", .string(path), in: "package")
    let values = arguments.map(LuaValue.string)
    define("arg", .table(LuaTable(items: values, fields: [(.int(0), .string(String(chunk.dropFirst())))])))
    _ = try load(source, chunk: chunk, arguments: values, taking: Self.copy)
  }

  /// Runs a piece of a session and returns its values; an expression is a piece too.
  ///
  /// - Throws: `LuaError`, of kind `.incomplete` where more lines are wanted, `LuaInterrupted`, `LuaExit`.
  public func evaluate(_ source: String, chunk: String) throws -> [LuaValue] {
    try evaluate(source, chunk: chunk, taking: Self.copy)
  }

  func evaluate<Result>(
    _ source: String, chunk: String, taking: (LuaArgument) throws -> Result
  ) throws -> [Result] {
    try tools.freeGlobals.call()
    do {
      return try load("return " + source, chunk: chunk, taking: taking)
    } catch let error as LuaError where error.kind == .syntax || error.kind == .incomplete {
      return try load(source, chunk: chunk, taking: taking)
    }
  }

  func load<Result>(
    _ source: String, chunk: String, arguments: [LuaValue] = [], taking: (LuaArgument) throws -> Result
  ) throws -> [Result] {
    var source = source
    var values = try arguments.map { try $0.payload(for: self).raw }
    defer { for index in values.indices { lb_dispose(nil, &values[index]) } }
    return try source.withUTF8 { text in
      let bytes = UnsafeRawPointer(text.baseAddress)?.assumingMemoryBound(to: CChar.self)
      return try perform(
        { lb_run(raw, bytes, text.count, chunk, values, Int32(values.count), $0) }, taking: taking)
    }
  }

  /// Bytes that the interpreter itself uses.
  public var memoryUsed: Int { lb_memory_used(raw) }

  /// Collects all garbage now.
  public func collectGarbage() { lb_collect(raw) }

  // MARK: - Interrupts

  /// Stops the script that is running at its next instruction, or the next one to run. Safe to call from any
  /// thread and from a signal handler.
  public func requestInterrupt() { lb_interrupt(raw) }

  /// Whether long work should stop, by throwing `LuaInterrupted`. May be read from any thread.
  public var isInterrupted: Bool { lb_stopping(raw) }

  /// Forgets an interrupt that no script has seen.
  public func clearInterrupt() { lb_clear_interrupt(raw) }

  /// Makes the next `signal` an interrupt of this VM, process-wide; the one after it has its default effect.
  public func interrupt(on signal: Int32) { lb_interrupt_on(raw, signal) }
}
