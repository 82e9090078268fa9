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
        Property("inputs", "All inputs: [N, ...].") { (d: DatasetObject) in d.data.inputs },
        Property("targets", "All targets: [N], i64, classes from 0.") { (d: DatasetObject) in d.data.targets
        },
        Property("classes", "The number of classes.") { (d: DatasetObject) in d.data.classCount },
        Property("class_names", "What the classes are called, where that is known.") { (d: DatasetObject) in
          d.data.classNames
        },
      ], methods: parts + reading)
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
        "normalized", "With inputs (x / scale - mean) / std, as f32.", .receiver(DatasetObject.self),
        .option("scale", default: 1.0, "255 for bytes"), .option("mean", default: 0.0, "subtracted"),
        .option("std", default: 1.0, "divided by")
      ) { d, scale, mean, deviation in
        DatasetObject(try d.data.normalized(scale: scale, mean: mean, deviation: deviation))
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
        return LuaResults(one.inputs, one.targets)
      },
      Function(
        "batches",
        "Goes through the examples once: for x, y, index in data:batches{size = 64} do ... end. `index` has "
          + "the examples' places in the data set, from 0.",
        .receiver(DatasetObject.self), .option("size", default: 64, "examples in a batch", .positive),
        .option("shuffle", default: false, "in a new random order"),
        .option("drop_last", default: false, "leave out a last batch that is smaller")
      ) { d, size, shuffle, dropLast in
        BatchesObject(try Batches(d.data, size: size, shuffle: shuffle, dropLast: dropLast))
      },
      Function("__tostring", "A line of text.", .receiver(DatasetObject.self), returns: "string") { d in
        "dataset of \(d.data.count) examples \(Shape(d.data.inputs.shape.dropFirst())), \(d.data.classCount) classes"
      },
    ]
  }
}

/// One pass over a data set, as the iterator of a `for` loop.
final class BatchesObject: LuaObject {
  private var batches: Batches
  init(_ batches: Batches) { self.batches = batches }

  static let luaName = "batches"

  static var luaType: LuaType {
    LuaType(
      "One pass over a data set, for a `for` loop.", keepsIdentity: false,
      methods: [
        Function(
          "__call", "The next batch: inputs, targets, places; nil at the end.", .receiver(BatchesObject.self),
          returns: "tensor?, tensor?, tensor?"
        ) { pass in
          let batch = try pass.batches.next()
          return LuaResults(batch?.inputs, batch?.targets, try batch?.places())
        },
        Function("__len", "The number of batches in the whole pass.", .receiver(BatchesObject.self)) {
          $0.batches.count
        },
      ])
  }
}

extension Batches.Batch {
  fileprivate func places() throws -> Tensor { try Tensor([indices.count], indices.map(Int64.init)) }
}
