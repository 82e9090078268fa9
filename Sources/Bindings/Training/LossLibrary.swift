import LuaHost
import Models
import Tensors

/// `qs.losses`: the losses that are computed as one operation; the others are written in Lua.
enum LossLibrary {
  static var library: Library {
    Library(
      "qs.losses", "Losses: scalar tensors to call backward on.",
      [
        Function(
          "cross_entropy", "The mean cross entropy between softmax(logits) and the classes.",
          .required("logits", Tensor.self, "[N, classes]"),
          .required("targets", Tensor.self, "[N], i64, classes from 0"),
          .option("label_smoothing", default: 0.0, "share of the targets spread over all classes")
        ) { logits, targets, smoothing in try CrossEntropy(labelSmoothing: smoothing)(logits, targets) },
        Function(
          "mse", "The mean squared difference.", .required("x", Tensor.self, "any shape"),
          .required("y", Tensor.self, "of the same shape")
        ) { x, y in try difference(x, y, "mse").square().mean() },
        Function(
          "l1", "The mean magnitude of the difference.", .required("x", Tensor.self, "any shape"),
          .required("y", Tensor.self, "of the same shape")
        ) { x, y in try difference(x, y, "l1").abs().mean() },
        Function(
          "distillation",
          "Hinton's loss: alpha times the divergence from the teacher's softened answers, the rest cross entropy.",
          .required("student", Tensor.self, "logits [N, classes]"),
          .required("teacher", Tensor.self, "logits [N, classes]; no gradient flows there"),
          .required("targets", Tensor.self, "[N], i64, classes from 0"),
          .required("temperature", Double.self, "softens both"),
          .required("alpha", Double.self, "weight of the teacher's answers, 0 to 1")
        ) { student, teacher, targets, temperature, alpha in
          try DistillationLoss(temperature: temperature, alpha: alpha)(student, teacher, targets)
        },
        Function(
          "correct", "How many rows of logits are largest at the target class.",
          .required("logits", Tensor.self, "[N, classes]"),
          .required("targets", Tensor.self, "[N], i64, classes from 0")
        ) { logits, targets in try countCorrect(logits, targets) },
      ])
  }

  private static func difference(_ x: Tensor, _ y: Tensor, _ name: String) throws -> Tensor {
    try require(x.shape == y.shape, name, "shapes \(x.shape) and \(y.shape) differ")
    return try x - y
  }
}
