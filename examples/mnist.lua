-- From a teacher to an int8 program on MNIST, read from the four original IDX files (gzipped or not).
--
--     scripts/qscript examples/mnist.lua --data DIR [--quick]
local qs = require "qscript"
local nn = qs.nn

local options = {}
for i, word in ipairs(arg) do
  if word == "--data" then options.data = arg[i + 1] end
  if word == "--quick" then options.quick = true end
end
if not options.data then
  io.stderr:write("mnist.lua: give the folder of the four MNIST files with --data DIR; "
    .. "they are train-images-idx3-ubyte.gz and its three neighbours, from the MNIST page of Yann LeCun or a mirror\n")
  os.exit(2)
end

local train, test = qs.data.mnist(options.data)
if options.quick then train, test = train:take(2048), test:take(1000) end
local function epochs(n) return options.quick and 1 or n end

local run = qs.run{ name = "mnist", seed = 1 }

local function network(width)
  return nn.sequential{
    nn.conv2d(1, width, 3, { padding = 1 }), nn.batch_norm2d(width), nn.relu(), nn.max_pool2d(2),
    nn.conv2d(width, 2 * width, 3, { padding = 1 }), nn.batch_norm2d(2 * width), nn.relu(), nn.max_pool2d(2),
    nn.conv2d(2 * width, 2 * width, 3, { padding = 1 }), nn.batch_norm2d(2 * width), nn.relu(), nn.max_pool2d(2),
    nn.flatten(), nn.linear(2 * width * 3 * 3, 10),
  }
end
local teacher, student = network(32), network(8)

run:stage("teacher", function()
  qs.fit(teacher, train, { epochs = epochs(6), batch_size = 128, lr = 3e-3, augment = qs.data.augment{ shift = 2 },
                           validation = test, keep_best = false })
end)
run:stage("distil", function()
  qs.distill{ teacher = teacher, student = student, data = train, validation = test, temperature = 4,
              alpha = 0.7, epochs = epochs(6), batch_size = 128, lr = 5e-3, keep_best = false }
end)
local distilled = qs.measure(student, test) -- now: pruning changes it
run:stage("prune", function()
  qs.prune(student, { sparsity = 0.5, data = train,
                      finetune = { epochs = epochs(2), batch_size = 128, lr = 1e-3, validation = test,
                                   keep_best = false } })
end)
local int8
run:stage("quantize", function()
  int8 = qs.compile(qs.quantize(student, { calibration = train:take(512) }))
end)

run:report{
  baseline = teacher, data = test,
  models = { { "student", distilled }, { "pruned", student }, { "int8", int8 } },
}
int8:save(run:path("mnist.qsm"))
print("the program: " .. run:path("mnist.qsm"))
