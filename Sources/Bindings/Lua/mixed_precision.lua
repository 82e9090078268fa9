-- Bits for each layer: how much rounding one harms, and what to spend where.
local qs = require "qscript"
local declare = require "declare"
local post = require "qscript.post_training"
local quantize = require "qscript.quantize"
local recipe = require "qscript.recipe"
local samples = require "qscript.samples"

local mixed = {}

-- What the schemes of `o` do to each layer: {layer = , choices = {{scheme = , bytes = , loss = , sqnr = }, ...}}, in the
-- order of the model. The last choice is to leave the layer in float.
function mixed.choices(graph, data, o)
  local rows, layers = qs.quantization.sensitivity(graph, data, {
    schemes = o.schemes, samples = o.samples, layers = o.layers, hessian = o.measure == "hessian" and 8 or 0,
  })
  local by_name, items = {}, {}
  for i, layer in ipairs(layers) do
    items[i] = { layer = layer.layer, choices = {}, float_bytes = layer.bytes }
    by_name[layer.layer] = items[i]
  end
  for _, row in ipairs(rows) do
    local choices = by_name[row.layer].choices
    choices[#choices + 1] = {
      scheme = o.schemes[row.scheme], bytes = row.bytes, sqnr = row.sqnr, divergence = row.divergence,
      loss = o.measure == "kl" and row.divergence or o.measure == "hessian" and math.max(row.bend, 0)
        or 10 ^ (-row.sqnr / 10),
    }
  end
  if o.float then
    for _, item in ipairs(items) do
      item.choices[#item.choices + 1] = { scheme = "float", bytes = item.float_bytes, sqnr = math.huge, loss = 0 }
    end
  end
  return items
end

-- Microseconds of every choice, measured in programs that make it everywhere.
local function measure_time(graph, data, items, o)
  local few, inputs = samples.take(data, 32), samples.one(data)
  local function times(layers)
    local program = qs.compile((quantize.made(graph, {
      calibration = few, batch_size = 64, method = "round", weights = {}, activations = o.activations, layers = layers,
      unsupported = o.unsupported,
    })))
    local spent = {}
    for _, row in ipairs(program:profile(inputs, o.seconds)) do spent[row.layer] = row end
    return spent
  end
  for s, scheme in ipairs(o.schemes) do
    local layers = {}
    for name, choice in pairs(o.layers or {}) do layers[name] = choice end
    for _, item in ipairs(items) do layers[item.layer] = scheme end
    local spent = times(layers)
    for _, item in ipairs(items) do
      local row = spent[item.layer]
      item.choices[s].microseconds = row and row.microseconds or 0
      local float = item.choices[#o.schemes + 1]
      if float then float.microseconds = row and row.fp32_microseconds or 0 end
    end
  end
end

-- Options of qs.quantize for what was chosen.
local function layers_of(items, picks)
  local layers = {}
  for i, item in ipairs(items) do layers[item.layer] = item.choices[picks[i]].scheme end
  return layers
end

declare{
  "qs.quantization.mixed",
  "Bits for each convolution and linear layer: the choice among schemes that harms least within a budget, by an exact "
    .. "solver. Returns the option 'layers' of qs.quantize, and a list of {layer, scheme, bytes, loss, sqnr}.",
  { "model", "module|graph", "in f32; it is not changed" },
  { "data", "dataset|table", "samples like those to come, or a list of batches, each a list of inputs" },
  options = {
    { "bytes", "number", "budget for the weights" },
    { "microseconds", "number", "budget for a sample, measured here layer by layer" },
    { "loss", "number", "in place of a budget: the most harm, for the fewest bytes; the sum of the layers' shares of noise" },
    { "schemes", "table", "to choose from, each as the weights of qs.quantize; 8, 4, 3 and 2 bits, if left out" },
    { "float", "boolean", "whether layers may stay in float", default = false },
    { "measure", "\"sqnr\"|\"kl\"|\"hessian\"",
      "harm: the noise in the output, the divergence of its softmax, or what the trace of its Hessian foretells of that",
      default = "sqnr" },
    { "samples", "integer", "of the data to look at", default = 256 },
    { "layers", "table", "of qs.quantize: layers it names are decided already, and cost nothing here", default = {} },
    { "activations", "table", "of qs.quantize, for measuring time", default = {} },
    { "unsupported", "\"refuse\"|\"float\"", "of qs.quantize, for measuring time" },
    { "seconds", "number", "for measuring the time of each scheme", default = 0.2 },
  },
  returns = "table, table",
  function(model, data, o)
    local budgets = (o.bytes and 1 or 0) + (o.microseconds and 1 or 0) + (o.loss and 1 or 0)
    if budgets ~= 1 then error("mixed: give one of the budgets bytes, microseconds and loss", 0) end
    local graph = samples.captured(model, data, "mixed")
    o.schemes = o.schemes or { { bits = 8 }, { bits = 4 }, { bits = 3 }, { bits = 2 } }
    local items = mixed.choices(graph, data, o)
    if o.microseconds then measure_time(graph, data, items, o) end
    local costs = {}
    for i, item in ipairs(items) do
      costs[i] = {}
      for c, choice in ipairs(item.choices) do
        local cost = o.microseconds and choice.microseconds or choice.bytes
        costs[i][c] = o.loss and { cost = choice.loss, loss = cost } or { cost = cost, loss = choice.loss }
      end
    end
    local picks = qs.quantization.allot(costs, o.bytes or o.microseconds or o.loss)
    local rows = {}
    for i, item in ipairs(items) do
      local choice = item.choices[picks[i]]
      rows[i] = {
        layer = item.layer, scheme = choice.scheme, bytes = choice.bytes, loss = choice.loss, sqnr = choice.sqnr,
        microseconds = choice.microseconds,
      }
    end
    return layers_of(items, picks), rows
  end,
}

declare{
  "qs.quantization.guided",
  "Quantizes, and gives layers back to float one at a time, the most harmed first, until what 'evaluate' says is within "
    .. "'tolerance' of the model's own. Returns the graph, and the names of the layers in float.",
  { "model", "module|graph", "in f32; it is not changed" },
  { "data", "dataset|table", "for calibration, or a list of batches, each a list of inputs" },
  { "evaluate", "function", "what a model or program is worth, such as its accuracy: function(model) -> number, more is better" },
  options = {
    { "tolerance", "number", "how much worse it may be", required = true },
    { "weights", "table", "of qs.quantize", default = {} },
    { "activations", "table", "of qs.quantize", default = {} },
    { "layers", "table", "of qs.quantize", default = {} },
    { "samples", "integer", "of the data to order the layers by", default = 256 },
  },
  returns = "graph, table",
  function(model, data, evaluate, o)
    local graph = samples.captured(model, data, "guided")
    local wanted = evaluate(graph) - o.tolerance
    local order = mixed.choices(graph, data, { schemes = { recipe.scheme(o.weights) }, samples = o.samples })
    table.sort(order, function(a, b)
      local x, y = a.choices[1].sqnr, b.choices[1].sqnr
      if x ~= y then return x < y end
      return a.layer < b.layer
    end)
    local layers, left = {}, {}
    for name, choice in pairs(o.layers) do layers[name] = choice end
    local recipe = {
      calibration = data, batch_size = 64, method = "round", weights = o.weights, activations = o.activations,
      layers = layers,
    }
    while true do
      local quantized, from, float, seen, ranges = quantize.made(graph, recipe)
      if evaluate(quantized) >= wanted then
        post.keep_report(from, float, quantized, seen, ranges, recipe)
        return quantized, left
      end
      local item = order[#left + 1]
      if not item or #left + 1 >= #order then
        error(string.format("guided: with %d of %d layers in float it is still worse than %g; allow a greater tolerance",
          #left, #order, wanted), 0)
      end
      left[#left + 1] = item.layer
      layers[item.layer] = "float"
    end
  end,
}

return mixed
