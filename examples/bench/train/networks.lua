-- The residual networks of the training benches.
local nn = require("qscript").nn
local networks = { first = 32 * 32 * 3 * 9 * 16 } -- multiply-accumulates of the first layer

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

-- For 32x32 colour images and ten classes, with 16, 32 and 64 channels in stages of n blocks: ResNet-8 for n = 1,
-- ResNet-20 for n = 3.
function networks.resnet(n)
  local layers, channels = { conv(3, 16, 3, 1), nn.batch_norm2d(16), nn.relu() }, 16
  for stage, outputs in ipairs{ 16, 32, 64 } do
    for i = 1, n do
      layers[#layers + 1] = block(channels, outputs, stage > 1 and i == 1 and 2 or 1)
      channels = outputs
    end
  end
  for _, layer in ipairs{ nn.global_avg_pool2d(), nn.flatten(), nn.linear(64, 10) } do layers[#layers + 1] = layer end
  return nn.sequential(layers)
end

return networks
