-- qs.diagnose: what flows through a model in one step, layer by layer.
local qs = require "qscript"
local declare = require "declare"
local tables = require "qscript.tables"

local diagnosis = {}

local function number(name)
  return { name:gsub("_", " "), function(row) return row[name] and string.format("%.3g", row[name]) or "" end }
end

local columns = {
  { "layer", function(row) return row.layer .. " (" .. row.kind .. ")" end },
  number"mean", number"std", number"min", number"max",
  { "zeros", function(row) return row.zeros and string.format("%.1f %%", 100 * row.zeros) or "" end },
  { "dead", function(row) return row.units and row.units > 0 and row.dead .. "/" .. row.units or "" end },
  number"gradient_norm", number"weight_norm", number"update_ratio",
}

local listing = { __tostring = function(rows) return tables.format(columns, rows) end }

-- What of a layer is worth a curve over the epochs.
local logged = { "std", "zeros", "dead", "gradient_norm", "update_ratio" }

-- Logs the layers of one step to the run that is open.
function diagnosis.record(layers, epoch)
  local run = qs.current_run()
  if not run then return end
  local metrics = {}
  for _, row in ipairs(layers) do
    for _, name in ipairs(logged) do metrics[row.layer .. "." .. name] = row[name] end
  end
  if next(metrics) then run:log(metrics, { step = epoch }) end
end

declare{
  "qs.diagnose",
  "Runs a model forwards and backwards once, changing nothing, and tells of every layer: mean, std, min, max and share of "
    .. "zeros of what it makes; dead units (0 for every example); norm, mean and std of its weights' gradient; norm of "
    .. "its weights. `print` shows a table. With `lr`, also the update ratio of a plain gradient step.",
  { "model", "module|graph", "in the mode it is in" },
  { "x", "tensor", "a batch of inputs" },
  { "y", "tensor", "its targets" },
  options = {
    { "loss", "function", "(logits, targets) -> scalar tensor", default = qs.losses.cross_entropy },
    { "lr", "number", "to scale the gradient by" },
  },
  returns = "table[]",
  function(model, x, y, o)
    local before, random = model:state(), qs.random_state()
    local restored <close> = setmetatable({}, { __close = function()
      model:zero_grad()
      model:load_state(before) -- running statistics have moved
      qs.load_random_state(random)
    end })
    local watch <close> = model:watch()
    model:zero_grad()
    o.loss(model(x), y):backward()
    watch:gradients_are_there()
    local rows = watch:layers(false)
    for _, row in ipairs(rows) do
      if o.lr and row.gradient_norm then row.update_ratio = o.lr * row.gradient_norm / row.weight_norm end
    end
    return setmetatable(rows, listing)
  end,
}

return diagnosis
