-- DS-CNN on 49x10 spectrograms, twelve words: MLPerf Tiny's keyword spotting network.
local nn = require("qscript").nn

local layers = {}
local function conv(inputs, kernel, options)
  options.bias = false
  for _, layer in ipairs{ nn.conv2d(inputs, 64, kernel, options), nn.batch_norm2d(64), nn.relu() } do
    layers[#layers + 1] = layer
  end
end

conv(1, { 10, 4 }, { stride = 2, padding = { 5, 1 } })
for _ = 1, 4 do
  conv(64, 3, { padding = 1, groups = 64 })
  conv(64, 1, {})
end
for _, layer in ipairs{ nn.global_avg_pool2d(), nn.flatten(), nn.linear(64, 12) } do layers[#layers + 1] = layer end

require("common").run("dscnn", nn.sequential(layers), { 1, 49, 10 })
