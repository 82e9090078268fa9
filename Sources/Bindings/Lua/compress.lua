-- qs.prune and qs.quantize: the one-call forms over the pieces in qs.pruning and qs.quantization.
local qs = require "qscript"
local declare = require "declare"
local post = require "qscript.post_training"

declare{
  "qs.prune",
  "Sets the smallest weights to zero and keeps them there; then fine-tunes what is left, if asked to.",
  { "model", "module|graph", "what to prune, in place" },
  options = {
    { "method", "\"magnitude\"", "how importance is scored", default = "magnitude" },
    { "sparsity", "number", "share of zeros to reach, 0 to 1", required = true },
    { "scope", "\"layer\"|\"global\"", "\"layer\": the same share in every layer; \"global\": one threshold", default = "layer" },
    { "skip", "table", "paths of layers to leave alone" },
    { "data", "dataset", "to fine-tune on" },
    { "finetune", "table", "options of qs.fit; pruned weights stay zero" },
  },
  returns = "table",
  function(model, o)
    if o.finetune and not o.data then error("prune: option 'finetune' needs option 'data'", 0) end
    local outcome = qs.pruning.magnitude(model, { sparsity = o.sparsity, scope = o.scope, skip = o.skip })
    if o.finetune then outcome.history = qs.fit(model, o.data, o.finetune) end
    return outcome
  end,
}

