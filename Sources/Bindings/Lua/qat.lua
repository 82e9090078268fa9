-- qs.qat: quantization-aware training, the one-call form over qs.quantization.aware.
local qs = require "qscript"
local declare = require "declare"
local recipe = require "qscript.recipe"

-- What a method makes of weights where the recipe does not say.
local levels_of = { ternary = "ternary", binary = "binary" }
local bits_of = { pact = 4, dorefa = 4 }

-- The table of weights, or of one layer's, with what the method means where it does not say; a key that the method does
-- not heed is refused.
local function weights_of(given, method, where)
  recipe.only(given, recipe.scheme_keys, where, "qat")
  local weights = {}
  for key, value in pairs(given) do weights[key] = value end
  local own = weights.bits == nil and weights.levels == nil
  if own then weights.levels, weights.bits = levels_of[method], bits_of[method] end
  if bits_of[method] and weights.granularity and weights.granularity ~= "tensor" and (weights.bits or 8) < 8 then
    error(string.format("qat: %s.granularity has no meaning with method \"%s\", whose weights of fewer than 8 bits have one "
      .. "scale; leave it out", where, method), 0)
  end
  return weights
end

-- The same for every layer that has a table of its own.
local function layers_of(o)
  local layers = recipe.rules(o, "qat")
  for name, choice in pairs(layers) do
    if type(choice) == "table" then layers[name] = weights_of(choice, o.method, "layers[\"" .. name .. "\"]") end
  end
  return layers
end

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
    { "weights", "table", "as for qs.quantize; 8 bits, 4 for pact and dorefa, if left out; ternary and binary have no bits",
      default = {} },
    { "activations", "table", "{bits = 2 to 8, power_of_two = false}", default = {} },
    { "edge_bits", "integer", "bits of the first and last layer's weights, of the inputs and of what the last layer reads",
      default = 8 },
    { "layers", "table", "weights of some layers, or \"float\", by name, as for qs.quantize; first and last ones included", default = {} },
    { "leave", "table", "names of layers to leave in float", default = {} },
    { "unsupported", "\"refuse\"|\"float\"", "what becomes of nodes that have no integer form", default = "refuse" },
    { "momentum", "number", "share by which a batch moves an observed range", default = 0.1 },
    { "penalty", "number", "of pact: times the square of each bound, added to the loss; 1e-4, if left out" },
  },
  returns = "graph",
  function(model, example, o)
    recipe.only(o.activations, { bits = true, power_of_two = true }, "activations", "qat")
    if o.penalty and o.method ~= "pact" then
      error(string.format("qat: option 'penalty' is of method \"pact\"; leave it out with \"%s\"", o.method), 0)
    end
    return qs.quantization.aware(qs.capture(model, example), {
      method = o.method, weights = weights_of(o.weights, o.method, "weights"), activations = o.activations,
      edge_bits = o.edge_bits, layers = layers_of(o), unsupported = o.unsupported, momentum = o.momentum,
      penalty = o.penalty,
    })
  end,
}
