import LuaHost
import Models
import Tensors

/// `qs.optim`: optimizers and schedules.
enum OptimizerLibrary {
  /// A module, all of whose weights are trained, or a list or table of tensors that require gradients.
  typealias Trained = OneOf<Module, OneOf<[Tensor], [String: Tensor]>>

  static var library: Library {
    Library("qs.optim", "Optimizers, and schedules of the learning rate.", optimizers + schedules)
  }

  private static var optimizers: [Function] {
    [
      Function(
        "sgd", "Stochastic gradient descent.", .trained, .requiredOption("lr", Double.self, "learning rate"),
        .option("momentum", default: 0.0, "share of the last step kept"),
        .option("weight_decay", default: 0.0, "added to the gradient, times the weight"),
        .option("nesterov", default: false, "look ahead along the momentum")
      ) { trained, lr, momentum, decay, nesterov in
        try SGD(
          trained.parameters, learningRate: lr, momentum: momentum, weightDecay: decay, nesterov: nesterov)
          as Optimizer
      },
      adam("adam", "Adam; weight decay is added to the gradient.", decoupled: false, decay: 0),
      adam(
        "adamw", "AdamW; weight decay shrinks the weights apart from the gradient.", decoupled: true,
        decay: 0.01),
    ]
  }

  private static func adam(_ name: String, _ doc: String, decoupled: Bool, decay: Double) -> Function {
    Function(
      name, doc, .trained, .option("lr", default: 1e-3, "learning rate"),
      .option(
        "betas", default: [0.9, 0.999], "decay of the two running means",
        Rule("be two numbers") { $0.count == 2 }),
      .option("eps", default: 1e-8, "added to the root"), .option("weight_decay", default: decay, "strength")
    ) { trained, lr, betas, epsilon, decay in
      try Adam(
        trained.parameters, learningRate: lr, betas: (betas[0], betas[1]), epsilon: epsilon,
        weightDecay: decay,
        decoupled: decoupled) as Optimizer
    }
  }

  private static var schedules: [Function] {
    [
      Function(
        "step_lr", "Multiplies the rate by gamma every so many steps.", .required("size", Int.self, "steps"),
        .optional("gamma", default: 0.1, "the factor")
      ) { size, gamma in ScheduleObject(try .step(every: size, gamma: gamma)) },
      Function(
        "cosine", "Half a cosine from 1 down over all steps.", .required("total", Int.self, "steps"),
        .optional("minimum", default: 0.0, "the factor at the end")
      ) { total, minimum in ScheduleObject(try .cosine(total: total, minimum: minimum)) },
      Function(
        "warmup", "Rises to 1 over some steps, then does what another schedule does.",
        .required("steps", Int.self, "of rising"),
        .optional("rest", ScheduleObject?.self, "constant if left out")
      ) { steps, rest in ScheduleObject(try .warmUp(steps, then: rest?.schedule ?? .constant)) },
      Function("constant", "Always 1.") { ScheduleObject(.constant) },
    ]
  }
}

extension OptimizerLibrary.Trained {
  fileprivate var parameters: [Parameter] {
    get throws {
      switch self {
      case .first(let module): return module.weights
      case .second(.first(let tensors)): return try tensors.map(Parameter.init(trained:))
      case .second(.second(let tensors)):
        return try tensors.sorted { $0.key < $1.key }.map { try Parameter(trained: $0.value) }
      }
    }
  }
}

extension Parameter {
  fileprivate convenience init(trained tensor: Tensor) throws {
    try require(
      tensor.requiresGrad, "optim",
      "a tensor to optimize must be one that requires gradients: set requires_grad = true")
    self.init(tensor)
  }
}

extension Param where Value == OptimizerLibrary.Trained {
  fileprivate static var trained: Param {
    .required("parameters", Value.self, "a module, or a list or table of tensors that require gradients")
  }
}

/// A schedule as scripts hold it: call it with a step, counted from 1, for the factor of the learning rate.
final class ScheduleObject: LuaObject {
  let schedule: Schedule
  init(_ schedule: Schedule) { self.schedule = schedule }

  static let luaName = "schedule"

  static var luaType: LuaType {
    LuaType(
      "How the learning rate changes: call it with a step, from 1, for the factor of the base rate.",
      methods: [
        Function(
          "__call", "The factor at a step.", .receiver(ScheduleObject.self),
          .required("step", Int.self, "counted from 1", .positive)
        ) { schedule, step in schedule.schedule.factor(step - 1) }
      ])
  }
}
