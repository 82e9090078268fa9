import LuaHost
import Models
import Tensors

/// One pass over a data set, as the iterator of a `for` loop.
final class BatchesObject: LuaObject {
  private let batches: Batches
  init(_ batches: Batches) { self.batches = batches }

  static let luaName = "batches"

  static var luaType: LuaType {
    LuaType(
      "One pass over a data set, for a `for` loop.", keepsIdentity: false,
      methods: [
        Function(
          "__call",
          "The next batch: inputs, targets, places in the data set; where batches are mixed, also the targets of what "
            + "was mixed in, and the weight of the first targets. nil at the end.",
          .receiver(BatchesObject.self), returns: "tensor?, tensor?, tensor?, tensor?, number?"
        ) { pass in
          guard let batch = try pass.batches.next() else { return LuaResults(nil as Tensor?) }
          let places = try Tensor([batch.indices.count], batch.indices.map(Int64.init))
          return LuaResults(
            batch.inputs, batch.targets, places, batch.mixed?.targets, batch.mixed?.weight)
        },
        Function("__len", "The number of batches in the whole pass.", .receiver(BatchesObject.self)) {
          $0.batches.count
        },
      ])
  }

  /// `dataset:batches`.
  static var function: Function {
    Function(
      "batches",
      "Goes through the examples once: for x, y, index in data:batches{size = 64} do ... end. `index` has "
        + "the examples' places in the data set, from 0. Batches are made ahead on a thread of their own.",
      .receiver(DatasetObject.self), .option("size", default: 64, "examples in a batch", .positive),
      .option("shuffle", default: false, "in a random order"),
      .option("drop_last", default: false, "leave out a last batch that is smaller"),
      .option("augment", AugmentationObject?.self, "random changes, from qs.data.augment"),
      .option("layout", default: ImageLayout.contiguous, "how images lie in memory; no values change"),
      .option("skip", default: 0, "batches to leave out at the beginning", .notNegative),
      .option("seed", Int?.self, "of the order and the changes; drawn anew where left out"),
      .option("epoch", default: 0, "with the seed: which of its passes this is")
    ) { d, size, shuffle, dropLast, augmentation, layout, skip, seed, epoch in
      var options = Batches.Options(size: size, shuffle: shuffle, dropLast: dropLast)
      options.augmentation = augmentation?.augmentation
      options.format = layout == .channelsLast ? .channelsLast : .contiguous
      options.skip = skip
      options.pass = seed.map { Batches.Pass(seed: UInt64(bitPattern: Int64($0)), epoch: epoch) }
      return BatchesObject(try Batches(d.data, options))
    }
  }
}

/// How images lie in memory.
enum ImageLayout: String, LuaEnum {
  case contiguous
  case channelsLast = "channels_last"
}
