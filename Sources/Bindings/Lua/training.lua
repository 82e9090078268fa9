-- The training loop that fit, distill and prune's fine-tuning share: batches, schedule, progress, early
-- stopping, the best weights, and a diagnosis where the loss stops being a number.
local qs = require "qscript"
local checkpoint = require "qscript.checkpoint"
local diagnosis = require "qscript.diagnosis"

local training = {}

local optimizers = { sgd = qs.optim.sgd, adam = qs.optim.adam, adamw = qs.optim.adamw }

local function make_optimizer(model, o)
  if type(o.optimizer) == "function" then
    local optimizer = o.optimizer(model)
    o.lr = optimizer.lr -- its own, which the schedule scales
    return optimizer
  end
  local options = { lr = o.lr, weight_decay = o.weight_decay }
  if o.optimizer == "sgd" then
    o.momentum = o.momentum or 0.9
    options.momentum = o.momentum
  end
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

-- Keeps a copy of the weights that did best on the validation set in `state.best`.
local function offer(state, model, accuracy, epoch)
  if accuracy <= state.best.accuracy then return false end
  state.best = { accuracy = accuracy, epoch = epoch, state = model:state() }
  return true
end

-- The loss of a batch and its logits. Of a mixed batch (mixup), that of both targets by their weights.
local function forward(o, x, y, index, other, weight)
  local logits, context = o.forward(x, index)
  local loss = o.criterion(logits, y, context)
  if not other then return loss, qs.losses.correct(logits, y) end
  return weight * loss + (1 - weight) * o.criterion(logits, other, context),
    weight * qs.losses.correct(logits, y) + (1 - weight) * qs.losses.correct(logits, other)
end

local function step(o, optimizer, watch, x, y, index, other, weight)
  optimizer:zero_grad()
  if type(o.augment) == "function" then x = o.augment(x) end
  local loss, correct = qs.with_precision(o.precision, function() return forward(o, x, y, index, other, weight) end)
  local value = loss:item()
  if not is_finite(value) then return value, correct, x end
  loss:backward()
  if o.clip_norm then optimizer:clip_grad_norm(o.clip_norm) end
  if watch then watch:gradients_are_there() end
  optimizer:step()
  return value, correct
end

-- Trains on what is left of an epoch; sums, places and the seconds spent are in `state`, where a checkpoint finds them.
local function run_epoch(o, optimizer, state, keeper)
  local epoch, started = state.epoch, qs.clock() - state.seconds
  local declarative = type(o.augment) ~= "function" and o.augment or nil
  local pass = o.data:batches{ size = o.batch_size, shuffle = true, augment = declarative, skip = state.batch,
    layout = o.model.input_layout, seed = state.seed, epoch = epoch }
  local batches = #pass
  local bar <close> = qs.progress{ total = batches, label = string.format("%s %d/%d", o.caller, epoch, o.epochs) }
  local layers
  if o.freeze and epoch > o.freeze then o.model:freeze() end
  o.model:train()
  for x, y, index, other, weight in pass do
    state.batch, state.step = state.batch + 1, state.step + 1
    optimizer.lr = learning_rate(o, state.step, o.epochs * batches)
    local watch <close> = o.diagnose and state.batch == batches and o.model:watch()
    local value, correct, culprit = step(o, optimizer, watch, x, y, index, other, weight)
    if culprit then stop_at(value, o, epoch, state.batch, batches, state.last, culprit) end
    if watch then layers = watch:layers(true) end
    state.last = value
    state.sum, state.seen, state.correct = state.sum + value * #x, state.seen + #x, state.correct + correct
    bar:update(state.batch, string.format("loss %.4f", state.sum / state.seen))
    state.seconds = qs.clock() - started
    if keeper and state.batch < batches and keeper.is_due(state.step) then keeper.save(state) end
  end
  return { epoch = epoch, loss = state.sum / state.seen, accuracy = state.correct / state.seen, lr = optimizer.lr,
    seconds = state.seconds }, layers
end

local function begin_epoch(state)
  state.epoch, state.batch = state.epoch + 1, 0
  state.sum, state.seen, state.correct, state.seconds = 0, 0, 0, 0
end

local function is_done(o, state)
  return state.epoch >= o.epochs or (o.patience ~= nil and state.waited >= o.patience)
end

