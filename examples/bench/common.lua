-- What the benchmark networks share: quantize random weights on random data, compile, measure.
--
--     scripts/qscript examples/bench/lenet5.lua [--batch N] [--threads N] [--seconds S] [--layers] [--save FILE] [--json FILE]
--
-- With no --batch, batches of 1 and 32 on one thread, and 32 on two. Weights are random, so accuracy means nothing here.
local qs = require "qscript"
local common = {}

local function usage(problem)
  io.stderr:write(arg[0], ": ", problem,
    "; options are --batch N, --threads N, --seconds S, --layers, --save FILE, --json FILE\n")
  os.exit(2)
end

local function options()
  local o = { seconds = 1.0 }
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(%a+)$")
    if name == "layers" then
      o.layers, i = true, i + 1
    elseif name == "save" or name == "json" then
      o[name], i = arg[i + 1] or usage("--" .. name .. " needs a file"), i + 2
    elseif name == "batch" or name == "threads" or name == "seconds" then
      local value = tonumber(arg[i + 1])
      local fits = value and value > 0 and (name == "seconds" or math.type(value) == "integer")
      o[name], i = fits and value or usage("--" .. name .. " needs a positive number"), i + 2
    else
      usage("unknown option '" .. arg[i] .. "'")
    end
  end
  return o
end

-- One line a case, as `scripts/bench int8 --json` writes them; the share is that of one core's peak, in GOP/s.
local function write_json(file, name, result, macs)
  local gops, peak = 2e-9 * macs * result.throughput, qs.int8.peak()
  local share = peak and string.format(',"peak":%.4g,"share":%.4f', peak, gops / peak) or ""
  file:write(string.format('{"case":"%s, batch %d, %d thread%s","value":%.4g,"unit":"us"%s}\n', name, result.batch,
    result.threads, result.threads == 1 and "" or "s", 1e6 * result.median, share))
end

-- Compiles `model` for samples of `shape` and measures it.
function common.run(name, model, shape)
  qs.seed(1)
  local o = options()
  local samples = qs.randn(16, table.unpack(shape))
  local data = qs.data.tensors(samples, qs.zeros(16, { dtype = "i64" }))
  model:eval()
  local program = qs.compile(qs.quantize(model, { calibration = data, batch_size = 8 }))
  if o.save then program:save(o.save) end

  local cases = { { 1, 1 }, { 32, 1 }, { 32, 2 } }
  if o.batch or o.threads then cases = { { o.batch or 1, o.threads or 1 } } end
  local file = o.json and assert(io.open(o.json, "a"))
  for _, case in ipairs(cases) do
    local result = qs.bench(program, {
      batch = case[1], threads = case[2], seconds = o.seconds, layers = o.layers or false, name = name,
    })
    if file then write_json(file, name, result, program.macs) end
  end
  if file then file:close() end
end

return common
