/// A table of functions and constants. A dotted name makes nested tables: `qs.nn` is the field `nn` of the
/// global `qs`; an empty name stands for the globals themselves.
public struct Library {
  public struct Constant {
    public let name: String
    public let doc: String
    public let value: LuaValue

    public init(_ name: String, _ doc: String, _ value: LuaValue) {
      self.name = name
      self.doc = doc
      self.value = value
    }
  }

  public let name: String
  public let doc: String
  public let functions: [Function]
  public let constants: [Constant]

  public init(_ name: String, _ doc: String, _ functions: [Function], constants: [Constant] = []) {
    self.name = name
    self.doc = doc
    self.functions = functions
    self.constants = constants
  }

  func joined(by more: Library) -> Library {
    Library(name, doc, functions + more.functions, constants: constants + more.constants)
  }
}
