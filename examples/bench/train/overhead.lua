-- What one small operation costs when a script calls it.
local qs = require "qscript"
local common = require "common"

local calls = 1000

local function report(case, step) common.emit(case, "time", 1e9 * common.time(step) / calls, "ns") end

qs.seed(1)
local a, b = qs.randn(10), qs.randn(10)
report("add", function()
  for _ = 1, calls do local _ = a + b end
end)

a.requires_grad = true
report("add_recorded", function()
  for _ = 1, calls do local _ = a + b end
end)

local x, w = qs.randn(1, 16), qs.randn(16, 16)
w.requires_grad = true
report("product_backward", function()
  for _ = 1, calls do x:matmul(w):sum():backward() end
end)
