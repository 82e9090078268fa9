-- Post-training quantization of MLPerf Tiny's own trained models, by several schemes, beside the reference int8 files: the
-- tables of docs/results.md. What is measured are the programs, after a look that they give the bits of their graphs.
--
--     scripts/qscript examples/mlperf_tiny.lua --data DIR [--cifar FILE] [--task kws|resnet8|anomaly] [--report]
--
-- --data: the folder with keyword_spotting/, image_classification/ and anomaly_detection/ (mlcommons/tiny). --cifar: the
-- exact images, data_batch_1 of CIFAR-10, gzipped or not. --report prints what each scheme does to each layer.
local qs = require "qscript"
local common = require "results.common"

local options = common.options{ data = "", cifar = "", task = "", report = false }
if options.data == "" then
  io.stderr:write("mlperf_tiny.lua: --data is missing: the folder with MLPerf Tiny's models\n")
  os.exit(2)
end

local function channel(more) return { weights = { granularity = "channel" }, more = more } end
local function tensor(more) return { weights = { granularity = "tensor" }, more = more } end

-- A name and the options of qs.quantize.
local schemes = {
  { "channel, min-max", channel{} },
  { "channel, moving average", channel{ observer = "moving_average" } },
  { "channel, 99.99 percentile", channel{ observer = "percentile", percentile = 99.99 } },
  { "channel, entropy", channel{ observer = "entropy" } },
  { "channel, mse", channel{ observer = "mse" } },
  { "channel, mse, adaround", channel{ observer = "mse", method = "adaround" } },
  { "channel, mse, gptq", channel{ observer = "mse", method = "gptq" } },
  { "channel, mse, bias corrected", channel{ observer = "mse", bias_correction = "empirical" } },
  { "tensor, min-max", tensor{} },
  { "tensor, mse", tensor{ observer = "mse" } },
  { "tensor, mse, equalized", tensor{ observer = "mse", equalize = true } },
  { "tensor, mse, gptq", tensor{ observer = "mse", method = "gptq" } },
  { "tensor, equalized, gptq", tensor{ equalize = true, method = "gptq" } },
  { "int4, mse", { weights = { bits = 4, observer = "mse" }, more = { observer = "mse" } } },
  { "int4, mse, gptq", { weights = { bits = 4, observer = "mse" }, more = { observer = "mse", method = "gptq" } } },
  { "int4, mse, adaround", { weights = { bits = 4, observer = "mse" }, more = { observer = "mse", method = "adaround" } } },
}

local function quantize(model, calibration, scheme)
  local more = scheme.more
  return qs.quantize(model, {
    calibration = calibration, weights = scheme.weights,
    activations = { observer = more.observer, percentile = more.percentile },
    method = more.method, equalize = more.equalize, bias_correction = more.bias_correction, report = options.report,
  })
end

-- One scheme, with the number that `score` gives it, and the seconds it took.
local function measure(rows, name, model, calibration, scheme, score)
  local started = qs.clock()
  local graph = quantize(model, calibration, scheme)
  local seconds = qs.clock() - started
  local program = qs.compile(graph)
  qs.assert_exact(graph, program, calibration:take(32))
  rows.add(name, score(program), { bytes = program.bytes, seconds = seconds })
end

-- The float model, the reference int8 file and every scheme.
local function compare(case, float, reference, calibration, score)
  print("\n" .. case)
  local rows = common.run(case, { seed = 1, data = options.data, cifar = options.cifar })
  local function read(path) return path:match("%.onnx$") and qs.onnx.load(path) or qs.tflite.load(path) end
  local model = read(float)
  rows.add("float", score(model), { bytes = common.file_bytes(float) })
  rows.add("reference int8 file", score(read(reference)), { bytes = common.file_bytes(reference) })
  for _, scheme in ipairs(schemes) do measure(rows, scheme[1], model, calibration, scheme[2], score) end
  return rows, model
end

local tasks = {}

