-- qs.quantize: the one-call form over the pieces in qs.quantization.
local qs = require "qscript"
local declare = require "declare"
local post = require "qscript.post_training"
local recipe = require "qscript.recipe"
local samples = require "qscript.samples"

local quantize = {}
local scheme, only = recipe.scheme, recipe.only

local weight_keys = { observer = true }
for key in pairs(recipe.scheme_keys) do weight_keys[key] = true end
local activation_keys = { mode = true, bits = true, power_of_two = true, observer = true, percentile = true, momentum = true }

-- Recipes --------------------------------------------------------------------------------------------------------

-- The observer of activations that a recipe means; what only one of them takes is refused beside another.
local function observer_of(activations)
  local observer = activations.observer
  for _, pair in ipairs{ { "percentile", "percentile" }, { "momentum", "moving_average" } } do
    local option, owner = pair[1], pair[2]
    if activations[option] then
      if observer and observer ~= owner then
        error(string.format("quantize: activations.%s needs activations.observer = \"%s\"", option, owner), 0)
      end
      observer = owner
    end
  end
  return observer
end

-- Refuses options that mean nothing here: no option is taken and not heeded.
local function refuse(o, names, why)
  for name in names:gmatch("[%w_]+") do
    if o[name] and o[name] ~= (name == "method" and "round") then
      error(string.format("quantize: option '%s' has no meaning here: %s; leave it out", name, why), 0)
    end
  end
end

-- Three ways ----------------------------------------------------------------------------------------------------

-- What post.apply makes of a graph before its weights become integers, and the float graph that this stands for.
local function prepared(graph, o, layers)
  return post.apply(graph, {
    method = o.method, method_options = o.method_options, equalize = o.equalize, bias_correction = o.bias_correction,
    calibration = o.calibration, batch_size = o.batch_size, weights = scheme(o.weights), layers = layers,
    observer = o.weights.observer,
  })
end

-- What a budget chooses from: weights as the recipe has them, in 8, 4, 3 and 2 bits.
local function schemes_of(weights, mode)
  if mode == "static" and (weights.bits or weights.levels) then -- embeddings of other modes have no choice
    error("quantize: option 'budget' chooses the bits; leave weights.bits and weights.levels out", 0)
  end
  local schemes = {}
  for i, bits in ipairs{ 8, 4, 3, 2 } do
    schemes[i] = scheme(weights)
    schemes[i].bits, schemes[i].levels = bits, nil
  end
  return schemes
end

-- The rules, and what the budget gives to layers that they leave open.
local function allotted(graph, o, layers)
  if not o.budget then return layers end
  if not o.calibration then
    error("quantize: option 'budget' needs option 'calibration': samples to see what few bits do to each layer", 0)
  end
  local budget = { activations = o.activations, layers = layers, unsupported = o.unsupported }
  for name, value in pairs(o.budget) do budget[name] = value end
  budget.schemes = budget.schemes or schemes_of(o.weights, o.activations.mode or "static")
  local result = {}
  for name, choice in pairs((qs.quantization.mixed(graph, o.calibration, budget))) do result[name] = choice end
  for name, choice in pairs(layers) do result[name] = choice end
  return result
end

-- The inputs of option 'example' as a list of one batch, nil where there are none.
local function example_of(o)
  if not o.example then return nil end
  return { qs.type(o.example) == "table" and o.example or { o.example } }
end

local kept = { dynamic = "each row gets 8 bits by its own range", none = "activations stay f32" }

-- Each way answers the graph it makes; then the one it was given, that in float which the result stands for, the data to
-- look at, nil where there is none, and where the ranges of activations come from.

-- Linear layers and embeddings of few bits; all else in f32.
local function low_bit(model, o, layers, mode)
  for key in pairs(o.activations) do
    if key ~= "mode" then
      error(string.format("quantize: activations.%s has no meaning with activations.mode = \"%s\": %s; leave it out", key,
        mode, kept[mode]), 0)
    end
  end
  refuse(o, "unsupported", "all but linear layers and embeddings stays in f32")
  local data = o.calibration or example_of(o)
  if not data and qs.type(model) ~= "graph" then
    error("quantize: option 'example' is missing: a batch of inputs to run the model on", 0)
  end
  if o.report and not data then
    error("quantize: option 'report' needs option 'calibration' or 'example': inputs to look at", 0)
  end
  local graph = samples.captured(model, example_of(o) or data, "quantize")
  -- What stays in f32 keeps its weights.
  local open = {}
  for _, node in ipairs(graph.nodes) do
    if node.op == "conv2d" then open[node.name] = "float" end
  end
  for name, choice in pairs(layers) do open[name] = choice end
  open = allotted(graph, o, open)
  local rounded, float = prepared(graph, o, open)
  local result = qs.quantization.low_bit(rounded, {
    weights = scheme(o.weights), weight_observer = o.weights.observer, dynamic = mode == "dynamic", layers = open,
  })
  return result, graph, float, data, "rows"
