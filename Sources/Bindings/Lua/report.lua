-- qs.report and qs.measure: what each model costs and what it is worth, measured here and now.
local qs = require "qscript"
local declare = require "declare"
local tables = require "qscript.tables"
local thousands = tables.thousands

-- Seconds for one sample, the median of repeated runs within `budget` seconds.
local function latency(model, sample, budget)
  local times = {}
  qs.no_grad(function()
    for _ = 1, 3 do model(sample) end
    local started = qs.clock()
    repeat
      local before = qs.clock()
      model(sample)
      times[#times + 1] = qs.clock() - before
    until qs.clock() - started > budget or #times >= 2000
  end)
  table.sort(times)
  return times[#times // 2 + 1]
end

-- Bytes of the model's real file: .qsm for a program, safetensors for a module.
local function file_bytes(model)
  local path = os.tmpname()
  model:save(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:seek("end")
  file:close()
  os.remove(path)
  return bytes
end

local function measure(model, data)
  if model.eval then model:eval() end
  local sample = data:example()
  local counts = model:counts(sample)
  local accuracy = qs.evaluate(model, data).accuracy
  return {
    accuracy = accuracy, parameters = counts.parameters, nonzeros = counts.nonzeros,
    macs = counts.macs, bytes = file_bytes(model), latency = latency(model, sample, 0.15),
  }
end

-- {{"student", m}, {"int8", p}} in that order, or {student = m, int8 = p} by name.
local function ordered(models)
  local list = {}
  for _, entry in ipairs(models) do list[#list + 1] = entry end
  if #list > 0 then return list end
  for name, model in pairs(models) do list[#list + 1] = { name, model } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local columns = {
  { "model", function(r) return r.name end },
  { "accuracy", function(r) return string.format("%.2f %%", 100 * r.accuracy) end },
  { "change", function(r, base) return r == base and "" or string.format("%+.2f", 100 * (r.accuracy - base.accuracy)) end },
  { "parameters", function(r) return thousands(r.parameters) end },
  { "non-zero", function(r) return thousands(r.nonzeros) end },
  { "MACs", function(r) return thousands(r.macs) end },
  { "bytes", function(r) return thousands(r.bytes) end },
  { "ratio", function(r, base) return string.format("%.1fx", base.bytes / r.bytes) end },
  { "latency", function(r) return string.format("%.1f us", 1e6 * r.latency) end },
}

declare{
  "qs.measure",
  "What a model is now: accuracy on `data`, parameters, non-zeros, MACs of one sample, bytes of its real file, "
    .. "median latency of one sample in seconds. A row for qs.report, for a model that is going to change.",
  { "model", "module|graph|program", "what to measure" },
  { "data", "dataset", "to measure accuracy on" },
  returns = "table",
  measure,
}

declare{
  "qs.report",
  "Measures models side by side and prints the table: accuracy on `data` and its change against the baseline, "
    .. "parameters, non-zeros, MACs of one sample, bytes of the real file, ratio, median latency of one sample.",
  options = {
    { "baseline", "module|graph|program", "what the others are compared with", required = true },
    { "models", "table", "{{name, model}, ...} or {name = model, ...}; a row of qs.measure may stand for a model", required = true },
    { "data", "dataset", "to measure accuracy on", required = true },
    { "name", "string", "of the baseline", default = "teacher" },
  },
  returns = "table",
  function(o)
    local rows = {}
    local function add(name, model)
      local row = type(model) == "table" and model or measure(model, o.data)
      row.name = name
      rows[#rows + 1] = row
    end
    add(o.name, o.baseline)
    for _, entry in ipairs(ordered(o.models)) do add(entry[1], entry[2]) end
    print(tables.format(columns, rows))
    local run = qs.current_run()
    if run then run:keep_report(rows) end
    return rows
  end,
}

qs.runs.report_with(qs.report)
