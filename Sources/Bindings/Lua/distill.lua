-- qs.distill: a student learns from a teacher's answers.
local qs = require "qscript"
local declare = require "declare"
local training = require "qscript.training"

-- The teacher's logits for every sample, computed once: they do not change while the student learns.
local function answers(teacher, data, batch_size)
  local parts = {}
  qs.no_grad(function()
    local bar <close> = qs.progress{ total = math.ceil(#data / batch_size), label = "teacher" }
    for x in data:batches{ size = batch_size, layout = teacher.input_layout } do
      parts[#parts + 1] = teacher(x)
      bar:update(#parts)
    end
  end)
  return qs.cat(parts, 1)
end

declare{
  "qs.distill",
  "Trains a student on a teacher's softened answers and the true targets (Hinton et al., 2015).",
  options = training.options_and{
    { "teacher", "module|graph", "the model to learn from; it is not changed", required = true },
    { "student", "module|graph", "the model to train", required = true },
    { "data", "dataset", "inputs and targets", required = true },
    { "temperature", "number", "softens both models' answers", default = 4 },
    { "alpha", "number", "weight of the teacher's answers, 0 to 1; the targets get the rest", default = 0.7 },
  },
  returns = "table",
  function(o)
    if o.alpha < 0 or o.alpha > 1 then
      error(string.format("distill: option 'alpha' must be between 0 and 1 (got %g)", o.alpha), 0)
    end
    local teacher, student = o.teacher, o.student
    teacher:eval() -- in training it would change, and with augmentation answers in every step
    local logits = not o.augment and answers(teacher, o.data, 256)
    o.caller, o.model = "distill", student
    -- The second result is the teacher's answer.
    o.forward = function(x, index)
      local answer = logits and logits:index_select(1, index) or qs.no_grad(function() return teacher(x) end)
      return student(x), answer
    end
    o.criterion = function(output, y, answer)
      return qs.losses.distillation(output, answer, y, o.temperature, o.alpha)
    end
    return training.run(o)
  end,
}