end

local function static(model, o, layers)
  if not o.calibration then
    error("quantize: option 'calibration' is missing: a few hundred samples of the training data", 0)
  end
  local activations, observer = o.activations, observer_of(o.activations)
  local graph = samples.captured(model, example_of(o) or o.calibration, "quantize")
  layers = allotted(graph, o, layers)
  local rounded, float = prepared(graph, o, layers)
  local result = qs.quantization.static(rounded, o.calibration, {
    batch_size = o.batch_size, weights = scheme(o.weights), weight_observer = o.weights.observer, layers = layers,
    unsupported = o.unsupported,
    activations = { bits = activations.bits, power_of_two = activations.power_of_two },
    observer = observer, percentile = activations.percentile, momentum = activations.momentum,
  })
  return result, graph, float, o.calibration, "calibration"
end

-- The integers that a graph of qs.qat was trained for; nil for any other graph.
local function trained(graph, o, layers)
  local result, float = qs.quantization.trained(graph, { calibration = o.calibration, batch_size = o.batch_size })
  if not result then return nil end
  if next(o.weights) or next(o.activations) or next(layers) then
    error("quantize: a graph of qs.qat has the grids it was trained with; leave 'weights', 'activations' and "
      .. "'layers' out", 0)
  end
  refuse(o, "method method_options equalize bias_correction budget unsupported",
    "a graph of qs.qat has the integers it was trained with")
  if o.report and not o.calibration then
    error("quantize: option 'report' needs option 'calibration': samples to look at", 0)
  end
  return result, graph, float, o.calibration, "training"
end

-- qs.quantize without the report.
function quantize.made(model, o)
  local layers, mode = recipe.rules(o, "quantize"), o.activations.mode or "static"
  only(o.weights, weight_keys, "weights", "quantize")
  only(o.activations, activation_keys, "activations", "quantize")
  if qs.type(model) == "graph" then
    local result, graph, float, data, ranges = trained(model, o, layers)
    if result then return result, graph, float, data, ranges end
  end
  if kept[mode] then return low_bit(model, o, layers, mode) end
  if mode ~= "static" then
    error(string.format("quantize: activations.mode must be \"static\", \"dynamic\" or \"none\" (got %q)", mode), 0)
  end
  return static(model, o, layers)
end

local function quantized(model, o)
  local result, graph, float, data, ranges = quantize.made(model, o)
  if data then post.keep_report(graph, float, result, data, ranges, o) end
  return result
end

declare{
  "qs.quantize",
  "Post-training quantization: batch norm folded, ranges calibrated. Returns a graph of integer operations, and of f32 "
    .. "ones where layers are left in float. With activations.mode \"none\" or \"dynamic\" the weights of linear layers "
    .. "and embeddings get few bits and all else stays; that needs no calibration.",
  { "model", "module|graph", "a module or a graph; it is not changed" },
  options = {
    { "calibration", "dataset|table", "a few hundred samples of the training data, or a list of batches, each a list of inputs; a graph from qs.qat needs none" },
    { "batch_size", "integer", "samples run together", default = 64 },
    { "weights", "table", "{bits = 2 to 8, levels = \"integer\", \"ternary\" or \"binary\", granularity = \"channel\", \"tensor\" or \"group\", group = 16 to 128, symmetric = true, power_of_two = false, observer = \"minmax\" or \"mse\"}", default = {} },
    { "activations", "table", "{mode = \"static\", \"dynamic\" or \"none\"; of static ones: bits = 2 to 8, power_of_two = false, observer = \"minmax\", \"moving_average\", \"percentile\", \"entropy\" or \"mse\", percentile = 99.99, momentum = 0.1}", default = {} },
    { "layers", "table", "weights of some layers, or \"float\", by the name of a node or of a module above it, * for any characters", default = {} },
    { "leave", "table", "names of layers to leave in float", default = {} },
    { "budget", "table", "weights of each layer that 'layers' does not name, by the options of qs.quantization.mixed, such as {bytes = 20000}" },
    { "unsupported", "\"refuse\"|\"float\"", "static: what becomes of nodes that have no integer form; they are refused, if left out" },
    { "example", "tensor|table", "inputs to capture the model with, where there is no calibration data" },
    { "method", "string", "how weights are rounded: round, gptq, adaround, awq, hqq or smoothquant", default = "round" },
    { "method_options", "table", "options of qs.quantization.gptq and so on, such as {damping = 0.05}" },
    { "equalize", "boolean", "make the ranges of neighbouring layers' channels alike first", default = false },
    { "bias_correction", "\"analytic\"|\"empirical\"", "take the mean error of rounded weights out of the biases" },
    { "report", "boolean", "print what this did to each layer; qs.quantization.report(q) has it, too", default = false },
  },
  returns = "graph",
  quantized,
}

return quantize
