-- ResNet-8 on CIFAR-10: fp32, int8 after training and in training, 4-bit weights, bits allotted under a budget.
--
--     scripts/qscript examples/results/cifar.lua --train PATH[,PATH] --test PATH [--seed N] [--epochs N] [--finetune N]
--
-- A PATH is a binary file of CIFAR-10 (gzipped or not), or a folder of images by class.
local qs = require "qscript"
local common = require "common"

local o = common.options{ train = "", test = "", seed = 1, epochs = 40, finetune = 8 }
if o.train == "" or o.test == "" then
  io.stderr:write("cifar.lua: give --train PATH[,PATH] and --test PATH, binary files of CIFAR-10 or folders of images\n")
  os.exit(2)
end

local function read(paths)
  local all
  for path in paths:gmatch("[^,]+") do
    local part = path:match("%.bin") and qs.data.cifar10(path) or qs.data.images(path, { size = 32 })
    all = all and all:join(part) or part
  end
  return all:normalized{ scale = 255, mean = { 0.4914, 0.4822, 0.4465 }, std = { 0.2470, 0.2435, 0.2616 } }
end
local train, test = read(o.train), read(o.test)
local augment = qs.data.augment{ crop = { padding = 4 }, flip = true }
local rows = common.run("resnet8-cifar10", o)

local model = common.resnet8()
qs.fit(model, train, { epochs = o.epochs, batch_size = 128, lr = 4e-3, optimizer = "adamw", weight_decay = 5e-3,
                       augment = augment })
rows.measure("fp32", model, test)

local quantized, trained = common.forms(rows, model, train, test, { epochs = o.finetune, lr = 0.01, augment = augment })

quantized("int8, per channel", {})
quantized("int8, per tensor", { weights = { granularity = "tensor" } })
quantized("w4a8, round", { weights = { bits = 4 } })
quantized("w4a8, gptq", { weights = { bits = 4 }, method = "gptq" })
quantized("w4a8, adaround", { weights = { bits = 4 }, method = "adaround" })

-- 8, 4, 3 or 2 bits for each layer, the least harm within the budget; all at 8 bits need 77,360 bytes.
local layers, choices = qs.quantization.mixed(model, train:take(512), { bytes = 44000, measure = "kl" })
for _, row in ipairs(choices) do
  print(string.format("  %-12s %d bits %6d bytes, divergence %.5f", row.layer, row.scheme.bits, row.bytes, row.loss))
end
quantized("mixed weights within 44000 bytes, round", { layers = layers })
quantized("mixed weights within 44000 bytes, gptq", { layers = layers, method = "gptq" })

trained("w8a8, in training", {})
trained("w4a8, lsq", { method = "lsq", weights = { bits = 4 }, activations = { bits = 8 } })
