import LuaHost
import Tensors

// What constructors of layers have in common.

extension Param where Value == Bool {
  static var countIncludePad: Param {
    .option("count_include_pad", default: true, "whether padding counts as zeros in the mean")
  }
  static var bias: Param { .option("bias", default: true, "whether it has one") }
}

extension Param where Value == Double {
  static var epsilon: Param { .option("eps", default: 1e-5, "added to the variance") }
}

extension Param where Value == Size2d {
  static var dilation2d: Param {
    .option("dilation", default: Size2d(1), "distance of neighbouring taps")
  }
}

extension Param where Value == Padding2d {
  static var padding2d: Param {
    .option(
      "padding", default: Padding2d(0), "around the image: n, {height, width} or {top, left, bottom, right}")
  }
}

extension Param where Value == Size2d? {
  static var poolStride2d: Param {
    .option("stride", Size2d?.self, "step of the window; the kernel if left out")
  }
}

extension Param where Value == Int {
  static var inputs: Param { .required("inputs", Int.self, "input channels") }
  static var outputs: Param { .required("outputs", Int.self, "output channels") }
  static var channels: Param { .required("channels", Int.self, "of the input") }
  static var kernel1d: Param { .required("kernel", Int.self, "size of the window") }
  static var stride1d: Param { .option("stride", default: 1, "step of the window") }
  static var padding1d: Param { .option("padding", default: 0, "elements of zeros in front and behind") }
  static var dilation1d: Param { .option("dilation", default: 1, "distance of neighbouring taps") }
  static var outputPadding1d: Param {
    .option("output_padding", default: 0, "elements added to the result, fewer than the stride")
  }
  static var groups: Param { .option("groups", default: 1, "groups of channels that see only each other") }
}

extension Param where Value == Int? {
  static var poolStride1d: Param {
    .option("stride", Int?.self, "step of the window; the kernel if left out")
  }
}

extension Param where Value == Size2d {
  static var kernel2d: Param { .required("kernel", Size2d.self, "size of the window") }
  static var stride2d: Param { .option("stride", default: Size2d(1), "step of the window") }
  static var outputPadding2d: Param {
    .option(
      "output_padding", default: Size2d(0), "rows and columns added to the result, fewer than the stride")
  }
}
