-- qs.prune: the one-call form over the pieces in qs.pruning.
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
