-- qs.bench: how fast a program is here, as a whole and layer by layer.
local qs = require "qscript"
local declare = require "declare"
local tables = require "qscript.tables"

local function number(format)
  return function(value) return value and string.format(format, value) or "" end
end
local one_decimal, percent, whole = number("%.1f"), number("%.1f %%"), number("%.0f")

local columns = {
  { "layer", function(r) return r.layer end },
  { "kind", function(r) return r.kind end },
  { "MACs", function(r) return r.macs and tables.thousands(r.macs) or "" end },
  { "us", function(r) return one_decimal(r.microseconds) end },
  { "GOP/s", function(r) return whole(r.gops) end },
  { "of peak", function(r) return percent(r.peak_share and 100 * r.peak_share) end },
  { "bytes", function(r) return tables.thousands(r.bytes) end },
  { "fp32 us", function(r) return one_decimal(r.fp32_microseconds) end },
}

-- Names of layers that fp32 would do quicker.
local function slower_than_fp32(rows)
  local names = {}
  for _, row in ipairs(rows) do
    if row.fp32_microseconds and row.fp32_microseconds < row.microseconds then names[#names + 1] = row.layer end
  end
  return names
end

declare{
  "qs.bench",
  "Measures a program on this machine and prints it: the time of a batch, and with `layers` every step's time, share "
    .. "of the processor's peak and time in fp32. Says which layers would be quicker in fp32.",
  { "program", "program", "what to measure" },
  options = {
    { "batch", "integer", "samples in a run", default = 1 },
    { "threads", "integer", "that share a batch", default = 1 },
    { "seconds", "number", "to spend on each measurement", default = 0.5 },
    { "layers", "boolean", "whether to measure every step, too", default = true },
    { "name", "string", "of the program, for the heading", default = "program" },
  },
  returns = "table",
  function(program, o)
    local result = program:bench{ batch = o.batch, threads = o.threads, seconds = o.seconds }
    if o.layers then
      local shape = program.input_shape
      result.layers = program:profile(qs.randn(o.batch, table.unpack(shape)), o.seconds)
      print(tables.format(columns, result.layers))
      local slower = slower_than_fp32(result.layers)
      if #slower > 0 then print("quicker in fp32 on this machine: " .. table.concat(slower, ", ")) end
    end
    print(string.format("%s: batch %d on %d thread%s: median %.1f us, 90 %% within %.1f us, %.0f samples/s (%d runs, %s)",
      o.name, o.batch, o.threads, o.threads == 1 and "" or "s", 1e6 * result.median, 1e6 * result.p90,
      result.throughput, result.runs, qs.int8.isa()))
    return result
  end,
}
