-- Networks for scripts/peers/export.lua that no example has: four-bit weights, training with grids, clipped activations,
-- odd paddings, branches, recurrent layers, weights of few bits beside real activations.
local qs = require "qscript"
local nn = qs.nn

qs.seed(1)
local data = qs.data.tensors(qs.randn(64, 3, 17, 14), qs.zeros(64, { dtype = "i64" }))
local rows = qs.data.tensors(qs.randn(64, 24), qs.zeros(64, { dtype = "i64" }))

local function small()
  return nn.sequential{
    nn.conv2d(3, 8, { 5, 3 }, { stride = 2, padding = { 2, 0 } }), nn.batch_norm2d(8), nn.relu6(),
    nn.conv2d(8, 16, 3, { groups = 8, padding = 1, stride = 2 }), nn.batch_norm2d(16), nn.relu(),
    nn.max_pool2d(2), nn.conv2d(16, 8, 1), nn.sigmoid(), nn.flatten(), nn.linear(8 * 2 * 1, 5),
  }
end

-- Two branches side by side, then their mean over the image.
local function branches()
  return nn.model{
    left = nn.conv2d(3, 4, 3, { padding = 2, dilation = 2 }), right = nn.conv2d(3, 4, 1),
    last = nn.sequential{ nn.global_avg_pool2d(), nn.flatten(), nn.linear(8, 3) },
    forward = function(self, x) return self.last(qs.cat({ self.left(x):tanh(), self.right(x):relu() }, 2)) end,
  }
end

local function perceptron() return nn.sequential{ nn.linear(24, 32), nn.relu(), nn.linear(32, 4) } end

qs.quantize(small(), { calibration = data })
qs.quantize(branches(), { calibration = data })
qs.quantize(perceptron(), { calibration = rows })
qs.quantize(small(), { calibration = data, weights = { bits = 4 } })
qs.quantize(perceptron(), { calibration = rows, weights = { bits = 4 } })

local trained = qs.qat(perceptron(), (rows:example()))
for x in rows:batches{ size = 16 } do trained(x) end
qs.quantize(trained, {})

-- Recurrent layers.
local sequences = qs.data.tensors(qs.randn(64, 9, 12), qs.zeros(64, { dtype = "i64" }))

local function recurrent(bidirectional)
  return nn.model{
    lstm = nn.lstm(12, 20, { layers = 2, batch_first = true, bidirectional = bidirectional }),
    head = nn.linear(bidirectional and 40 or 20, 5),
    forward = function(self, x) return self.head((self.lstm(x)):narrow(2, 9, 1):squeeze(2)) end,
  }
end

qs.quantize(recurrent(false), { calibration = sequences, title = "lstm" })
qs.quantize(recurrent(true), { calibration = sequences, title = "lstm_both" })

-- Weights in groups of inputs, the last one not full; activations stay real numbers or are rounded row by row.
local wide = qs.data.tensors(qs.randn(64, 5, 72), qs.zeros(64, { dtype = "i64" }))
local words = qs.data.tensors((qs.randn(64, 7) * 20):abs():clamp(0, 39):floor():long(), qs.zeros(64, { dtype = "i64" }))

local function wide_perceptron() return nn.sequential{ nn.linear(72, 96), nn.gelu(), nn.linear(96, 10) } end
local function of_words() return nn.sequential{ nn.embedding(40, 64), nn.linear(64, 24), nn.tanh(), nn.linear(24, 6) } end

for _, mode in ipairs{ "none", "dynamic" } do
  for _, weights in ipairs{
    { bits = 4, granularity = "group", group = 32 }, { bits = 4, granularity = "group", group = 16, symmetric = false },
    { bits = 8, granularity = "group", group = 32 }, { bits = 3 }, { bits = 2, granularity = "group", group = 64 },
  } do
    local options = { weights = weights, activations = { mode = mode }, title = "lowbit_" .. mode }
    options.calibration = wide
    qs.quantize(wide_perceptron(), options)
    options.calibration = words
    qs.quantize(of_words(), options)
  end
end
