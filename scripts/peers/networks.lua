-- Networks for scripts/peers/export.lua that no example has: four-bit weights, training with grids, clipped activations,
-- odd paddings, branches.
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
