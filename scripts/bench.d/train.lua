-- scripts/bench train: the training benches of examples/bench/train beside their targets and, given a Python with
-- torch (and jax), beside the same steps in those.
--
-- A row is a Lua file in examples/bench/train and, for peers, a function of the same name in train_torch.py.
-- `target` is a number; `times` is a factor on the best peer, and so needs one; a row may have neither. With
-- `precision` its name in the command line and in the results is NAME_PRECISION.
local rows = {
  { "MLP 784-300-100-10", "mlp", "rate", target = 165000, peers = { "jax jit", "torch eager" } },
  { "LeNet-5 28x28", "lenet5", "rate", target = 32000 },
  { "ResNet-8 32x32x3", "resnet8", "rate", target = 2200 },
  { "distil ResNet-20 -> ResNet-8", "distill", "rate", target = 1250 },
  { "QAT ResNet-8", "qat", "rate", target = 1600 },
  { "encoder of 6 layers, sequence 128", "encoder", "rate", times = 1.8, peers = { "torch eager" } },
  { "LSTM of 128, sequence 64", "lstm", "rate", times = 1.5, peers = { "torch eager" } },
  { "LeNet-5 in bf16", "lenet5", "rate", precision = "bf16", peers = { "torch bf16" } },
  { "ResNet-8 in bf16", "resnet8", "rate", precision = "bf16", peers = { "torch bf16" } },
  { "encoder in bf16", "encoder", "rate", precision = "bf16", peers = { "torch bf16" } },
  { "peak memory of ResNet-8", "resnet8", "memory", times = 1 / 3 },
  { "a + b of 10 elements, ns", "overhead", "time", case = "add", target = 300, peers = { "torch eager" } },
  { "the same with gradients, ns", "overhead", "time", case = "add_recorded", target = 600, peers = { "torch eager" } },
  { "[1, 16] @ [16, 16] and back, ns", "overhead", "time", case = "product_backward", target = 3000, peers = { "torch eager" } },
}
local images = { "torch eager", "torch channels_last" }
local rounds = 3

local function stop(problem)
  io.stderr:write("bench: ", problem, "\nusage: scripts/bench train [--json FILE] [--peers PYTHON] [ROW...]\n")
  os.exit(2)
end

local root, program = arg[1], arg[2]
local only, json, python = {}, nil, nil
do
  local i = 3
  while arg[i] do
    if arg[i] == "--json" then
      json, i = arg[i + 1] or stop("--json needs a file"), i + 2
    elseif arg[i] == "--peers" then
      python, i = arg[i + 1] or stop("--peers needs the path of a Python with torch"), i + 2
    else
      only[arg[i]], only.some, i = true, true, i + 1
    end
  end
end

-- The value of every line of results, by case and metric: values["mlp"]["rate"] is a list of them.
local function run(command, values)
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do
    local case, metric, value = line:match('"case": ?"(.-)", ?"metric": ?"(.-)", ?"value": ?([%d.e+-]+)')
    if case then
      values[case] = values[case] or {}
      values[case][metric] = values[case][metric] or {}
      table.insert(values[case][metric], tonumber(value))
    end
  end
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function run_ours(name, precision, values)
  run(string.format("%s --threads 1 %s/examples/bench/train/%s.lua --precision %s", quoted(program), quoted(root), name,
    precision or "f32"), values)
end

local function run_peer(peer, name, values)
  local package, variant = peer:match("(%S+) (%S+)")
  run(string.format("OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false %s %s/scripts/bench.d/train_%s.py %s %s",
    quoted(python), quoted(root), package, name, variant), values)
end

-- The best of what was measured, which is least disturbed by other programs; memory is the least.
local function best(values, case, metric, lower)
  local list = values and values[case] and values[case][metric]
  if not list then return nil end
  return (lower and math.min or math.max)(table.unpack(list))
end

-- Everything of one Lua file: ours and the peers in turns.
local function measure(name, precision, peers)
  local ours, theirs = {}, {}
  for _ = 1, python and rounds or 1 do
    run_ours(name, precision, ours)
    for _, peer in ipairs(python and peers or {}) do
      theirs[peer] = theirs[peer] or {}
      run_peer(peer, name, theirs[peer])
    end
  end
  return ours, theirs
end

local function number(value) return value and string.format(value < 100 and "%.4g" or "%.0f", value) or "" end

local heading = "%-34s %10s %10s %8s %22s %10s %8s"
local file = json and assert(io.open(json, "w"))
local function write(case, metric, value, target, share, peer, ratio)
  if not file then return end
  file:write(string.format('{"case":"%s","metric":"%s","value":%.5g', case, metric, value))
  for name, extra in pairs{ target = target or false, share = share or false, peer = peer or false, ratio = ratio or false } do
    if extra then file:write(string.format(',"%s":%.5g', name, extra)) end
  end
  file:write("}\n")
end

print(string.format(heading, "training on one core", "target", "measured", "of peak", "best peer", "", "ratio"))
local measured = {}
for _, row in ipairs(rows) do
  local title, name, metric = row[1], row[2], row[3]
  local id = row.precision and name .. "_" .. row.precision or name
  if not only.some or only[id] then
    local case, lower = row.case or name, metric ~= "rate"
    if not measured[id] then measured[id] = { measure(name, row.precision, row.peers or images) } end
    local ours, theirs = table.unpack(measured[id])
    local value = best(ours, case, metric, lower)
    local peer_name, peer
    for candidate, values in pairs(theirs) do
      local other = best(values, case, metric, lower)
      if other and (not peer or (other < peer) == lower) then peer_name, peer = candidate, other end
    end
    local share = metric == "rate" and best(ours, case, "share") or nil
    local ratio = value and peer and value / peer
    local target = row.target or (peer and row.times and row.times * peer)
    print(string.format(heading, title, number(target), value and number(value) or "failed",
      share and string.format("%.1f %%", 100 * share) or "", peer_name or "", number(peer),
      ratio and string.format("%.2f", ratio) or ""))
    if value then write(row.case or id, metric, value, target, share, peer, ratio) end
  end
end
if file then file:close() end
