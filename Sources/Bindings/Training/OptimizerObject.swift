import LuaHost
import Models
import Tensors

extension Optimizer: LuaObject {
  public static var luaName: String { "optimizer" }

  public static var luaType: LuaType {
    LuaType(
      "Changes parameters along their gradients.",
      properties: [
        Property(
          "lr", "The learning rate.", get: { (o: Optimizer) in o.learningRate },
          set: { try $0.setLearningRate($1) }),
        Property("steps", "Steps taken so far.") { (o: Optimizer) in o.stepCount },
      ],
      methods: [
        Function("step", "Changes every parameter that has a gradient.", .receiver(Optimizer.self)) {
          (o) -> Void in try o.step()
        },
        Function("zero_grad", "Forgets the gradients of its parameters.", .receiver(Optimizer.self)) {
          (o) -> Void in o.zeroGradients()
        },
        Function(
          "clip_grad_norm",
          "Scales all gradients down together where their norm is larger. Returns the norm before.",
          .receiver(Optimizer.self), .required("norm", Double.self, "the largest allowed")
        ) { o, norm in try o.parameters.clipGradients(norm: norm) },
        Function(
          "state", "Copies of everything needed to go on later.", .receiver(Optimizer.self),
          returns: "table<string, tensor>"
        ) { o in
          try LuaTable(
            fields: o.state().sorted { $0.key < $1.key }.map { (.string($0.key), .object($0.value)) })
        },
        Function(
          "load_state", "Goes on from a state.", .receiver(Optimizer.self),
          .required("state", [String: Tensor].self, "from state() of an optimizer like this one")
        ) { (o, state) -> Void in try o.load(state) },
        Function("__tostring", "A line of text.", .receiver(Optimizer.self), returns: "string") { o in
          "\(o.kind) of \(o.parameters.count) parameters, lr \(o.learningRate), \(o.stepCount) steps"
        },
      ])
  }
}
