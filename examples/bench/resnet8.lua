-- ResNet-8 on 32x32 colour images: MLPerf Tiny's image classification network.
local nn = require("qscript").nn

local function conv(inputs, outputs, kernel, stride)
  return nn.conv2d(inputs, outputs, kernel, { stride = stride, padding = kernel // 2, bias = false })
end

local function block(inputs, outputs, stride)
  local shortcut = (stride ~= 1 or inputs ~= outputs) and nn.conv2d(inputs, outputs, 1, { stride = stride }) or nil
  return nn.residual(nn.sequential{
    conv(inputs, outputs, 3, stride), nn.batch_norm2d(outputs), nn.relu(),
    conv(outputs, outputs, 3, 1), nn.batch_norm2d(outputs),
  }, { shortcut = shortcut, activation = nn.relu() })
end

require("common").run("resnet8", nn.sequential{
  conv(3, 16, 3, 1), nn.batch_norm2d(16), nn.relu(),
  block(16, 16, 1), block(16, 32, 2), block(32, 64, 2),
  nn.global_avg_pool2d(), nn.flatten(), nn.linear(64, 10),
}, { 3, 32, 32 })
