import CLuaBridge

/// A Swift object that scripts can hold. A reference type by design: a script's value is shared, so a value
/// type would only pretend to be copied.
///
/// A subclass of a registered class is shown to scripts as the nearest registered class above it.
public protocol LuaObject: AnyObject, LuaDecodable, LuaEncodable {
  /// Built once, when the type is registered.
  static var luaType: LuaType { get }
}

/// What scripts see of a class beside its `luaName`: methods, metamethods and properties.
public struct LuaType {
  public let doc: String
  /// Whether the same object is always the same Lua value, so that it can be a table key. Costs about 100 ns
  /// for each new object; without it a function that answers its argument still answers the same value, and objects
  /// compare equal with `==`.
  public let keepsIdentity: Bool
  /// Methods, and under Lua's names (`__add`, `__len`, `__call`, `__tostring` ...) the metamethods. `__index`
  /// gets the keys that no method or property has, and answers nil for those it does not know either;
  /// `__newindex` likewise for assignments.
  public let methods: [Function]
  public let properties: [Property]

  public init(
    _ doc: String, keepsIdentity: Bool = true, properties: [Property] = [],
    methods: [Function] = []
  ) {
    self.doc = doc
    self.keepsIdentity = keepsIdentity
    self.properties = properties
    self.methods = methods
  }
}

/// A field of an object, read and perhaps assigned by scripts: `t.shape`, `t.requires_grad = true`.
public struct Property {
  public let name: String
  public let doc: String
  public let typeName: String
  let getter: Function
  let setter: Function?

  public init<Root: LuaObject, Value: LuaEncodable>(
    _ name: String, _ doc: String, type: String? = nil, get: @escaping (Root) throws -> Value
  ) {
    self.name = name
    self.doc = doc
    typeName = type ?? Value.luaName
    getter = Function(name, doc, .receiver(Root.self), returns: typeName, body: get)
    setter = nil
  }

  public init<Root: LuaObject, Value: LuaEncodable & LuaDecodable>(
    _ name: String, _ doc: String, type: String? = nil, get: @escaping (Root) throws -> Value,
    set: @escaping (Root, Value) throws -> Void
  ) {
    self.name = name
    self.doc = doc
    typeName = type ?? Value.luaName
    getter = Function(name, doc, .receiver(Root.self), returns: typeName, body: get)
    setter = Function(name, doc, .receiver(Root.self), .required("value", Value.self), body: set)
  }
}

extension LuaObject {
  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Self? {
    argument.object as? Self
  }

  @inlinable
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    guard let id = vm.typeID(of: self) else { throw LuaError("no Lua type stands for \(type(of: self))") }
    let reference = Unmanaged.passRetained(self as AnyObject).toOpaque()
    return LuaPayload(lb_value(tag: LB_OBJECT, flag: 0, type: id, count: 0, as: .init(object: reference)))
  }
}
