import CLuaBridge
import Synchronization

/// A Lua value kept alive from Swift.
///
/// The reference may be dropped on any thread, even inside Lua's collector; the VM gives up the value when it
/// next runs.
final class LuaReference: @unchecked Sendable {
  let index: Int32
  let queue: ReferenceQueue

  init(index: Int32, queue: ReferenceQueue) {
    self.index = index
    self.queue = queue
  }

  deinit { queue.drop(index) }

  var payload: LuaPayload {
    LuaPayload(lb_value(tag: LB_REFERENCE, flag: 0, type: 0, count: 0, as: .init(slot: Int64(index))))
  }
}

/// The references that were dropped, until their VM gives them up.
final class ReferenceQueue: @unchecked Sendable {
  /// Set and read on the VM's thread only, and nil once the VM is gone. Not weak: a weak reference would give
  /// the VM a side table and slow down every call.
  unowned(unsafe) var vm: LuaVM?
  private let dropped = Mutex<[Int32]>([])
  private let count = Atomic<Int>(0)

  var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

  func drop(_ index: Int32) {
    dropped.withLock { $0.append(index) }
    count.add(1, ordering: .relaxed)
  }

  func takeAll() -> [Int32] {
    count.store(0, ordering: .relaxed)
    return dropped.withLock { indices in
      defer { indices.removeAll() }
      return indices
    }
  }
}

/// Any Lua value as it is, not copied: the same table stays the same table.
public struct LuaHandle: LuaDecodable, LuaEncodable {
  private enum Content {
    case plain(LuaValue)
    case reference(LuaReference)
  }

  public static var luaName: String { "any" }
  public static var acceptsTable: Bool { true }
  private let content: Content

  init(_ argument: LuaArgument) throws {
    switch argument.raw.tag {
    case LB_FUNCTION, LB_TABLE, LB_OTHER:
      guard let reference = argument.vm.retain(argument.raw) else {
        throw LuaError("not enough memory", kind: .memory)
      }
      content = .reference(reference)
    default: content = .plain(LuaVM.copy(argument))
    }
  }

  public static func decode(_ argument: LuaArgument) -> LuaHandle? { try? LuaHandle(argument) }

  public func payload(for vm: LuaVM) throws -> LuaPayload {
    switch content {
    case .plain(let value): try value.payload(for: vm)
    case .reference(let reference): reference.payload
    }
  }
}

/// A function of the script, callable from Swift for as long as its VM lives.
///
/// A Swift object that holds a function which in turn holds that object lives until the VM closes: Lua's
/// collector cannot see through Swift.
public final class LuaFunction: @unchecked Sendable {
  let reference: LuaReference
  private var vm: LuaVM? { reference.queue.vm }

  init(reference: LuaReference) {
    self.reference = reference
  }

  /// Calls the function on the coroutine that is running, and returns all its results.
  ///
  /// - Throws: `LuaError` with the script's position, `LuaInterrupted`, `LuaExit`.
  @discardableResult
  public func call<each Argument: LuaEncodable>(_ argument: repeat each Argument) throws -> [LuaValue] {
    guard let vm else { throw LuaError("the script of this function has ended") }
    var payloads: [LuaPayload] = []
    repeat payloads.append(try (each argument).payload(for: vm))
    return try vm.call(reference, payloads)
  }

  /// Calls the function, and leaves its results in Lua, tables with their identity.
  public func callForHandles<each Argument: LuaEncodable>(_ argument: repeat each Argument) throws
    -> [LuaHandle]
  {
    guard let vm else { throw LuaError("the script of this function has ended") }
    var payloads: [LuaPayload] = []
    repeat payloads.append(try (each argument).payload(for: vm))
    return try vm.call(reference, payloads) { try LuaHandle($0) }
  }

  /// Calls the function with a list of arguments.
  public func call(with arguments: [some LuaEncodable]) throws -> [LuaValue] {
    guard let vm else { throw LuaError("the script of this function has ended") }
    return try vm.call(reference, try arguments.map { try $0.payload(for: vm) })
  }
}

extension LuaFunction: LuaDecodable, LuaEncodable {
  public static var luaName: String { "function" }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaFunction? {
    argument.function
  }

  public func payload(for vm: LuaVM) throws -> LuaPayload {
    guard vm === self.vm else { throw LuaError("a function belongs to another script") }
    return reference.payload
  }
}
