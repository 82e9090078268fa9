import LuaHost
import Tensors

extension Interpolate.Mode: LuaEnum {}
extension Pad.Mode: LuaEnum {}

extension Interpolate.Target {
  /// From the two options of which a script gives one.
  init(_ size: OneOf<Int, [Int]>?, _ scale: OneOf<Double, [Double]>?, for function: String) throws {
    switch (size, scale) {
    case (.first(let size)?, nil): self = .size([size])
    case (.second(let sizes)?, nil): self = .size(sizes)
    case (nil, .first(let factor)?): self = .scale([factor])
    case (nil, .second(let factors)?): self = .scale(factors)
    default: throw ShapeError(function, "needs one of the options 'size' and 'scale_factor'")
    }
  }
}

extension Param where Value == OneOf<Int, [Int]>? {
  static var size: Param {
    .option("size", Value.self, "of the result: n for all spatial dimensions, or {height, width}")
  }
}

extension Param where Value == OneOf<Double, [Double]>? {
  static var scaleFactor: Param {
    .option("scale_factor", Value.self, "in place of a size: result / input, a number or {height, width}")
  }
}

extension Param where Value == Interpolate.Mode {
  static var interpolation: Param {
    .option("mode", default: .nearest, "\"linear\" for sequences and \"bilinear\" for images mix neighbours")
  }
}

extension Param where Value == Bool {
  static var alignCorners: Param {
    .option("align_corners", default: false, "whether the outermost pixels stay where they are")
  }
}
