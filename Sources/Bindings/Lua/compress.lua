-- qs.prune and qs.quantize: the one-call forms over the pieces in qs.pruning and qs.quantization.
local qs = require "qscript"
local declare = require "declare"

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
local function only(given, known, where)
  for key in pairs(given) do
    if known[key] == nil then
      local names = {}
      for name in pairs(known) do names[#names + 1] = name end
      table.sort(names)
      error(string.format("quantize: %s has no '%s' (there are %s)", where, key, table.concat(names, ", ")), 0)
    end
  end
end

local function eight(bits, where)
  if bits ~= nil and bits ~= 8 then
    error(string.format("quantize: %s.bits must be 8 (got %s)", where, tostring(bits)), 0)
  end
end

declare{
  "qs.quantize",
  "Post-training static int8: batch norm folded, ranges calibrated. Returns a graph of integer operations.",
  { "model", "module|graph", "a module or a graph; it is not changed" },
  options = {
    { "calibration", "dataset", "a few hundred samples of the training data; a graph from qs.qat needs none" },
    { "batch_size", "integer", "samples run together", default = 64 },
    { "weights", "table", "{bits = 8, granularity = \"channel\" or \"tensor\"}", default = {} },
    { "activations", "table", "{bits = 8, observer = \"minmax\" or \"percentile\", percentile = 99.99}", default = {} },
  },
  returns = "graph",
  function(model, o)
    local weights, activations = o.weights, o.activations
    only(weights, { bits = true, granularity = true }, "weights")
    only(activations, { bits = true, observer = true, percentile = true }, "activations")
    eight(weights.bits, "weights")
    eight(activations.bits, "activations")
    local observer = activations.observer or (activations.percentile and "percentile")
    if activations.percentile and observer ~= "percentile" then
      error("quantize: activations.percentile needs activations.observer = \"percentile\"", 0)
    end
    local trained = qs.type(model) == "graph"
      and qs.quantization.trained(model, { granularity = weights.granularity })
    if trained then return trained end
    if not o.calibration then
      error("quantize: option 'calibration' is missing: a few hundred samples of the training data", 0)
    end
    local graph = qs.capture(model, (o.calibration:example()))
    return qs.quantization.static(graph, o.calibration, {
      batch_size = o.batch_size, granularity = weights.granularity, observer = observer,
      percentile = activations.percentile,
    })
  end,
}

declare{
  "qs.qat",
  "Quantization-aware training: a graph to train in place of a model, with weights and activations rounded as int8 "
    .. "kernels will see them. qs.quantize then keeps the ranges found in training.",
  { "model", "module|graph", "what to train further; its parameters are shared" },
  { "example", "tensor", "a batch of inputs" },
  options = {
    { "granularity", "\"channel\"|\"tensor\"", "of the weights' scales", default = "channel" },
    { "momentum", "number", "share by which a batch moves the range of an activation", default = 0.1 },
  },
  returns = "graph",
  function(model, example, o)
    return qs.quantization.aware(qs.capture(model, example), { granularity = o.granularity, momentum = o.momentum })
  end,
}
