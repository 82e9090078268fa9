-- LeNet-5 (with batch norm) on MNIST or a set in its form, in fp32 and then with fewer and fewer bits: int8 after training,
-- and training with quantization by learned steps, learned clips, tanh weights, ternary and binary weights. Every
-- accuracy is that of the compiled program, whose bits are those of the quantized model.
--
--     scripts/qscript examples/lenet5_qat.lua --data DIR [--seed N] [--epochs N] [--only NAME] [--quick]
local qs = require "qscript"
local nn = qs.nn

local o = { seed = 1, epochs = 2 }
do
  local i = 1
  while i <= #arg do
    local name = arg[i]:match("^%-%-(.*)$")
    if name == "quick" then
      o.quick, i = true, i + 1
    elseif name == "data" or name == "only" then
      o[name], i = arg[i + 1], i + 2
    elseif name == "seed" or name == "epochs" then
      o[name], i = math.tointeger(tonumber(arg[i + 1])), i + 2
    else
      io.stderr:write("lenet5_qat.lua: there is no option ", arg[i], "\n")
      os.exit(2)
    end
  end
end
if not o.data or not o.seed or not o.epochs or o.epochs < 1 then
  io.stderr:write("lenet5_qat.lua: give the folder of the four MNIST files with --data DIR; --seed and --epochs are "
    .. "whole numbers\n")
  os.exit(2)
end

local train, test = qs.data.mnist(o.data)
if o.quick then train, test, o.epochs = train:take(2048), test:take(500), 1 end
local example = (train:take(2):example())
local run = qs.run{ name = "lenet5-qat", seed = o.seed }

local model = nn.sequential{
  nn.conv2d(1, 6, 5, { padding = 2 }), nn.batch_norm2d(6), nn.relu(), nn.max_pool2d(2),
  nn.conv2d(6, 16, 5), nn.batch_norm2d(16), nn.relu(), nn.max_pool2d(2),
  nn.flatten(), nn.linear(400, 120), nn.relu(), nn.linear(120, 84), nn.relu(), nn.linear(84, 10),
}
local augment = qs.data.augment{ shift = 1 }

run:stage("fp32", function()
  qs.fit(model, train, { epochs = 2 * o.epochs, batch_size = 128, lr = 3e-3, augment = augment, verbose = false })
end)
local trained = model:state()

-- Accuracy in percent.
local function percent(network) return 100 * qs.evaluate(network, test).accuracy end

local fp32 = percent(model)
print(string.format("%-14s %6s  %7s", "", "%", "change"))
print(string.format("%-14s %6.2f", "fp32", fp32))

local function report(name, graph)
  local program = qs.compile(graph)
  qs.assert_exact(graph, program, test:take(o.quick and 32 or 128))
  local accuracy = percent(program)
  print(string.format("%-14s %6.2f  %+7.2f", name, accuracy, accuracy - fp32))
end

if not o.only or o.only == "int8" then report("int8", qs.quantize(model, { calibration = train:take(512) })) end

local schemes = {
  { "lsq w8a8", { method = "lsq", weights = { bits = 8 }, activations = { bits = 8 } } },
  { "lsq w4a4", { method = "lsq", weights = { bits = 4 }, activations = { bits = 4 } } },
  { "lsq w3a3", { method = "lsq", weights = { bits = 3 }, activations = { bits = 3 } } },
  { "lsq w2a2", { method = "lsq", weights = { bits = 2 }, activations = { bits = 2 } } },
  { "pact w4a4", { method = "pact", weights = { bits = 4 }, activations = { bits = 4 } } },
  { "dorefa w4a4", { method = "dorefa", weights = { bits = 4 }, activations = { bits = 4 } } },
  { "dorefa w2a2", { method = "dorefa", weights = { bits = 2 }, activations = { bits = 2 } } },
  { "ternary w2a8", { method = "ternary" } },
  { "binary w1a8", { method = "binary" } },
}

for _, scheme in ipairs(schemes) do
  local name, options = table.unpack(scheme)
  if not o.only or name:find(o.only, 1, true) then
    model:load_state(trained)
    local aware = qs.qat(model, example, options)
    run:stage(name, function()
      qs.fit(aware, train, {
        epochs = o.epochs, batch_size = 128, optimizer = "sgd", lr = 0.02, augment = augment, verbose = false,
        freeze = o.epochs - 1,
      })
    end)
    report(name, qs.quantize(aware))
  end
end
