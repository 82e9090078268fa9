-- What qs.quantize does to the weights before it quantizes, and the table of what that did to each layer.
local qs = require "qscript"
local declare = require "declare"
local tables = require "qscript.tables"
local samples = require "qscript.samples"

local post = {}

-- Runs a piece of qs.quantization with a bar that shows how far it has come.
local function watched(name, ...)
  local arguments = table.pack(...)
  local options = arguments[arguments.n]
  local bar <close> = qs.progress{ label = name }
  options.progress = function(done, total, layer)
    bar:update(done, string.format("of %d layers  %s", total, layer))
  end
  return qs.quantization[name](table.unpack(arguments, 1, arguments.n))
end

local needs_data = { gptq = true, adaround = true, awq = true, smoothquant = true }
local known = { round = true, gptq = true, adaround = true, awq = true, smoothquant = true, hqq = true }

local function check(o)
  if not known[o.method] then
    error(string.format("quantize: option 'method' must be one of 'adaround', 'awq', 'gptq', 'hqq', 'round' or "
      .. "'smoothquant' (got '%s')", tostring(o.method)), 0)
  end
  local with_data = needs_data[o.method] and "method = \"" .. o.method .. "\""
    or o.bias_correction == "empirical" and "bias_correction = \"empirical\""
  if with_data and not o.calibration then
    error("quantize: " .. with_data .. " needs option 'calibration': a few hundred samples of the training data", 0)
  end
  if o.method == "round" and next(o.method_options or {}) then
    error("quantize: option 'method_options' is for methods that have some; method \"round\" has none", 0)
  end
  if o.observer and o.observer ~= "minmax" and o.observer ~= "mse" then
    error(string.format("quantize: weights.observer must be \"minmax\" or \"mse\" (got '%s')", tostring(o.observer)), 0)
  end
  if o.method == "hqq" and o.observer then
    error("quantize: method \"hqq\" chooses scales by itself; leave weights.observer out", 0)
  end
  if o.bias_correction == "analytic" and (o.equalize or o.method == "smoothquant" or o.method == "awq") then
    error("quantize: bias_correction = \"analytic\" goes by the batch norms as they were trained, which "
      .. "equalize, smoothquant and awq scale; use \"empirical\"", 0)
  end
end

-- Options that a piece of qs.quantization knows.
local function pick(o, names)
  local picked = {}
  for name in names:gmatch("[%w_]+") do picked[name] = o[name] end
  return picked
end

local weight_options = "weights layers observer"
local method_options = {
  gptq = "damping act_order sequential batch_size " .. weight_options,
  adaround = "iterations lr regularization asymmetric batch_size " .. weight_options,
  awq = "ratios clip batch_size " .. weight_options,
  hqq = "p weights layers",
  round = weight_options,
  smoothquant = "alpha batch_size",
}

-- What pieces take that a recipe decides elsewhere.
local decided = { insert = "needs layers in float", progress = "qs.quantize shows itself" }
for name in (weight_options .. " batch_size"):gmatch("[%w_]+") do decided[name] = "is an option of qs.quantize" end

-- The graph with its weights as the method decides, and the float graph they stand for. `o`: method, method_options,
-- equalize, bias_correction, calibration, batch_size, weights, layers, observer.
function post.apply(graph, o)
  check(o)
  local options = pick(o, method_options[o.method])
  if o.method == "awq" then options.insert = false end -- what is put in front of a layer runs in float
  for name, value in pairs(o.method_options or {}) do
    if decided[name] then
      error("quantize: method_options has '" .. name .. "', which " .. decided[name] .. "; leave it out", 0)
    end
    options[name] = value
  end
  local float = o.equalize and qs.quantization.equalize(graph) or qs.quantization.prepare(graph)
  if o.method == "smoothquant" then float = watched("smoothquant", float, o.calibration, options) end
  local rounded = float
  if o.method == "awq" then
    rounded, float = watched("awq", float, o.calibration, options)
  elseif o.method == "hqq" then
    rounded = qs.quantization.hqq(float, options)
  elseif needs_data[o.method] and o.method ~= "smoothquant" then
    rounded = watched(o.method, float, o.calibration, options)
  elseif o.bias_correction then
    rounded = qs.quantization.round(float, pick(o, weight_options))
  end
  if o.bias_correction == "analytic" then
    rounded = qs.quantization.correct_bias(graph, rounded, { method = "analytic" })
  elseif o.bias_correction then
    rounded = watched("correct_bias", float, rounded, { calibration = o.calibration, batch_size = o.batch_size })
  end
  return rounded, float
