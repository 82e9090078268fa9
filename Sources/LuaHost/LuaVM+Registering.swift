import CLuaBridge

extension LuaVM {
  /// Adds functions to the library of that name, or makes it.
  public func register(_ library: Library) {
    if let known = libraries.firstIndex(where: { $0.name == library.name }) {
      libraries[known] = libraries[known].joined(by: library)
    } else {
      libraries.append(library)
    }
    install(library.functions, at: library.name)
    for constant in library.constants { define(constant.name, constant.value, in: library.name) }
  }

  func install(_ functions: [Function], at path: String) {
    for function in functions {
      precondition(lb_add_function(raw, path, function.name, add(function)), failureMessage)
    }
  }

  func declare(_ declaration: Declaration) -> Int {
    declarations.append(declaration)
    return declarations.count - 1
  }

  public func register(_ type: any LuaObject.Type) {
    let declaration = type.luaType
    let id = Int32(types.count)
    typeIDs[ObjectIdentifier(type)] = UInt16(id)
    types.append(RegisteredType(type: type, declaration: declaration))
    var done = lb_add_type(raw, id, type.luaName, declaration.keepsIdentity)
    for method in declaration.methods {
      let function = add(method)
      switch method.name {
      case "__index": done = lb_add_getter(raw, id, method.name, function) && done
      case "__newindex": done = lb_add_setter(raw, id, method.name, function) && done
      default: done = lb_add_method(raw, id, method.name, function) && done
      }
    }
    for property in declaration.properties {
      done = lb_add_getter(raw, id, property.name, add(property.getter)) && done
      if let setter = property.setter { done = lb_add_setter(raw, id, property.name, add(setter)) && done }
    }
    precondition(done, failureMessage)
  }

  /// Makes `require(module)` answer the table of the library `library`.
  public func provide(module: String, library: String) {
    modules.append((module, library))
    precondition(lb_add_module(raw, module, library), failureMessage)
  }

  /// Sets the field `name` of the table `library`; of the globals where that is empty.
  public func define(_ name: String, _ value: LuaValue, in library: String = "") {
    guard var payload = try? value.payload(for: self) else { return }
    let done = lb_add_value(raw, library, name, &payload.raw)
    lb_dispose(nil, &payload.raw)
    precondition(done, failureMessage)
  }

  private func add(_ function: Function) -> Int32 {
    functions.append(function)
    return Int32(functions.count - 1)
  }

  func typeName(_ id: Int) -> String { types.indices.contains(id) ? types[id].type.luaName : "object" }

  /// The type that stands for an object: its class, or the nearest class above it that is registered.
  @usableFromInline
  func typeID(of object: AnyObject) -> UInt16? {
    let exact = ObjectIdentifier(type(of: object))
    if exact == lastType.class { return lastType.id }
    guard let id = findTypeID(of: object, exact) else { return nil }
    lastType = (exact, id)
    return id
  }

  private func findTypeID(of object: AnyObject, _ exact: ObjectIdentifier) -> UInt16? {
    if let id = typeIDs[exact] { return id }
    var ancestor: AnyClass? = _getSuperclass(type(of: object))
    while let current = ancestor {
      if let id = typeIDs[ObjectIdentifier(current)] {
        typeIDs[exact] = id
        return id
      }
      ancestor = _getSuperclass(current)
    }
    return nil
  }
}