local function check(o)
  for _, name in ipairs{ "epochs", "batch_size", "lr" } do
    if not (o[name] > 0 and o[name] < math.huge) then
      error(string.format("%s: option '%s' must be positive (got %s)", o.caller, name, o[name]), 0)
    end
  end
  if o.momentum and o.optimizer ~= "sgd" then
    error(o.caller .. ": option 'momentum' is for optimizer = \"sgd\"; the others have none to set", 0)
  end
  if o.freeze and qs.type(o.model) ~= "graph" then
    error(o.caller .. ": option 'freeze' needs a graph, of qs.qat or qs.capture; a module's statistics always move", 0)
  end
  if #o.data == 0 then error(o.caller .. ": the dataset is empty", 0) end
end

-- Everything that training changes, beside the model, the optimizer and the streams of random numbers. An epoch is
-- complete where `batch` is nil.
local function first_state(o)
  return {
    epoch = 0, step = 0, waited = 0, history = {}, best = o.validation and { accuracy = -1 } or nil,
    seed = qs.random_integer("training"),
  }
end

local function resumed_state(o, keeper)
  local state = keeper and keeper.resume()
  if not state then return first_state(o) end
  state.history = state.history or {}
  qs.progress_line(string.format("%s: goes on from %s after step %d", o.caller, keeper.path, state.step))
  for _, metrics in ipairs(state.history) do training.record(metrics) end
  return state
end

local function end_epoch(o, state, metrics)
  if o.validation then
    local result = qs.evaluate(o.model, o.validation)
    metrics.validation_loss, metrics.validation_accuracy = result.loss, result.accuracy
    state.waited = offer(state, o.model, result.accuracy, state.epoch) and 0 or state.waited + 1
  end
  state.history[state.epoch] = metrics
  state.batch = nil
end

-- Trains o.model on o.data: o.forward(x, index) -> logits, context; o.criterion(logits, targets, context) -> loss.
-- Returns the list of epochs' metrics, with `best` where a validation set was given.
function training.run(o)
  check(o)
  local optimizer = make_optimizer(o.model, o)
  local keeper = checkpoint.open(o, optimizer)
  local state = resumed_state(o, keeper)
  while state.batch or not is_done(o, state) do
    if not state.batch then begin_epoch(state) end
    local metrics, layers = run_epoch(o, optimizer, state, keeper)
    end_epoch(o, state, metrics)
    if layers then diagnosis.record(layers, state.epoch) end
    if o.on_epoch then o.on_epoch(metrics) end
    training.log(o, metrics)
    if keeper then keeper.save(state) end
  end
  local history = state.history
  if state.best and o.keep_best then
    if state.best.state then o.model:load_state(state.best.state) end
    history.best = { epoch = state.best.epoch, accuracy = state.best.accuracy }
  end
  o.model:eval()
  return history
end

function training.record(metrics)
  local run = qs.current_run()
  if run then run:log(metrics, { step = metrics.epoch }) end
end

function training.log(o, m)
  training.record(m)
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
  { "momentum", "number", "of sgd, 0.9 if left out" },
  { "weight_decay", "number", "L2 penalty (sgd, adam) or decoupled decay (adamw)", default = 0 },
  { "schedule", "\"constant\"|\"cosine\"|\"step\"|function", "or (step, total) -> lr", default = "cosine" },
  { "warmup", "integer", "steps in which lr rises to its full value", default = 0 },
  { "clip_norm", "number", "largest norm of the gradient" },
  { "precision", "\"f32\"|\"bf16\"", "in which products and convolutions multiply; weights and sums are f32", default = "f32" },
  { "augment", "augmentation|function", "from qs.data.augment; or inputs -> inputs, called with every training batch" },
  { "validation", "dataset", "evaluated after every epoch" },
  { "patience", "integer", "stop after so many epochs without a better validation accuracy" },
  { "keep_best", "boolean", "end with the weights that did best in validation", default = true },
  { "freeze", "integer",
    "epochs after which running statistics and observed ranges stay as they are; for graphs, such as those of qs.qat" },
  { "on_epoch", "function", "called with the metrics of every epoch" },
  { "checkpoint", "string|boolean|table",
    "a file or folder to go on from if the training is cut off, written after every epoch; true: the run's own place; "
      .. "or {path = ..., steps = N, minutes = N} to write it more often" },
  { "diagnose", "boolean", "log what flows through every layer in the last batch of each epoch; see qs.diagnose", default = false },
  { "verbose", "boolean", "print a line for every epoch", default = true },
}

function training.options_and(more)
  local all = table.move(more, 1, #more, 1, {})
  return table.move(training.options, 1, #training.options, #all + 1, all)
end

return training
