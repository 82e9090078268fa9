-- From a teacher to an int8 program in one script, on the UCI handwritten digits that qscript carries with it.
--
--     scripts/qscript examples/quickstart.lua [--quick]
local qs = require "qscript"
local nn = qs.nn

local quick = arg[1] == "--quick" -- a short run, for tests: the same steps, fewer epochs
local function epochs(n) return quick and math.max(1, n // 10) or n end

local train, test = qs.data.digits()
local run = qs.run{ name = "digits-quickstart", seed = 7 }

local teacher = nn.sequential{
  nn.conv2d(1, 32, 3, { padding = 1 }), nn.batch_norm2d(32), nn.relu(),
  nn.conv2d(32, 64, 3, { padding = 1 }), nn.batch_norm2d(64), nn.relu(), nn.max_pool2d(2),
  nn.conv2d(64, 64, 3, { padding = 1 }), nn.batch_norm2d(64), nn.relu(), nn.max_pool2d(2),
  nn.flatten(), nn.dropout(0.3), nn.linear(64 * 2 * 2, 10),
}
local student = nn.sequential{
  nn.conv2d(1, 8, 3, { padding = 1 }), nn.batch_norm2d(8), nn.relu(), nn.max_pool2d(2),
  nn.conv2d(8, 16, 3, { padding = 1 }), nn.batch_norm2d(16), nn.relu(), nn.max_pool2d(2),
  nn.flatten(), nn.linear(16 * 2 * 2, 10),
}

run:stage("teacher", function()
  qs.fit(teacher, train, { epochs = epochs(30), lr = 2e-3, validation = test, keep_best = false })
end)

run:stage("distil", function()
  qs.distill{ teacher = teacher, student = student, data = train, validation = test,
              temperature = 4, alpha = 0.7, epochs = epochs(40), lr = 5e-3, keep_best = false }
end)
local distilled = qs.measure(student, test) -- now: pruning changes it

run:stage("prune", function()
  qs.prune(student, { sparsity = 0.5, data = train,
                      finetune = { epochs = epochs(10), lr = 1e-3, validation = test, keep_best = false } })
end)

local int8
run:stage("quantize", function()
  int8 = qs.compile(qs.quantize(student, {
    calibration = train:take(256),
    weights = { bits = 8, granularity = "channel" },
    activations = { bits = 8, observer = "minmax" },
  }))
end)

run:report{
  baseline = teacher, data = test,
  models = { { "student", distilled }, { "pruned", student }, { "int8", int8 } },
}
int8:save(run:path("digits.qsm"))
print("the program: " .. run:path("digits.qsm"))
