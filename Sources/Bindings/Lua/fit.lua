-- qs.fit and qs.evaluate: supervised training of one model.
local qs = require "qscript"
local declare = require "declare"
local training = require "qscript.training"

declare{
  "qs.fit",
  "Trains a model on a dataset. Returns the metrics of every epoch, and `best` where there is validation data.",
  { "model", "module|graph", "what to train" },
  { "data", "dataset", "inputs and targets" },
  options = training.options_and{
    { "loss", "function", "(logits, targets) -> scalar tensor", default = qs.losses.cross_entropy },
  },
  returns = "table",
  function(model, data, o)
    local loss = o.loss
    o.caller, o.model, o.data = "fit", model, data
    o.forward = function(x) return model(x) end
    o.criterion = function(logits, y) return loss(logits, y) end
    return training.run(o)
  end,
}

-- Says aloud where inputs are not such as a program was calibrated for.
local function check_inputs(program, x)
  for _, problem in ipairs(program:check_inputs(x)) do io.stderr:write("evaluate: ", problem, "\n") end
end

declare{
  "qs.evaluate",
  "Runs a model or a program over a dataset. Returns accuracy (0 to 1), mean loss, and the number of samples. Says where "
    .. "the first batch is not such as a program was calibrated for.",
  { "model", "module|graph|program", "what to evaluate" },
  { "data", "dataset", "inputs and targets" },
  options = {
    { "batch_size", "integer", "samples run together", default = 256 },
    { "loss", "function", "(logits, targets) -> scalar tensor", default = qs.losses.cross_entropy },
  },
  returns = "table",
  function(model, data, o)
    if model.eval then model:eval() end
    local is_program = qs.type(model) == "program"
    local layout = not is_program and model.input_layout or nil
    local correct, loss, seen = 0, 0, 0
    qs.no_grad(function()
      for x, y in data:batches{ size = o.batch_size, layout = layout } do
        if is_program and seen == 0 then check_inputs(model, x) end
        local logits = model(x)
        correct = correct + qs.losses.correct(logits, y)
        loss = loss + o.loss(logits, y):item() * #x
        seen = seen + #x
      end
    end)
    return { accuracy = correct / seen, loss = loss / seen, samples = seen }
  end,
}
