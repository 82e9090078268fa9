import LuaHost
import Models

/// Random changes of training examples as scripts hold them.
final class AugmentationObject: LuaObject {
  let augmentation: Augmentation
  init(_ augmentation: Augmentation) { self.augmentation = augmentation }

  static let luaName = "augmentation"

  static var luaType: LuaType {
    LuaType(
      "Random changes of training examples, made ahead of time on the thread that makes batches.",
      properties: [
        Property("mixup", "The parameter of mixup, 0 for none.") { (a: AugmentationObject) in
          a.augmentation.mixup
        }
      ],
      methods: [
        Function("__tostring", "As it is written.", .receiver(AugmentationObject.self), returns: "string") {
          $0.augmentation.description
        }
      ])
  }

  /// `qs.data.augment`.
  static var function: Function {
    Function(
      "augment",
      "Random changes of training examples, for qs.fit{augment = ...} and data:batches{augment = ...}. They depend on "
        + "the seed, the epoch and the example alone. New pixels are `fill`.",
      .option("shift", default: 0, "images move by up to so many pixels each way", .notNegative),
      .option(
        "crop", CropOptions?.self, "{padding = 4}: cut at random from the image with so much `fill` around it"
      ),
      .option(
        "flip", default: OneOf<Bool, Double>.first(false),
        "mirrors left and right: true for half of the images, or a share"),
      .option(
        "cutout", default: 0, "a square of so many pixels is overwritten (DeVries, Taylor 2017)", .notNegative
      ),
      .option(
        "mixup", default: 0.0, "mixes examples, weights from Beta(mixup, mixup) (Zhang et al. 2018)",
        .notNegative),
      .option("fill", default: 0.0, "the value of new pixels, before normalization"), returns: "augmentation"
    ) { shift, crop, flip, cutout, mixup, fill in
      var augmentation = Augmentation()
      augmentation.shift = shift
      augmentation.cropPadding = crop?.padding ?? 0
      switch flip {
      case .first(let half): augmentation.flip = half ? 0.5 : 0
      case .second(let share): augmentation.flip = share
      }
      augmentation.cutout = cutout
      augmentation.mixup = mixup
      augmentation.fill = fill
      try augmentation.check()
      return AugmentationObject(augmentation)
    }
  }
}

/// `{padding = 4}`
struct CropOptions: LuaDecodable {
  var padding: Int

  static let luaName = "table"
  static var acceptsTable: Bool { true }

  static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> CropOptions? {
    guard let options = try [String: Int].decode(argument) else { return nil }
    guard let padding = options["padding"], options.count == 1 else {
      throw .problem("must be {padding = N}, with nothing else in it")
    }
    return CropOptions(padding: padding)
  }
}
