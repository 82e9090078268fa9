-- MobileNetV1 of width 0.25 on 96x96 colour images, two classes: MLPerf Tiny's visual wake words network.
local nn = require("qscript").nn

local layers = {}
local function conv(inputs, outputs, kernel, options)
  options.bias = false
  for _, layer in ipairs{ nn.conv2d(inputs, outputs, kernel, options), nn.batch_norm2d(outputs), nn.relu() } do
    layers[#layers + 1] = layer
  end
end

local channels = 8
conv(3, channels, 3, { stride = 2, padding = 1 })
for _, step in ipairs{ { 16, 1 }, { 32, 2 }, { 32, 1 }, { 64, 2 }, { 64, 1 }, { 128, 2 }, { 128, 1 }, { 128, 1 },
  { 128, 1 }, { 128, 1 }, { 128, 1 }, { 256, 2 }, { 256, 1 } } do
  local outputs, stride = step[1], step[2]
  conv(channels, channels, 3, { stride = stride, padding = 1, groups = channels })
  conv(channels, outputs, 1, {})
  channels = outputs
end
for _, layer in ipairs{ nn.global_avg_pool2d(), nn.flatten(), nn.linear(256, 2) } do layers[#layers + 1] = layer end

require("common").run("mobilenet025", nn.sequential(layers), { 3, 96, 96 })
