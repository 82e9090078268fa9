-- What the training benches share: timing of a step, and the lines they print.
--
--     scripts/qscript --threads 1 examples/bench/train/resnet8.lua [--seconds S] [--precision bf16]
--
-- Each prints a JSON object a line, {"case","metric","value","unit"}; scripts/bench train makes the table of them.
local qs = require "qscript"
local common = { batch = 128, classes = 10 }

local seconds, precision = 1.5, "f32"
for i = 1, #arg, 2 do
  local value = arg[i + 1]
  if arg[i] == "--seconds" and (tonumber(value) or 0) > 0 then seconds = tonumber(value)
  elseif arg[i] == "--precision" and (value == "f32" or value == "bf16") then precision = value
  else
    io.stderr:write(arg[0], ": the options are --seconds S, a positive number, and --precision f32|bf16\n")
    os.exit(2)
  end
end

-- Prints one line of results.
function common.emit(case, metric, value, unit)
  print(string.format('{"case":"%s","metric":"%s","value":%.5g,"unit":"%s"}', case, metric, value, unit))
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Seconds of one call of `step`: the median over samples of about 30 ms. Those that had the core to themselves
-- (processor time close to the clock's) count; where they are too few, the processor time of all does.
function common.time(step)
  local started = qs.clock()
  for _ = 1, 3 do step() end
  local calls = math.max(1, math.ceil(0.03 / ((qs.clock() - started) / 3)))
  local all, undisturbed = {}, {}
  local stop = qs.clock() + seconds
  repeat
    local processor, wall = os.clock(), qs.clock()
    for _ = 1, calls do step() end
    processor, wall = os.clock() - processor, qs.clock() - wall
    all[#all + 1] = processor / calls
    if processor >= 0.95 * wall then undisturbed[#undisturbed + 1] = wall / calls end
  until qs.clock() > stop and #all >= 3
  return median(#undisturbed >= 3 and undisturbed or all)
end

-- The most memory this process ever held, in MB; nil where the system does not tell.
local function peak_resident()
  local file = io.open("/proc/self/status")
  if not file then return nil end
  local text <close> = file
  local kilobytes = text:read("a"):match("VmHWM:%s*(%d+)")
  return kilobytes and tonumber(kilobytes) / 1024
end

-- The best of several tries: the clock moves.
local function peak()
  local best
  for _ = 1, 20 do
    local try = qs.peak()
    best = try and math.max(best or 0, try)
  end
  return best
end

-- Measures `step`, which trains on `items` samples with `flops` arithmetic operations each, and prints the
-- rate, the share of the processor's peak in fp32 and the most memory the process held.
function common.report(case, step, items, flops, unit)
  local rate = items / qs.with_precision(precision, function() return common.time(step) end)
  common.emit(case, "rate", rate, unit or "images/s")
  local limit = peak()
  if limit then common.emit(case, "share", 1e-9 * rate * flops / limit, "of peak") end
  local memory = peak_resident()
  if memory then common.emit(case, "memory", memory, "MB") end
end

-- A batch of noise: inputs of `shape` and targets.
function common.data(shape)
  qs.seed(1)
  return qs.randn(common.batch, table.unpack(shape)), qs.randint(0, common.classes, common.batch)
end

-- Multiply-accumulates of one sample.
function common.macs(model, shape) return model:counts(qs.zeros(1, table.unpack(shape))).macs end

-- Arithmetic of training on one sample: two operations to a multiply-accumulate, forward once and backward twice,
-- but for the gradient of the input, which nobody needs: `first` is what the first layer multiplies.
function common.training_flops(macs, first) return 2 * (3 * macs - first) end

-- Trains `model` on one batch again and again with the cross entropy and measures it.
function common.supervised(case, model, shape, first, macs)
  local x, y = common.data(shape)
  local optimizer = qs.optim.sgd(model, { lr = 1e-3, momentum = 0.9 })
  model:train()
  common.report(case, function()
    qs.losses.cross_entropy(model(x), y):backward()
    optimizer:step()
    optimizer:zero_grad()
  end, common.batch, common.training_flops(macs or common.macs(model, shape), first))
end

return common
