-- Fixed point: a number times a power of two, rounded. 0.5 with 8 bits behind the point is 128.
--
--     scripts/qscript examples/classics/fixed_point.lua
local qs = require "qscript"
local classic = qs.quantization.classic

print(string.format("0.5 with 8 bits: %d", classic.fixed_point(qs.tensor{ 0.5 }, { bits = 8 }).codes:item()))

qs.seed(1)
local x = qs.rand(1000) * 2 - 1
print("1,000 numbers from -1 to 1")
print("bits  largest error  half a step")
for bits = 1, 16 do
  local result = classic.fixed_point(x, { bits = bits })
  local largest = (x:double() - result.values):abs():max():item()
  print(string.format("%4d  %13.9f  %11.9f", bits, largest, result.scale / 2))
end
