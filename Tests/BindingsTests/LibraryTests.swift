import Bindings
@testable import LuaHost
import Testing

@Suite struct LibraryTests {
  @Test func `require answers the library`() throws {
    #expect(try Script().output("print(require 'qscript' == qs, qs.version ~= nil)") == "true true")
  }

  @Test func `every function, method, property and parameter has a doc`() throws {
    let vm = try Script().vm
    var missing: [String] = []
    for (path, signature) in vm.signatures where path != "emit" {
      if signature.doc.isEmpty { missing.append(path) }
      for parameter in signature.parameters where parameter.role != .receiver && parameter.doc.isEmpty {
        missing.append("\(path): \(parameter.name)")
      }
    }
    for type in vm.types {
      for property in type.declaration.properties where property.doc.isEmpty {
        missing.append("\(type.type.luaName).\(property.name)")
      }
    }
    #expect(missing == [])
  }

  @Test func `the stubs name every function`() throws {
    let script = try Script()
    let stubs = script.vm.stubs().values.joined()
    let names = try script.output(
      """
      for name, value in pairs(qs) do
        if type(value) == "function" then print("function qs." .. name .. "(") end
        if type(value) == "table" then
          for inner, f in pairs(value) do
            if type(f) == "function" then print("function qs." .. name .. "." .. inner .. "(") end
          end
        end
      end
      """
    ).split(separator: "\n")
    #expect(names.count > 100)
    #expect(names.filter { !stubs.contains($0) } == [])
    #expect(stubs.contains("function tensor:matmul("))
  }

  /// Printed, not asserted: the machine is shared.
  @Test func `the time to install is printed`() throws {
    let clock = ContinuousClock()
    var best = Duration.seconds(1)
    for _ in 0..<10 {
      let vm = try LuaVM.forScripts()
      best = try min(best, clock.measure { try Bindings.install(into: vm, runs: RunSession(folder: "/tmp")) })
    }
    print("installing the bindings: \(best)")
  }
}
