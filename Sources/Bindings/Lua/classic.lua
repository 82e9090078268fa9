-- qs.quantization.classic: the schemes of the textbooks, as their formulas read, over tensors.
--
-- Every scheme answers a table: `codes`, what would be stored; `values`, the numbers they stand for; and the few
-- numbers that lead from one to the other. They compute in f64, whatever the tensor is.
local qs = require "qscript"
local declare = require "declare"
local tables = require "qscript.tables"

local classic = {}

-- `x` in f64, its lowest and its highest value.
local function prepared(name, x)
  local values = x:detach():double()
  if values:numel() == 0 then error("classic." .. name .. ": the tensor is empty", 0) end
  local low, high = values:min():item(), values:max():item()
  if low ~= low or high ~= high or low == -math.huge or high == math.huge then
    error("classic." .. name .. ": the tensor holds NaN or infinity; replace them first", 0)
  end
  return values, low, high
end

local function check_bits(name, bits, most)
  if bits < 1 or bits > most then
    error(string.format("classic.%s: option 'bits' must be 1 to %d (got %d)", name, most, bits), 0)
  end
end

-- Width of an interval; 1 where there is nothing to divide.
local function width(low, high, intervals)
  local step = (high - low) / intervals
  return step > 0 and step or 1
end

-- The whole number below a quotient. Division does not always give a whole number back where the mathematics does:
-- the highest value over a step is 254.99999999999997 as often as 255.
local function floor(quotient)
  local nearest = quotient:round()
  return qs.where((quotient - nearest):abs():lt(1e-9), nearest, quotient:floor())
end

-- floor((x - b) / s) + b
local function floor_minmax(name, x, bits)
  local values, low, high = prepared(name, x)
  check_bits(name, bits, 16)
  local b, s = low, width(low, high, 2 ^ bits - 1)
  local steps = floor((values - b) / s)
  return { codes = steps + b, values = steps * s + b, scale = s, offset = b }
end

declare{
  "qs.quantization.classic.floor_minmax",
  "Min-max floor quantization: q = floor((x - b) / s) + b with b the lowest value and s = (max - min) / (2^bits - 1); "
    .. "back: (q - b) s + b. Off by up to a whole step, always downwards.",
  { "x", "tensor", "what to quantize" },
  options = { { "bits", "integer", "of a code, 1 to 16", default = 8 } },
  returns = "table",
  function(x, o) return floor_minmax("floor_minmax", x, o.bits) end,
}

declare{
  "qs.quantization.classic.floor_minmax_relu",
  "floor_minmax of relu(x): the codes are spent on what the activation lets through.",
  { "x", "tensor", "what goes into the activation" },
  options = { { "bits", "integer", "of a code, 1 to 16", default = 8 } },
  returns = "table",
  function(x, o) return floor_minmax("floor_minmax_relu", x:relu(), o.bits) end,
}

declare{
  "qs.quantization.classic.affine",
  "Affine quantization to the whole numbers from A to B: q = clip(round(x / s + z), A, B) with s = (max - min) / (B - A) "
    .. "and the zero point z = round((max A - min B) / (max - min)); back: s (q - z). Ties go to even.",
  { "x", "tensor", "what to quantize" },
  options = {
    { "range", "table", "{A, B}", default = { -128, 127 } },
    { "low", "number", "real value of A; the lowest of x if left out" },
    { "high", "number", "real value of B; the highest of x if left out" },
  },
  returns = "table",
  function(x, o)
    local values, low, high = prepared("affine", x)
    low, high = o.low or low, o.high or high
    local first, last = o.range[1], o.range[2]
    if math.type(first) ~= "integer" or math.type(last) ~= "integer" or first >= last then
      error("classic.affine: option 'range' must be two whole numbers, the lower one first: {-128, 127}", 0)
    end
    if low > high then error(string.format("classic.affine: low %g is above high %g", low, high), 0) end
    -- All alike: any scale will do that has a code for the value.
    if low == high then low, high = math.min(low, 0), math.max(high, 0) end
    local s = width(low, high, last - first)
    local z = low < high and qs.tensor({ (high * first - low * last) / (high - low) }, { dtype = "f64" }):round():item()
      or first
    local codes = (values / s + z):round():clamp(first, last)
    return { codes = codes, values = (codes - z) * s, scale = s, zero_point = z }
  end,
}

declare{
  "qs.quantization.classic.fixed_point",
  "Fixed point with so many bits behind the point: q = round(x 2^bits), ties to even; back: q / 2^bits. Needs no range, "
    .. "and is exact for multiples of 2^-bits.",
  { "x", "tensor", "what to quantize" },
  options = { { "bits", "integer", "behind the point, 1 to 30", default = 8 } },
  returns = "table",
  function(x, o)
    check_bits("fixed_point", o.bits, 30)
    local codes = (prepared("fixed_point", x) * 2 ^ o.bits):round()
    return { codes = codes, values = codes / 2 ^ o.bits, scale = 2.0 ^ -o.bits }
  end,
}

