-- A multilayer perceptron on MNIST whose weights are all -1 or 1 times a scale, trained as such (BinaryConnect) and shipped
-- as the program whose accuracy is printed. Activations have 8 bits.
--
--     scripts/qscript examples/binary_mlp.lua --data DIR [--seed N] [--epochs N] [--width N] [--quick]
local qs = require "qscript"
local common = require "results.common"
local nn = qs.nn

local o = common.options{ data = "", seed = 1, epochs = 8, width = 512, quick = false }
if o.data == "" or o.epochs < 1 or o.width < 1 then
  io.stderr:write("binary_mlp.lua: give the folder of the four MNIST files with --data DIR; --seed, --epochs and "
    .. "--width are whole numbers\n")
  os.exit(2)
end

local train, test = qs.data.mnist(o.data)
if o.quick then train, test, o.epochs, o.width = train:take(2048), test:take(500), 1, 64 end
local rows, run = common.run(o.quick and "binary-mlp-quick" or "binary-mlp-mnist", o)

local function hidden(inputs) return nn.linear(inputs, o.width, { bias = false }), nn.batch_norm1d(o.width), nn.relu() end
local layers = { nn.flatten() }
for _, inputs in ipairs{ 784, o.width, o.width } do
  for _, layer in ipairs{ hidden(inputs) } do layers[#layers + 1] = layer end
end
layers[#layers + 1] = nn.linear(o.width, 10)
local model = nn.sequential(layers)

local aware = qs.qat(model, (train:take(2):example()), {
  method = "binary", layers = { ["*"] = { levels = "binary" } }, -- the first and the last layer, too
})
run:stage("train", function()
  qs.fit(aware, train, {
    epochs = o.epochs, batch_size = 128, lr = 3e-3, augment = qs.data.augment{ shift = 1 }, verbose = false,
    freeze = math.max(1, o.epochs - 2),
  })
end)

local graph = qs.quantize(aware)
local program = qs.compile(graph)
qs.assert_exact(graph, program, test:take(o.quick and 32 or 128))
rows.measure("binary weights, a8", program, test)
program:save(run:path("binary_mlp.qsm"))
print("the program: " .. run:path("binary_mlp.qsm"))