-- Refuses a key that is not in `known`.
local function only(given, known, where, caller)
  for key in pairs(given) do
    if known[key] == nil then
      local names = {}
      for name in pairs(known) do names[#names + 1] = name end
      table.sort(names)
      error(string.format("%s: %s has no '%s' (there are %s)", caller or "quantize", where, key,
        table.concat(names, ", ")), 0)
    end
  end
end

local scheme_keys = { bits = true, levels = true, granularity = true, group = true, symmetric = true, power_of_two = true }
local weight_keys = { observer = true }
for key in pairs(scheme_keys) do weight_keys[key] = true end
local activation_keys = { mode = true, bits = true, power_of_two = true, observer = true, percentile = true, momentum = true }

-- The table without how its scales are chosen.
local function scheme(weights)
  local result = {}
  for key, value in pairs(weights) do
    if key ~= "observer" then result[key] = value end
  end
  return result
end

-- The options of qs.quantize as the pieces take them.
local function checked(o)
  local activations, layers = o.activations, {}
  only(o.weights, weight_keys, "weights")
  only(activations, activation_keys, "activations")
  for name, choice in pairs(o.layers) do
    if type(choice) == "table" then
      only(choice, scheme_keys, "layers[\"" .. name .. "\"]")
    elseif choice ~= "float" then
      error(string.format("quantize: layers[\"%s\"] must be a table like weights, or \"float\"", name), 0)
    end
    layers[name] = choice
  end
  for _, name in ipairs(o.leave) do layers[name] = "float" end
  if activations.percentile and activations.observer ~= "percentile" and activations.observer ~= nil then
    error("quantize: activations.percentile needs activations.observer = \"percentile\"", 0)
  end
  return layers, activations.mode or "static"
end

-- A graph of the model, which an example shows how to run.
local function captured(model, o)
  if qs.type(model) == "graph" then return model end
  local example = o.example
  if not example and o.calibration then
    example = qs.type(o.calibration) == "table" and o.calibration[1] or (o.calibration:example())
  end
  if not example then error("quantize: option 'example' is missing: a batch of inputs to run the model on", 0) end
  if qs.type(example) ~= "table" then example = { example } end
  return qs.capture(model, table.unpack(example))
end

-- What post.apply makes of a graph before its weights become integers, and the float graph that this stands for.
local function prepared(graph, o, layers)
  return post.apply(graph, {
    method = o.method, method_options = o.method_options, equalize = o.equalize, bias_correction = o.bias_correction,
    calibration = o.calibration, batch_size = o.batch_size, weights = scheme(o.weights), layers = layers,
    observer = o.weights.observer,
  })
end

local function quantized(model, o)
  local layers, mode = checked(o)
  if mode == "none" or mode == "dynamic" then
    return qs.quantization.low_bit((prepared(captured(model, o), o, layers)), {
      weights = scheme(o.weights), dynamic = mode == "dynamic", layers = layers,
    })
  elseif mode ~= "static" then
    error(string.format("quantize: activations.mode must be \"static\", \"dynamic\" or \"none\" (got %q)", mode), 0)
  end
  local trained = qs.type(model) == "graph"
    and qs.quantization.trained(model, { calibration = o.calibration, batch_size = o.batch_size })
  if trained then
    if next(o.weights) or next(o.activations) or next(layers) then
      error("quantize: a graph of qs.qat has the grids it was trained with; leave 'weights', 'activations' and "
        .. "'layers' out", 0)
    end
    return trained
  end
  if not o.calibration then
    error("quantize: option 'calibration' is missing: a few hundred samples of the training data", 0)
  end
  local activations, graph = o.activations, captured(model, o)
  if o.budget then
    for name, choice in pairs((qs.quantization.mixed(graph, o.calibration, o.budget))) do
      layers[name] = layers[name] or choice
    end
  end
  local rounded, float = prepared(graph, o, layers)
  local result = qs.quantization.static(rounded, o.calibration, {
    batch_size = o.batch_size, weights = scheme(o.weights), layers = layers, unsupported = o.unsupported,
    activations = { bits = activations.bits, power_of_two = activations.power_of_two },
    observer = activations.observer or (activations.percentile and "percentile"),
    percentile = activations.percentile, momentum = activations.momentum,
  })
  post.keep_report(graph, float, result, o)
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
    { "activations", "table", "{mode = \"static\", \"dynamic\" or \"none\", bits = 2 to 8, power_of_two = false, observer = \"minmax\", \"moving_average\", \"percentile\", \"entropy\" or \"mse\", percentile = 99.99, momentum = 0.1}", default = {} },
    { "layers", "table", "weights of some layers, or \"float\", by the name of a node or of a module above it, * for any characters", default = {} },
    { "leave", "table", "names of layers to leave in float", default = {} },
    { "budget", "table", "weights of each layer by the options of qs.quantization.mixed, such as {bytes = 20000}" },
    { "unsupported", "\"refuse\"|\"float\"", "nodes that have no integer form", default = "refuse" },
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

declare{
  "qs.qat",
  "Quantization-aware training: a graph to train in place of a model, with weights and activations rounded as integer "
    .. "kernels will see them. qs.quantize then keeps the grids found in training.",
  { "model", "module|graph", "what to train further; its parameters are shared" },
  { "example", "tensor", "a batch of inputs" },
  options = {
    { "method", "\"minmax\"|\"lsq\"|\"pact\"|\"dorefa\"|\"ternary\"|\"binary\"",
      "where grids come from: extremes; learned steps; learned clips with tanh weights; tanh weights with activations "
        .. "clipped at 1; weights of three or two values", default = "minmax" },
    { "weights", "table", "as for qs.quantize; 4 bits for pact and dorefa, else 8, if left out" },
    { "activations", "table", "{bits = 2 to 8, power_of_two = false}", default = {} },
    { "edge_bits", "integer", "bits of the first and last layer's weights, of the inputs and of what the last layer reads",
      default = 8 },
    { "layers", "table", "weights of some layers, by name, as for qs.quantize; first and last ones included", default = {} },
    { "momentum", "number", "share by which a batch moves an observed range", default = 0.1 },
    { "penalty", "number", "of pact: times the square of each bound, added to the loss", default = 1e-4 },
  },
  returns = "graph",
  function(model, example, o)
    if o.weights then only(o.weights, weight_keys, "weights", "qat") end
    only(o.activations, { bits = true, power_of_two = true }, "activations", "qat")
    for name, scheme in pairs(o.layers) do only(scheme, weight_keys, "layers[\"" .. name .. "\"]", "qat") end
    return qs.quantization.aware(qs.capture(model, example), {
      method = o.method, weights = o.weights, activations = o.activations, edge_bits = o.edge_bits, layers = o.layers,
      momentum = o.momentum, penalty = o.penalty,
    })
  end,
}