declare{
  "qs.quantization.classic.uniform",
  "Uniform quantization to so many levels, levels - 1 intervals apart: scale to 0 ... levels - 1, truncate, keep the "
    .. "index; back: min + index (max - min) / (levels - 1).",
  { "x", "tensor", "what to quantize" },
  options = { { "levels", "integer", "how many values there are, 2 to 65536", default = 256 } },
  returns = "table",
  function(x, o)
    if o.levels < 2 or o.levels > 65536 then
      error(string.format("classic.uniform: option 'levels' must be 2 to 65536 (got %d)", o.levels), 0)
    end
    local values, low, high = prepared("uniform", x)
    local step = width(low, high, o.levels - 1)
    local index = floor((values - low) / step)
    return { codes = index, values = index * step + low, scale = step, offset = low }
  end,
}

local function matching(name, x, result)
  local values = prepared(name, x)
  if type(result) ~= "table" or qs.type(result.values) ~= "tensor" or result.values:numel() ~= values:numel() then
    error(string.format("classic.%s: the second argument must be what a scheme answered for this tensor", name), 0)
  end
  return values
end

-- The result with other values for its codes.
local function with_values(result, values, more)
  local changed = {}
  for key, value in pairs(result) do changed[key] = value end
  for key, value in pairs(more) do changed[key] = value end
  changed.values = values
  return changed
end

declare{
  "qs.quantization.classic.compensate",
  "Error compensation: the mean error, one number beside the codes, is added to every value. What truncation takes away "
    .. "on average, half a step, comes back.",
  { "x", "tensor", "what was quantized" },
  { "result", "table", "what a scheme answered for it" },
  returns = "table",
  function(x, result)
    local mean = (matching("compensate", x, result) - result.values):mean():item()
    return with_values(result, result.values + mean, { compensation = mean })
  end,
}

declare{
  "qs.quantization.classic.correct",
  "Error correction by a fitted model: the error is predicted as slope v + intercept from each value v by least squares, "
    .. "and the prediction added. Two numbers beside the codes.",
  { "x", "tensor", "what was quantized" },
  { "result", "table", "what a scheme answered for it" },
  returns = "table",
  function(x, result)
    local v = result.values
    local e = matching("correct", x, result) - v
    local mean_v, mean_e = v:mean(), e:mean()
    local spread = (v - mean_v):square():sum():item()
    local slope = spread > 0 and ((v - mean_v) * (e - mean_e)):sum():item() / spread or 0.0
    local intercept = mean_e:item() - slope * mean_v:item()
    return with_values(result, v + v * slope + intercept, { slope = slope, intercept = intercept })
  end,
}

-- Largest and root mean square error of `values`, and the signal-to-noise ratio in dB.
local function errors(x, values)
  local e = x:detach():double() - values
  local signal, noise = x:detach():double():square():mean():item(), e:square():mean():item()
  return {
    mean = e:mean():item(), largest = e:abs():max():item(), rms = math.sqrt(noise),
    sqnr = noise > 0 and 10 * math.log(signal / noise, 10) or math.huge,
  }
end

local function scientific(name, field)
  return { name, function(row) return string.format("%.3e", row[field]) end }
end

local columns = {
  { "scheme", function(row) return row.scheme end },
  scientific("mean error", "mean"), scientific("largest", "largest"), scientific("rms", "rms"),
  { "SQNR dB", function(row) return string.format("%.2f", row.sqnr) end },
}

local listing = { __tostring = function(rows) return tables.format(columns, rows) end }

declare{
  "qs.quantization.classic.compare",
  "The errors of all schemes on one tensor, side by side: mean, largest, root mean square, signal-to-noise ratio. "
    .. "`print` shows a table.",
  { "x", "tensor", "what to quantize" },
  options = { { "bits", "integer", "of a code, 1 to 16", default = 8 } },
  returns = "table[]",
  function(x, o)
    check_bits("compare", o.bits, 16)
    local schemes, bits = qs.quantization.classic, o.bits
    local half = 1 << (bits - 1)
    local uniform = schemes.uniform(x, { levels = 1 << bits })
    local rows = setmetatable({}, listing)
    local function add(name, original, result)
      local row = errors(original, result.values)
      row.scheme = name
      rows[#rows + 1] = row
    end
    add("min-max floor", x, schemes.floor_minmax(x, { bits = bits }))
    add("min-max floor of relu", x:relu(), schemes.floor_minmax_relu(x, { bits = bits }))
    add(string.format("affine to [%d, %d]", -half, half - 1), x, schemes.affine(x, { range = { -half, half - 1 } }))
    add(string.format("fixed point, %d bits", bits), x, schemes.fixed_point(x, { bits = bits }))
    add(string.format("uniform, %d levels", 1 << bits), x, uniform)
    add("uniform, compensated", x, schemes.compensate(x, uniform))
    add("uniform, corrected", x, schemes.correct(x, uniform))
    return rows
  end,
}

return classic
