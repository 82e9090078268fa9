import LuaHost
import Models
import Tensors

extension LayerLibrary {
  static var convolutions: [Function] {
    [
      Function(
        "conv1d", "One-dimensional convolution: [N, inputs, L] to [N, outputs, OL].",
        .inputs, .outputs, .kernel1d, .stride1d, .padding1d, .dilation1d, .groups, .bias, returns: "module"
      ) { inputs, outputs, kernel, stride, padding, dilation, groups, bias in
        try Conv1dLayer(
          inputs, outputs, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
          bias: bias) as Module
      },
      Function(
        "conv2d", "Two-dimensional convolution: [N, inputs, H, W] to [N, outputs, OH, OW].",
        .inputs, .outputs, .kernel2d, .stride2d, .padding2d, .dilation2d, .groups, .bias, returns: "module"
      ) { inputs, outputs, kernel, stride, padding, dilation, groups, bias in
        try Conv2dLayer(
          inputs, outputs, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
          bias: bias)
          as Module
      },
      Function(
        "conv_transpose1d", "Transposed convolution, which enlarges: [N, inputs, L] to [N, outputs, OL].",
        .inputs, .outputs, .kernel1d, .stride1d, .padding1d,
        .outputPadding1d, .groups, .bias, .dilation1d, returns: "module"
      ) { inputs, outputs, kernel, stride, padding, outputPadding, groups, bias, dilation in
        try ConvTranspose1dLayer(
          inputs, outputs, kernel, stride: stride, padding: padding, outputPadding: outputPadding,
          groups: groups, bias: bias, dilation: dilation) as Module
      },
      Function(
        "conv_transpose2d",
        "Transposed convolution, which enlarges: [N, inputs, H, W] to [N, outputs, OH, OW].",
        .inputs, .outputs, .kernel2d, .stride2d, .padding2d, .outputPadding2d, .groups, .bias, .dilation2d,
        returns: "module"
      ) { inputs, outputs, kernel, stride, padding, outputPadding, groups, bias, dilation in
        try ConvTranspose2dLayer(
          inputs, outputs, kernel, stride: stride, padding: padding, outputPadding: outputPadding,
          groups: groups, bias: bias, dilation: dilation) as Module
      },
    ]
  }
}
