-- Min-max floor quantization of a trained network's weights to 8 bits, then of what its hidden layer gives, through
-- relu: the accuracy before and after, and the errors of every textbook scheme on the same weights.
--
--     scripts/qscript examples/classics/linear_quantization.lua [--quick]
local qs = require "qscript"
local nn, classic = qs.nn, qs.quantization.classic

qs.seed(1)
local train, test = qs.data.digits()
local hidden, output = nn.linear(64, 32), nn.linear(32, 10)
local model = nn.sequential{ nn.flatten(), hidden, nn.relu(), output }
qs.fit(model, train, { epochs = arg[1] == "--quick" and 5 or 30, lr = 3e-3, verbose = false })

local function accuracy(network) return 100 * qs.evaluate(network, test).accuracy end
print(string.format("trained:                    %.2f %%", accuracy(model)))

local trained = output.weight:detach():clone()

print("codes run from b to b + 255; errors are those of the weights")
for i, layer in ipairs{ hidden, output } do
  local result = classic.floor_minmax(layer.weight, { bits = 8 })
  local error = (layer.weight:detach():double() - result.values):abs():max():item()
  print(string.format("layer %d: s = %.6f, b = %.6f, largest error %.6f", i, result.scale, result.offset, error))
  qs.no_grad(function() layer.weight:copy_(result.values:float()) end)
end
print(string.format("weights in 8 bits:          %.2f %%", accuracy(model)))

-- The hidden layer's numbers as well, quantized as they leave the activation.
local through_relu = nn.model(function(x)
  return output(classic.floor_minmax_relu(hidden(x:flatten(2)), { bits = 8 }).values:float())
end)
print(string.format("weights and hidden numbers: %.2f %%", accuracy(through_relu)))

print("")
print(classic.compare(trained, { bits = 8 }))
