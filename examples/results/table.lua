-- Makes docs/results.md of the runs that the scripts beside this one have logged: mean and spread over seeds.
--
--     scripts/qscript examples/results/table.lua > docs/results.md
local qs = require "qscript"

-- Every table: the name of its runs, its title, what its numbers are, and the command that makes one seed again.
local cases = require "cases"

-- The numbers a run was given, its seed apart, as a text: epochs = 6, finetune = 3.
local function settings(run)
  local parts = {}
  for name, value in pairs(run.parameters) do
    if type(value) == "number" and name ~= "seed" then parts[#parts + 1] = string.format("%s = %g", name, value) end
  end
  table.sort(parts)
  return table.concat(parts, ", ")
end

-- The newest finished run of every seed of a case, with the settings of the newest of all: seeds of other settings are
-- left out, and named.
local function runs_of(case)
  local by_seed, wanted, left = {}, nil, {}
  for _, summary in ipairs(qs.runs.list{ name = "results/" .. case, state = "finished" }) do -- newest first
    if summary.name == "results/" .. case then
      local run = qs.runs.load(summary.id)
      wanted = wanted or settings(run)
      if settings(run) ~= wanted then
        left[#left + 1] = run
      elseif not by_seed[run.seed] then
        by_seed[run.seed] = run
      end
    end
  end
  for _, run in ipairs(left) do
    if not by_seed[run.seed] then
      io.stderr:write(string.format("table.lua: leaves out seed %d of %s, made with %s; the newest run has %s\n", run.seed,
        case, settings(run), wanted))
    end
  end
  return by_seed
end

local moment = { step = true, stage = true, seconds = true }

-- Columns beside the value and its change, where a case does not say: a name, and how its mean is written.
local usual = { { "bytes", "%.0f" } }

-- Every row with its values, in the order in which rows were logged; those of other columns by their names.
local function collect(by_seed, seeds)
  local rows, order = {}, {}
  for _, seed in ipairs(seeds) do
    for _, line in ipairs(by_seed[seed].metrics) do
      for name, value in pairs(line) do
        if not moment[name] and line.step == nil then
          local plain, column = name:match("^(.*) / ([%a_]+)$")
          local row = rows[plain or name]
          if not row then
            row = { name = plain or name, values = {} }
            rows[plain or name] = row
            order[#order + 1] = row
          end
          column = column or "values"
          row[column] = row[column] or {}
          table.insert(row[column], value)
        end
      end
    end
  end
  return order
end

local function mean_and_spread(values)
  local mean, spread = 0, 0
  for _, v in ipairs(values) do mean = mean + v / #values end
  for _, v in ipairs(values) do spread = spread + (v - mean) ^ 2 / math.max(#values - 1, 1) end
  return mean, math.sqrt(spread)
end

local function text_of(mean, spread, count, digits)
  local number = "%." .. digits .. "f"
  return string.format(number, mean) .. (count > 1 and string.format(" ± " .. number, spread) or "")
end

local function write(case)
  local by_seed = runs_of(case.name)
  local seeds = {}
  for seed in pairs(by_seed) do seeds[#seeds + 1] = seed end
  table.sort(seeds)
  if #seeds == 0 then return end
  print("## " .. case.title .. "\n\n" .. case.about .. "\n\n```sh\n" .. case.command .. "\n```\n")
  if not case.is_fixed then
    print(string.format("Seed%s %s.\n", #seeds == 1 and "" or "s", table.concat(seeds, ", ")))
  end
  local columns, titles = case.columns or usual, {}
  for i, column in ipairs(columns) do titles[i] = " " .. column[1] .. " |" end
  print("| | " .. case.unit .. " | change |" .. table.concat(titles))
  print("| --- | ---: | ---: |" .. string.rep(" ---: |", #columns))
  local baseline
  local digits = case.digits or 2
  for _, row in ipairs(collect(by_seed, seeds)) do
    local mean, spread = mean_and_spread(row.values)
    local cells = {}
    for i, column in ipairs(columns) do
      cells[i] = " " .. (row[column[1]] and string.format(column[2], (mean_and_spread(row[column[1]]))) or "") .. " |"
    end
    local change = baseline and string.format("%+." .. digits .. "f", mean - baseline) or ""
    baseline = baseline or mean
    print(string.format("| %s | %s | %s |", row.name, text_of(mean, spread, #row.values, digits), change) .. table.concat(cells))
  end
  print("")
end

print([[
# Results

Made by `scripts/results` from the logs of the runs it names (`examples/results/table.lua` writes this page). The first row
of a table is what the others are compared with. Mean and standard deviation over the seeds; bytes are those of the real
file: safetensors for fp32, `.qsm` for programs. Seconds are those of quantizing, on whatever else the processor had to do.
]])
for _, case in ipairs(cases) do write(case) end
