import CResources
import Deployment
import LuaHost
import Models
import Tensors

/// What scripts see: the one place that knows Lua and Swift types at once.
public enum Bindings {
  /// Puts the types and the library `qs` into an interpreter; `require "qscript"` answers the library.
  ///
  /// The parts that are written in Lua are loaded at once, so that help and stubs know them.
  ///
  /// - Parameter runs: where the script's runs go; nothing is opened before it asks for one.
  /// - Throws: `LuaError` where a part written in Lua fails, or where `QSCRIPT_ISA` asks for what cannot be had.
  public static func install(into vm: LuaVM, runs: RunSession) throws {
    if let problem = Engine.instructionSetProblem { throw LuaError(problem) }
    for type in types { vm.register(type) }
    for library in [main(vm)] + parts { vm.register(library) }
    runs.install(into: vm)
    vm.provide(module: "qscript", library: "qs")
    for index in 0..<qr_lua_module_count() {
      guard let name = qr_lua_module_name(index).map({ String(cString: $0) }) else { continue }
      try vm.run("require \"qscript.\(name)\"", chunk: "=[qs]")
    }
  }

  private static var types: [any LuaObject.Type] {
    [
      Tensor.self, Module.self, Graph.self, RecurrentLayer.self, Optimizer.self, ScheduleObject.self,
      DatasetObject.self,
      BatchesObject.self, AugmentationObject.self, DiagnosisObject.self, Program.self, ProgressBar.self,
      Tokenizer.self,
    ]
  }

  /// `qs` itself.
  private static func main(_ vm: LuaVM) -> Library {
    Library(
      "qs", "Tensors, models, training and compression.",
      Tensor.functions + Graph.functions + Program.functions + ProgressBar.functions
        + SystemLibrary.functions(of: vm),
      constants: [.init("version", "The version of this program.", .string(Software.version))])
  }

  private static var parts: [Library] {
    [
      LayerLibrary.library, OptimizerLibrary.library, LossLibrary.library, DataLibrary.library,
      PruningLibrary.library, QuantizationLibrary.library, Int8Library.library,
      FileLibraries.npy, FileLibraries.npz, FileLibraries.safetensors, FileLibraries.torch,
      TokenizerLibrary.library,
      ExportLibrary.library, OnnxLibrary.library, TFLiteLibrary.library,
    ]
  }
}
