-- A line through 100 points by least squares, its weights quantized to the whole numbers from A to B.
--
--     scripts/qscript examples/classics/regression_affine.lua [A B]
local qs = require "qscript"
local classic = qs.quantization.classic

if arg[1] == "--quick" then arg[1] = nil end
local first, last = math.tointeger(tonumber(arg[1] or -128)), math.tointeger(tonumber(arg[2] or 127))
if not first or not last or first >= last then
  io.stderr:write("regression_affine.lua: give two whole numbers, the lower one first, such as -128 127\n")
  os.exit(2)
end

-- y = 3 x + 4 and noise, x in [0, 2).
qs.seed(1)
local x = qs.rand(100, 1, { dtype = "f64" }) * 2
local y = x * 3 + 4 + qs.randn(100, 1, { dtype = "f64" })

-- The normal equations of the columns x and 1, solved by Cramer's rule.
local n, sum_x, sum_y = 100, x:sum():item(), y:sum():item()
local sum_xx, sum_xy = (x * x):sum():item(), (x * y):sum():item()
local determinant = n * sum_xx - sum_x ^ 2
local slope = (n * sum_xy - sum_x * sum_y) / determinant
local intercept = (sum_xx * sum_y - sum_x * sum_xy) / determinant
local weights = qs.tensor({ intercept, slope }, { dtype = "f64" })

local function mean_square_error(w) return (x * w[2]:item() + w[1]:item() - y):square():mean():item() end

-- Zero must have a code, as everywhere where zeros mean something: hence low = 0.
local result = classic.affine(weights, { range = { first, last }, low = math.min(0, slope, intercept) })
print(string.format("least squares: y = %.6f x + %.6f, mean square error %.6f", slope, intercept,
  mean_square_error(weights)))
print(string.format("codes in [%d, %d]: %d and %d, scale %.6f, zero point %d", first, last, result.codes[2]:item(),
  result.codes[1]:item(), result.scale, result.zero_point))
print(string.format("quantized:     y = %.6f x + %.6f, mean square error %.6f", result.values[2]:item(),
  result.values[1]:item(), mean_square_error(result.values)))
print(string.format("largest error of a weight: %.6f, of %.6f possible",
  (result.values - weights):abs():max():item(), result.scale))