function tasks.kws()
  local folder = options.data .. "/keyword_spotting/"
  local bytes = qs.npy.load(folder .. "kws01_inputs.npy")
  local inputs = ((bytes:float() - 83) * 0.5847029089927673):reshape(-1, 1, 49, 10)
  local data = qs.data.tensors(inputs, qs.npy.load(folder .. "kws01_labels.npy"):to("i64"))
  local calibration, test = data:split(200)
  compare("mlperf-tiny-kws", folder .. "dscnn_float.onnx", folder .. "dscnn_int8.tflite", calibration,
    function(m) return 100 * qs.evaluate(m, test).accuracy end)
end

function tasks.resnet8()
  if options.cifar == "" then return print("\nResNet-8 needs --cifar FILE: left out") end
  local folder = options.data .. "/image_classification/"
  local data = qs.data.cifar10(options.cifar):normalized{} -- bytes, as numbers
  local test = data:skip(1000):take(3000)
  local function accuracy(m) return 100 * qs.evaluate(m, test).accuracy end
  local rows, model = compare("mlperf-tiny-resnet8", folder .. "resnet8_float.tflite", folder .. "resnet8_int8.tflite",
    data:take(256), accuracy)
  measure(rows, "channel, min-max, 512 images to calibrate", model, data:take(512), channel{}, accuracy)
end

-- The recordings of the anomaly detection task cannot be had. These are made to match the range that the reference int8
-- file was calibrated on, -84.9 to 14.9: five frames of 128 mel bins with a smooth spectrum that moves a little from
-- frame to frame, and noise. Half of them get a tone or a click, as a machine that is about to break.
local function recordings(count, windows, seed)
  qs.seed(seed)
  local parts = {}
  for i = 1, count do
    local draws = (qs.randn(12)):totable()
    local place, width, height = 10 + i * 37 % 110, 1.5 + i % 3, i % 2 == 0 and 4 + i % 9 or 0
    local spectrum = {}
    for bin = 1, 128 do
      local share = (bin - 1) / 128
      local level = -22 - 25 * share + 6 * draws[1] + height * math.exp(-((bin - place) / width) ^ 2 / 2)
      for harmonic = 1, 4 do
        level = level + 5 * draws[harmonic + 1] / harmonic * math.cos(2 * math.pi * harmonic * share + 6 * draws[harmonic + 5])
      end
      spectrum[bin] = level
    end
    local x = qs.tensor(spectrum):reshape(1, 1, 128) + qs.randn(windows, 5, 1) * 2 + qs.randn(windows, 5, 128) * 4
    parts[i] = x:clamp(-84.9, 14.9):reshape(windows, 640)
  end
  return qs.cat(parts)
end

-- The anomaly score of each recording: the mean squared error over its windows.
local function scores(model, x, windows)
  local list = qs.no_grad(function()
    local parts = {}
    for i = 0, x.shape[1] // windows - 1 do
      local part = x:narrow(1, 1 + i * windows, windows)
      parts[#parts + 1] = (model(part) - part):square():mean():item()
    end
    return parts
  end)
  return list
end

local function ranks(values)
  local order, rank = {}, {}
  for i = 1, #values do order[i] = i end
  table.sort(order, function(a, b) return values[a] ~= values[b] and values[a] < values[b] or values[a] == values[b] and a < b end)
  for place, i in ipairs(order) do rank[i] = place end
  return rank
end

-- Spearman's rank correlation.
local function correlation(a, b)
  local ra, rb, sum = ranks(a), ranks(b), 0
  for i = 1, #ra do sum = sum + (ra[i] - rb[i]) ^ 2 end
  return 1 - 6 * sum / (#ra * (#ra * #ra - 1))
end

function tasks.anomaly()
  local folder, windows = options.data .. "/anomaly_detection/", 20
  local train, test = recordings(64, windows, 1), recordings(400, windows, 2)
  local calibration = qs.data.tensors(train, qs.zeros(train.shape[1], { dtype = "i64" }))
  local float = scores(qs.onnx.load(folder .. "ad01_fp32.onnx"), test, windows)
  compare("mlperf-tiny-anomaly", folder .. "ad01_fp32.onnx", folder .. "ad01_int8.tflite", calibration,
    function(m) return correlation(float, scores(m, test, windows)) end)
end

for _, name in ipairs{ "kws", "resnet8", "anomaly" } do
  if options.task == "" or options.task == name then tasks[name]() end
end
