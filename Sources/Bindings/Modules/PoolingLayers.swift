import LuaHost
import Models
import Tensors

extension LayerLibrary {
  static var pooling: [Function] {
    [
      Function(
        "max_pool1d", "The largest element under a window that slides along sequences.", .kernel1d,
        .poolStride1d,
        .padding1d, .dilation1d, returns: "module"
      ) { kernel, stride, padding, dilation in
        try MaxPool1dLayer(kernel, stride: stride, padding: padding, dilation: dilation) as Module
      },
      Function(
        "avg_pool1d", "The mean of the elements under a window that slides along sequences.", .kernel1d,
        .poolStride1d, .padding1d,
        .countIncludePad,
        returns: "module"
      ) { kernel, stride, padding, counted in
        try AvgPool1dLayer(kernel, stride: stride, padding: padding, countIncludePad: counted) as Module
      },
      Function(
        "max_pool2d", "The largest element under a sliding window.",
        .kernel2d,
        .poolStride2d, .padding2d, .dilation2d, returns: "module"
      ) { kernel, stride, padding, dilation in
        try MaxPool2dLayer(kernel, stride: stride, padding: padding, dilation: dilation) as Module
      },
      Function(
        "avg_pool2d", "The mean of the elements under a sliding window.",
        .kernel2d, .poolStride2d, .padding2d,
        .countIncludePad,
        returns: "module"
      ) { kernel, stride, padding, counted in
        try AvgPool2dLayer(kernel, stride: stride, padding: padding, countIncludePad: counted) as Module
      },
      Function(
        "global_avg_pool2d", "The mean of every channel: [N, C, H, W] to [N, C, 1, 1].", returns: "module"
      ) {
        GlobalAvgPool2dLayer() as Module
      },
    ]
  }

  static var resizing: [Function] {
    [
      Function(
        "upsample", "Images [N, C, H, W] or sequences [N, C, L] at another size.", .size, .scaleFactor,
        .interpolation, .alignCorners, returns: "module"
      ) { size, scale, mode, aligned in
        UpsampleLayer(try .init(size, scale, for: "upsample"), mode: mode, alignCorners: aligned) as Module
      },
      pad("zero_pad2d", "Zeros around images.", .constant),
      pad("reflection_pad2d", "The pixels of images mirrored around them.", .reflect),
      pad("replication_pad2d", "The outermost pixels of images repeated around them.", .replicate),
    ]
  }

  private static func pad(_ name: String, _ doc: String, _ mode: Pad.Mode) -> Function {
    Function(
      name, doc,
      .required(
        "padding", Padding2d.self, "how many: n, {height, width} or {top, left, bottom, right}"),
      returns: "module"
    ) { padding in try Pad2dLayer(padding, mode: mode) as Module }
  }
}
