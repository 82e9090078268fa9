-- 1,000 random parameters in 256 levels and back: scaled to 0 ... 255, truncated, kept as an index. Then the mean error
-- is added back (compensation), or what a fitted line says the error is (correction).
--
--     scripts/qscript examples/classics/uniform_levels.lua [LEVELS]
local qs = require "qscript"
local classic = qs.quantization.classic

local levels = math.tointeger(tonumber(arg[1] ~= "--quick" and arg[1] or 256))
if not levels or levels < 2 then
  io.stderr:write("uniform_levels.lua: give the number of levels, a whole number from 2\n")
  os.exit(2)
end

qs.seed(1)
local parameters = qs.randn(1000)
local plain = classic.uniform(parameters, { levels = levels })
local compensated = classic.compensate(parameters, plain)
local corrected = classic.correct(parameters, plain)

print(string.format("%d parameters, %d levels of %.6f from %.6f", #parameters, levels, plain.scale, plain.offset))
for i = 1, 3 do
  print(string.format("  %9.6f -> %3d -> %9.6f", parameters[i]:item(), plain.codes[i]:item(), plain.values[i]:item()))
end
print(string.format("compensation: %+.6f, of half a step %.6f", compensated.compensation, plain.scale / 2))
print(string.format("correction: %+.6f v %+.6f", corrected.slope, corrected.intercept))

local function rms(result) return (parameters:double() - result.values):square():mean():sqrt():item() end
print(string.format("root mean square error: %.6f, compensated %.6f, corrected %.6f", rms(plain), rms(compensated),
  rms(corrected)))

if levels == 256 then
  print("")
  print(classic.compare(parameters, { bits = 8 }))
end
