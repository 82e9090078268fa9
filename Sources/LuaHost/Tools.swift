import CLuaBridge

/// The host functions that the prelude stands on, and the prelude's tools as Swift calls them.
struct Tools {
  let freeGlobals: LuaFunction
  let show: LuaFunction
  let complete: LuaFunction
  let keep: LuaFunction
  let rewrite: LuaFunction

  /// Runs the prelude in a VM that has no libraries yet.
  init(_ vm: LuaVM) throws {
    vm.install(Self.hostFunctions(of: vm), at: "_HOST")
    vm.define("strict", .bool(vm.options.isStrict), in: "_HOST")
    let results = try vm.load(Prelude.text, chunk: Prelude.chunk, taking: LuaVM.copy)
    guard case .table(let table)? = results.first, case .function(let freeGlobals)? = table["free_globals"],
      case .function(let show)? = table["show"], case .function(let complete)? = table["complete"],
      case .function(let keep)? = table["keep"], case .function(let rewrite)? = table["rewrite"]
    else { throw LuaError("the prelude has lost its tools") }
    self.freeGlobals = freeGlobals
    self.show = show
    self.complete = complete
    self.keep = keep
    self.rewrite = rewrite
  }

  private static func hostFunctions(of vm: LuaVM) -> [Function] {
    [
      Function(
        "refuse", "Fails at the script's line, naming the nearest of some names.",
        .required("message", String.self),
        .required("name", String.self), .required("names", [String].self)
      ) { (message, name, names) throws -> Void in
        throw LuaError(message + suggestion(for: name, among: names))
      },
      Function("module", "The text of a library module.", .required("name", String.self)) {
        [unowned vm] name in
        vm.options.module(name)
      },
      Function(
        "declare", "Notes the declaration of a function written in Lua.", .required("name", String.self),
        .required("doc", String.self), .required("parameters", [LuaTable].self),
        .required("options", [LuaTable].self),
        .required("returns", String.self)
      ) { [unowned vm] name, doc, parameters, options, returns in
        vm.declare(try Declaration(name, doc, parameters, options, returns: returns))
      },
      Declaration.check,
      Function("members", "The fields and methods of a type.", .required("type", String.self)) {
        [unowned vm] name in
        vm.memberNames(ofType: name)
      },
      Function("libraries", "The names of all libraries.") { [unowned vm] in vm.libraries.map(\.name) },
      Function("overview", "The list of all libraries.") { [unowned vm] in vm.helpOverview },
      Function("help", "The manual's text for a path.", .required("path", String.self)) { [unowned vm] path in
        vm.help(for: path)
      },
      Function(
        "help_function", "The manual's text for a function.", .required("function", LuaArgument.self)
      ) { [unowned vm] argument in vm.help(for: argument) },
    ]
  }
}

extension LuaArgument: LuaDecodable {
  public static var luaName: String { "any" }
  public static var acceptsTable: Bool { true }
  public static func decode(_ argument: LuaArgument) -> LuaArgument? { argument }
}
