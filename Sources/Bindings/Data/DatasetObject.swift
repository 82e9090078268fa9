import LuaHost
import Models
import Tensors

/// A data set as scripts hold it.
final class DatasetObject: LuaObject {
  let data: Dataset
  init(_ data: Dataset) { self.data = data }

  static let luaName = "dataset"

  static var luaType: LuaType {
    LuaType(
      "Labelled examples: inputs and targets whose first dimensions run together.",
      properties: [
        Property("inputs", "All inputs: [N, ...].") { (d: DatasetObject) in try d.data.inputs },
        Property("targets", "All targets: [N], i64, classes from 0.") { (d: DatasetObject) in d.data.targets
        },
        Property("classes", "The number of classes.") { (d: DatasetObject) in d.data.classCount },
        Property("class_names", "What the classes are called, where that is known.") { (d: DatasetObject) in
          d.data.classNames
        },
      ], methods: parts + reading + [BatchesObject.function])
  }

  private static var parts: [Function] {
    [
      Function(
        "take", "The first examples, all where there are fewer.", .receiver(DatasetObject.self),
        .required("n", Int.self, "how many", .notNegative)
      ) { d, n in DatasetObject(try d.data.take(n)) },
      Function(
        "skip", "All but the first examples.", .receiver(DatasetObject.self),
        .required("n", Int.self, "how many to leave out", .notNegative)
      ) { d, n in DatasetObject(try d.data.skip(n)) },
      Function(
        "split", "The first examples, and the others.", .receiver(DatasetObject.self),
        .required("n", Int.self, "how many in the first part", .notNegative), returns: "dataset, dataset"
      ) { d, n in
        let (first, others) = try d.data.split(n)
        return LuaResults(DatasetObject(first), DatasetObject(others))
      },
      Function(
        "join", "These examples and then the other's, copied.", .receiver(DatasetObject.self),
        .required("other", DatasetObject.self, "of the same shape and type, normalized alike")
      ) { d, other in DatasetObject(try d.data.joined(with: other.data)) },
      Function(
        "normalized", "With inputs (x / scale - mean) / std, as f32.", .receiver(DatasetObject.self),
        .option("scale", default: 1.0, "255 for bytes"),
        .option(
          "mean", default: OneOf<Double, [Double]>.first(0), "subtracted; one number, or one a channel"),
        .option("std", default: OneOf<Double, [Double]>.first(1), "divided by; likewise")
      ) { d, scale, mean, deviation in
        DatasetObject(
          try d.data.normalized(scale: scale, mean: mean.numbers, deviation: deviation.numbers))
      },
    ]
  }

  private static var reading: [Function] {
    [
      Function("__len", "The number of examples.", .receiver(DatasetObject.self)) { d in d.data.count },
      Function(
        "example", "The first example as a batch of one: its input and its target.",
        .receiver(DatasetObject.self),
        returns: "tensor, tensor"
      ) { d in
        try require(d.data.count > 0, "example", "the data set is empty")
        let one = try d.data.take(1)
        return LuaResults(try one.inputs, one.targets)
      },
      Function(
        "checksum",
        "A number made of the examples and targets (of a sample of them where they are many), to tell data sets apart.",
        .receiver(DatasetObject.self)
      ) { d in Int(bitPattern: UInt(try d.data.checksum())) },
      Function("__tostring", "A line of text.", .receiver(DatasetObject.self), returns: "string") { d in
        "dataset of \(d.data.count) examples \(d.data.exampleShape), \(d.data.classCount) classes"
      },
    ]
  }
}

extension OneOf<Double, [Double]> {
  fileprivate var numbers: [Double] {
    switch self {
    case .first(let number): [number]
    case .second(let numbers): numbers
    }
  }
}
