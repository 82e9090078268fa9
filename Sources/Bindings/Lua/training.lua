-- The training loop that fit, distill and prune's fine-tuning share: batches, schedule, progress, early
-- stopping, the best weights, and a diagnosis where the loss stops being a number.
local qs = require "qscript"

local training = {}

local optimizers = { sgd = qs.optim.sgd, adam = qs.optim.adam, adamw = qs.optim.adamw }

local function make_optimizer(model, o)
  if type(o.optimizer) == "function" then
    local optimizer = o.optimizer(model)
    o.lr = optimizer.lr -- its own, which the schedule scales
    return optimizer
  end
  local options = { lr = o.lr, weight_decay = o.weight_decay }
  if o.optimizer == "sgd" then options.momentum = o.momentum end
  return optimizers[o.optimizer](model, options)
end

-- The factor on the learning rate at `step` of `total`, steps counted from 1.
local schedules = {
  constant = function() return 1 end,
  cosine = function(step, total) return 0.5 * (1 + math.cos(math.pi * (step - 1) / total)) end,
  step = function(step, total) return 0.1 ^ math.floor(3 * (step - 1) / total) end,
}

local function learning_rate(o, step, total)
  if step <= o.warmup then return o.lr * step / o.warmup end
  if type(o.schedule) == "function" then return o.schedule(step, total) end
  return o.lr * schedules[o.schedule](step - o.warmup, math.max(total - o.warmup, 1))
end

local function is_finite(x) return x == x and x ~= math.huge and x ~= -math.huge end

local function stop_at(value, o, epoch, batch, batches, last, x)
  local where = o.model:first_nonfinite(x)
  error(string.format(
    "%s: the loss is %s at epoch %d, batch %d of %d (%s); the last finite loss was %s; "
      .. "lower lr (now %g), clip gradients with clip_norm, or check the data",
    o.caller, tostring(value), epoch, batch, batches, where or "every layer is finite, so it is the loss itself",
    last and string.format("%.4g", last) or "none", o.lr), 0)
end

-- Keeps a copy of the weights that did best on the validation set.
local function best_keeper(model)
  local best = { accuracy = -1 }
  function best.offer(accuracy, epoch)
    if accuracy <= best.accuracy then return false end
    best.accuracy, best.epoch, best.state = accuracy, epoch, model:state()
    return true
  end
  function best.restore()
    if best.state then model:load_state(best.state) end
  end
  return best
end

local function run_epoch(o, optimizer, epoch, state)
  local batches = math.ceil(#o.data / o.batch_size)
  local bar <close> = qs.progress{ total = batches, label = string.format("%s %d/%d", o.caller, epoch, o.epochs) }
  local sum, correct, seen, batch = 0, 0, 0, 0
  o.model:train()
  for x, y, index in o.data:batches{ size = o.batch_size, shuffle = true } do
    batch, state.step = batch + 1, state.step + 1
    optimizer.lr = learning_rate(o, state.step, o.epochs * batches)
    optimizer:zero_grad()
    if o.augment then x = o.augment(x) end
    local loss, logits = o.loss(x, y, index)
    local value = loss:item()
    if not is_finite(value) then stop_at(value, o, epoch, batch, batches, state.last, x) end
    loss:backward()
    if o.clip_norm then optimizer:clip_grad_norm(o.clip_norm) end
    optimizer:step()
    state.last = value
    sum, seen = sum + value * #x, seen + #x
    correct = correct + qs.losses.correct(logits, y)
    bar:update(batch, string.format("loss %.4f", sum / seen))
  end
  return { epoch = epoch, loss = sum / seen, accuracy = correct / seen, lr = optimizer.lr }
end

local function check(o)
  for _, name in ipairs{ "epochs", "batch_size", "lr" } do
    if not (o[name] > 0 and o[name] < math.huge) then
      error(string.format("%s: option '%s' must be positive (got %s)", o.caller, name, o[name]), 0)
    end
  end
  if #o.data == 0 then error(o.caller .. ": the dataset is empty", 0) end
end

-- Trains o.model on o.data with o.loss(x, y, index) -> loss, logits. Returns the list of epochs' metrics, with
-- `best` where a validation set was given.
function training.run(o)
  check(o)
  local optimizer = make_optimizer(o.model, o)
  local best = o.validation and best_keeper(o.model)
  local history, state, waited = {}, { step = 0 }, 0
  for epoch = 1, o.epochs do
    local started = qs.clock()
    local metrics = run_epoch(o, optimizer, epoch, state)
    metrics.seconds = qs.clock() - started
    if o.validation then
      local result = qs.evaluate(o.model, o.validation)
      metrics.validation_loss, metrics.validation_accuracy = result.loss, result.accuracy
      waited = best.offer(result.accuracy, epoch) and 0 or waited + 1
    end
    history[epoch] = metrics
    if o.on_epoch then o.on_epoch(metrics) end
    training.log(o, metrics)
    if o.patience and waited >= o.patience then break end
  end
  if best and o.keep_best then
    best.restore()
    history.best = { epoch = best.epoch, accuracy = best.accuracy }
  end
  o.model:eval()
  return history
end

function training.log(o, m)
  local run = qs.current_run()
  if run then run:log(m, { step = m.epoch }) end
  if not o.verbose then return end
  local validation = m.validation_accuracy
    and string.format("  validation %.2f %%", 100 * m.validation_accuracy) or ""
  qs.progress_line(string.format(
    "%s %d/%d  loss %.4f  accuracy %.2f %%%s  %.1f s", o.caller, m.epoch, o.epochs, m.loss, 100 * m.accuracy,
    validation, m.seconds))
end

-- The options every training call takes, for declare.
training.options = {
  { "epochs", "integer", "passes over the data", default = 10 },
  { "batch_size", "integer", "samples in a step", default = 64 },
  { "lr", "number", "learning rate", default = 1e-3 },
  { "optimizer", "\"sgd\"|\"adam\"|\"adamw\"|function", "or model -> optimizer, which brings its own lr", default = "adam" },
  { "momentum", "number", "of sgd", default = 0.9 },
  { "weight_decay", "number", "L2 penalty (sgd, adam) or decoupled decay (adamw)", default = 0 },
  { "schedule", "\"constant\"|\"cosine\"|\"step\"|function", "or (step, total) -> lr", default = "cosine" },
  { "warmup", "integer", "steps in which lr rises to its full value", default = 0 },
  { "clip_norm", "number", "largest norm of the gradient" },
  { "augment", "function", "inputs -> inputs, on every training batch" },
  { "validation", "dataset", "evaluated after every epoch" },
  { "patience", "integer", "stop after so many epochs without a better validation accuracy" },
  { "keep_best", "boolean", "end with the weights that did best in validation", default = true },
  { "on_epoch", "function", "called with the metrics of every epoch" },
  { "verbose", "boolean", "print a line for every epoch", default = true },
}

function training.options_and(more)
  local all = table.move(more, 1, #more, 1, {})
  return table.move(training.options, 1, #training.options, #all + 1, all)
end

return training
