import LuaHost
import Models

/// A training step that is being watched; qs.diagnose and qs.fit{diagnose = true} are written with it.
final class DiagnosisObject: LuaObject {
  private let diagnosis: Diagnosis
  init(_ diagnosis: Diagnosis) { self.diagnosis = diagnosis }

  static let luaName = "diagnosis"

  static var luaType: LuaType {
    LuaType(
      "Watches one training step of a model; see qs.diagnose.", keepsIdentity: false,
      methods: [
        Function(
          "gradients_are_there", "To be called after backward and before the optimizer's step.",
          .receiver(DiagnosisObject.self)
        ) { (d) -> Void in try d.diagnosis.gradientsAreThere() },
        Function(
          "layers", "What was seen, a table for each layer.", .receiver(DiagnosisObject.self),
          .required("has_stepped", Bool.self, "whether the optimizer has taken its step"), returns: "table[]"
        ) { d, hasStepped in try d.diagnosis.layers(hasStepped: hasStepped).map(\.table) },
      ])
  }

  /// `module:watch`.
  static var function: Function {
    Function(
      "watch", "Begins to watch one training step; see qs.diagnose.", .receiver(Module.self),
      returns: "diagnosis"
    ) { model in DiagnosisObject(Diagnosis(model)) }
  }
}

extension Diagnosis.Layer {
  fileprivate var table: LuaTable {
    var table = LuaTable(["layer": .string(path.isEmpty ? kind : path), "kind": .string(kind)])
    if let activation {
      table["mean"] = .number(activation.mean)
      table["std"] = .number(activation.deviation)
      table["min"] = .number(activation.minimum)
      table["max"] = .number(activation.maximum)
      table["zeros"] = .number(activation.zeros)
      table["dead"] = .int(deadUnits)
      table["units"] = .int(units)
    }
    let numbers = [
      ("gradient_norm", gradientNorm), ("gradient_mean", gradientMean), ("gradient_std", gradientDeviation),
      ("weight_norm", weightNorm), ("update_ratio", updateRatio),
    ]
    for (name, number) in numbers { if let number { table[name] = .number(number) } }
    return table
  }
}
