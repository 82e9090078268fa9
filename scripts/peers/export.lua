-- Runs an example and writes each network that it quantizes, or trains in examples/bench/train, in every form that other
-- runtimes read; reads each file back and compares. scripts/peers/check.py then runs the files in those runtimes.
--
--     scripts/qscript scripts/peers/export.lua FOLDER EXAMPLE.lua [OPTION...]
--
-- FOLDER must be there. A network NAME gives NAME.float.onnx (or .trained.onnx, if it has grids, or .lowbit.onnx, if only
-- its weights are rounded), NAME.qdq.onnx and NAME.qoperator.onnx, each with the values inside it in an .npz beside it; and
-- for convolutional and fully connected networks NAME.float.tflite and NAME.int8.tflite, with samples `x` and what the
-- networks make of them in NAME.npz.
local qs = require "qscript"

local folder, example = table.unpack(arg)
if not example then
  io.stderr:write("usage: export.lua FOLDER EXAMPLE.lua [OPTION...]\n")
  os.exit(2)
end
local place, title = example:match("^(.-)([^/]*)%.lua$")
arg = { [0] = example, table.unpack(arg, 3) }
package.path = place .. "?.lua;" .. package.path

local function largest(x) return x:abs():max():item() end

-- Float results may differ by rounding.
local function same_floats(y, expected) return largest(y - expected) <= 1e-5 * math.max(1, largest(expected)) end

-- Training rounds in float: a number between two steps may go to either, and all that follows moves with it.
local function near_steps(y, expected) return largest(y - expected) <= 2 * (expected:max() - expected:min()):item() / 255 end

-- Where a product lies between two steps, runtimes may choose either: at most one element in a thousand, by one step. The
-- step is a 255th of the range of the results; less than half of one is what a step inside the network leaves of itself.
local function same_steps(y, expected)
  local step = (expected:max() - expected:min()):item() / 255
  local difference = (y - expected):abs()
  local count = difference:gt(0.5 * step):long():sum():item()
  return difference:max():item() <= 1.01 * step and 1000 * count <= #expected:reshape(-1)
end

local names = {}
local function unused(name)
  local n = (names[name] or 0) + 1
  names[name] = n
  return n == 1 and name or name .. n
end

local function check(path, read, x, expected, same)
  local y = read:eval()(x)
  if not same(y, expected) then
    error(("%s: read back, it differs by up to %g of %g"):format(path, largest(y - expected), largest(expected)), 0)
  end
end

-- What a network that is not quantized gives, and its files. A graph is one that qs.qat made: it has grids, too; or one of
-- low-bit layers.
local function write_plain(path, model, x, results, kind)
  local training = model.training
  model:eval()
  local expected = qs.no_grad(function() return model(x) end)
  local has_grids = qs.type(model) == "graph" and not kind
  kind = kind or has_grids and "trained" or "float"
  local graph = qs.type(model) == "graph" and model or qs.capture(model, x)
  qs.onnx.save(graph, path .. "." .. kind .. ".onnx", { samples = x })
  check(path .. "." .. kind .. ".onnx", qs.onnx.load(path .. "." .. kind .. ".onnx"), x, expected,
    has_grids and near_steps or same_floats)
  if kind == "float" then
    local fine, problem = pcall(qs.tflite.save, graph, path .. ".float.tflite")
    if fine then check(path .. ".float.tflite", qs.tflite.load(path .. ".float.tflite"), x, expected, same_floats)
    else print(problem) end
  end
  if training then model:train() end
  results[kind] = expected
end

local function write_quantized(path, graph, x, results)
  local expected = qs.compile(graph)(x)
  for _, form in ipairs{ "qdq", "qoperator" } do
    local file = path .. "." .. form .. ".onnx"
    qs.onnx.save(graph, file, { format = form, samples = x })
    check(file, qs.onnx.load(file), x, expected, same_steps)
  end
  local fine, problem = pcall(qs.tflite.save, graph, path .. ".int8.tflite", { samples = x })
  if fine then qs.tflite.load(path .. ".int8.tflite") else print(problem) end
  results.int8 = expected
end

local function export(name, model, x, quantized)
  local path, results = folder .. "/" .. unused(name), { x = x }
  write_plain(path, model, x, results)
  if quantized then write_quantized(path, quantized, x, results) end
  qs.npz.save(path .. ".npz", results)
  print(path)
end

-- A graph with weights of few bits and real activations.
local function export_low_bit(name, graph, x)
  local path, results = folder .. "/" .. unused(name), {}
  write_plain(path, graph, x, results, "lowbit")
  print(path)
end

-- networks.lua gives its networks names: `title` among the options.
local quantize, samples = qs.quantize, nil
function qs.quantize(model, options)
  local name, given = options.title or title, {}
  for key, value in pairs(options) do given[key] = key ~= "title" and value or nil end
  local graph = quantize(model, given)
  -- A graph from qs.qat needs no data; then the example of the last calibration is as good as any.
  samples = options.calibration and options.calibration:take(32):batches{ size = 32 }() or samples
  local mode = options.activations and options.activations.mode
  if mode == "none" or mode == "dynamic" then export_low_bit(name, graph, samples)
  else export(name, model, samples, graph) end
  return graph
end

-- The benches of training only need to say what they train.
local benched = loadfile(place .. "common.lua")
local common = benched and benched()
if common and common.supervised then
  function common.supervised(case, model, shape)
    qs.seed(1)
    local x = qs.randn(8, table.unpack(shape))
    if qs.type(model) == "graph" then model:train()(x) end -- grids need a range
    export("train_" .. case, model, x)
  end
  function common.report() end
end
if common then package.loaded.common = common end

dofile(example)