end

-- Diagnosis ------------------------------------------------------------------------------------------------------

local function number(title, form, field)
  return { title, function(row) return string.format(form, row[field]) end }
end

local columns = {
  { "layer", function(row) return row.layer .. " (" .. row.op .. ")" end },
  number("SQNR dB", "%.1f", "sqnr"), number("cosine", "%.5f", "cosine"),
  { "clipped", function(row) return string.format("%.2f %%", 100 * row.clipped) end },
  { "dead range", function(row) return string.format("%.0f %%", 100 * row.dead_range) end },
  number("gain dB", "%.1f", "gain"),
  { "cause", function(row) return row.cause or "" end },
}

local function lines(report)
  local text = { string.format("SQNR of the result: %.1f dB", report.sqnr), tables.format(columns, report.layers) }
  for _, row in ipairs(report.layers) do
    if row.cause then text[#text + 1] = string.format("%s: %s. Try: %s", row.layer, row.text, row.remedy) end
  end
  for _, problem in ipairs(report.problems or {}) do text[#text + 1] = problem end
  return table.concat(text, "\n")
end

local listing = { __tostring = lines }

-- What qs.quantize found of each graph it made, for as long as that lives.
local reports = setmetatable({}, { __mode = "k" })

local nearest = { quantized_lstm = true, low_bit_embedding = true }

-- A sentence where no method but rounding to the nearest takes the weights of some layers.
local function left_by_method(quantized, method)
  local names = {}
  for _, node in ipairs(quantized.nodes) do
    if nearest[node.op] then names[#names + 1] = "'" .. node.name .. "'" end
  end
  if #names == 0 or method == "round" or method == "smoothquant" then return {} end
  return { string.format("method \"%s\" is for convolutions and linear layers; the weights of %s are rounded to the nearest",
    method, table.concat(names, ", ")) }
end

-- What is odd about the weights and the data: what quantizing warned of, and what the data says before it.
local function problems_of(graph, quantized, ranges, o)
  local problems, said = {}, {}
  local function add(list)
    for _, problem in ipairs(list) do
      if not said[problem] then problems[#problems + 1] = problem end
      said[problem] = true
    end
  end
  if o.calibration and (ranges == "calibration" or needs_data[o.method]) then
    add(qs.quantization.check_calibration(graph, o.calibration, { batch_size = o.batch_size }))
  end
  add(quantized.warnings)
  add(left_by_method(quantized, o.method))
  return problems
end

-- Grids that were found in training are mended there.
local function advise_training(report)
  for _, row in ipairs(report.layers) do
    if row.remedy then
      row.remedy = string.format("train it longer, or give it more bits in qs.qat: layers = {[\"%s\"] = {bits = 8}}",
        row.layer)
    end
  end
end

-- Keeps what quantizing `graph`, by way of `float`, to `quantized` did to each layer, as `data` shows it; says aloud
-- what is odd about weights and data. `ranges` tells where those of activations come from: "calibration", "training", or
-- the "rows" themselves.
function post.keep_report(graph, float, quantized, data, ranges, o)
  local report = qs.quantization.layer_errors(float, quantized, data, {})
  report.problems = problems_of(graph, quantized, ranges, o)
  if ranges == "training" then advise_training(report) end
  reports[quantized] = setmetatable(report, listing)
  for _, problem in ipairs(report.problems) do io.stderr:write("quantize: ", problem, "\n") end
  if o.report then print(report) end
end

declare{
  "qs.quantization.report",
  "What qs.quantize did to each layer, worst first: {sqnr, layers, problems}; print shows a table with the cause and the "
    .. "line that mends it. SQNR and cosine are of a layer's own result for float inputs; the gain is what the network's "
    .. "SQNR would rise by if that layer were left in float.",
  { "quantized", "graph", "from qs.quantize, in this process" },
  returns = "table?",
  function(quantized) return reports[quantized] end,
}

declare{
  "qs.quantization.diagnose",
  "The same on data of your own, such as the test set: what is clipped there was not in the calibration data.",
  { "quantized", "graph", "from qs.quantize" },
  { "model", "module|graph", "what it was made from" },
  { "data", "dataset|table", "samples, or a list of batches, each a list of inputs" },
  options = { { "samples", "integer", "looked at, at most", default = 32 } },
  returns = "table",
  function(quantized, model, data, o)
    local float = samples.captured(model, data, "diagnose")
    local report = qs.quantization.layer_errors(qs.quantization.prepare(float), quantized, data, { samples = o.samples })
    return setmetatable(report, listing)
  end,
}

return post
