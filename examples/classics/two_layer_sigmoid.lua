-- A network of 2, 10 and 1 units with sigmoids on a toy set, evaluated before and after its weights are quantized to 8
-- bits, and before and after those below 0.5 are cut, and then the smaller half.
--
--     scripts/qscript examples/classics/two_layer_sigmoid.lua [--quick]
local qs = require "qscript"
local nn, classic = qs.nn, qs.quantization.classic

-- Points of the square [-1, 1]; those inside of a circle that holds half of them belong to the class.
qs.seed(3)
local function points(count)
  local x = qs.rand(count, 2) * 2 - 1
  return x, (x * x):sum(2, { keepdim = true }):lt(2 / math.pi):float()
end
local x, y = points(400)
local test_x, test_y = points(1000)

local hidden, output = nn.linear(2, 10), nn.linear(10, 1)
local function network(x) return output(hidden(x):sigmoid()):sigmoid() end

local model = nn.model(network)
local optimizer = qs.optim.adam(model, { lr = 0.05 })
local first, last
for _ = 1, arg[1] == "--quick" and 300 or 2000 do
  optimizer:zero_grad()
  local loss = (model(x) - y):square():mean()
  loss:backward()
  optimizer:step()
  last = loss:item()
  first = first or last
end
print(string.format("mean square error: %.4f before training, %.4f after", first, last))

local function evaluate(stage)
  qs.no_grad(function()
    local answer = model(test_x)
    local right = answer:gt(0.5):float():eq(test_y):float():mean():item()
    print(string.format("%-34s accuracy %.2f %%, mean square error %.4f", stage, 100 * right,
      (answer - test_y):square():mean():item()))
  end)
end

evaluate("trained")

local trained = model:state()
for _, layer in ipairs{ hidden, output } do
  local result = classic.affine(layer.weight, { range = { -128, 127 } })
  qs.no_grad(function() layer.weight:copy_(result.values:float()) end)
end
evaluate("weights in 8 bits")

-- Cuts the weights below a threshold, and says how many.
local function cut(threshold)
  model:load_state(trained)
  local count, all = 0, 0
  for _, layer in ipairs{ hidden, output } do
    local small = layer.weight:detach():abs():lt(threshold)
    count, all = count + small:to("i64"):sum():item(), all + small:numel()
    qs.no_grad(function() layer.weight:copy_(layer.weight:detach():masked_fill(small, 0)) end)
  end
  return string.format("%d of %d weights", count, all)
end

model:load_state(trained)
evaluate("trained, once more")
evaluate(cut(0.5) .. " cut below 0.5")

-- And the smaller half of them.
model:load_state(trained)
qs.prune(model, { sparsity = 0.5 })
evaluate("half of the weights cut")
