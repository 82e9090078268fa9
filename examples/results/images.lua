-- LeNet-5 or a small VGG on MNIST or Fashion-MNIST: fp32, int8 after training with every observer, 4-bit weights by
-- AdaRound and GPTQ, and training with 8 to 2 bits.
--
--     scripts/qscript examples/results/images.lua --data DIR [--set mnist|fashion] [--network lenet5|vgg] [--seed N]
--       [--epochs N] [--finetune N]
local qs = require "qscript"
local common = require "common"

local o = common.options({ data = "", set = "mnist", network = "lenet5", seed = 1 }, {
  set = { mnist = {}, fashion = {} },
  network = { lenet5 = { epochs = 6, finetune = 10 }, vgg = { epochs = 3, finetune = 3 } },
})
if o.data == "" then
  io.stderr:write("images.lua: give the folder of the four files of MNIST or Fashion-MNIST with --data DIR\n")
  os.exit(2)
end
local train, test = qs.data.mnist(o.data)
local rows = common.run(o.network .. "-" .. o.set, o)

local model = common[o.network]()
local augment = qs.data.augment{ shift = 1 }
qs.fit(model, train, { epochs = o.epochs, batch_size = 128, lr = 3e-3, augment = augment })
rows.measure("fp32", model, test)
local quantized, trained = common.forms(rows, model, train, test, { epochs = o.finetune, lr = 0.02 })

for _, observer in ipairs{ "minmax", "moving_average", "percentile", "entropy", "mse" } do
  quantized("int8, " .. observer, { activations = { observer = observer } })
end
for _, method in ipairs{ "round", "adaround", "gptq" } do
  quantized("4-bit weights, " .. method, { weights = { bits = 4 }, method = method })
end
for _, method in ipairs{ "lsq", "pact", "dorefa" } do
  for _, bits in ipairs{ 8, 4, 3, 2 } do
    trained(string.format("w%da%d, %s", bits, bits, method),
      { method = method, weights = { bits = bits }, activations = { bits = bits } })
  end
end
for _, method in ipairs{ "ternary", "binary" } do trained(method .. " weights, a8", { method = method }) end
