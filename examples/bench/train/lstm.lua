-- Training an LSTM of 128 hidden units on 32 sequences of 64 positions with 128 features.
local qs = require "qscript"
local common = require "common"

local steps, sequences, features, hidden = 64, 32, 128, 128
qs.seed(1)
local model = qs.nn.lstm(features, hidden)
local x = qs.randn(steps, sequences, features)
local optimizer = qs.optim.sgd(model, { lr = 1e-3, momentum = 0.9 })

-- Of one sequence: the gates' products with the input and the hidden state, forward once and backward twice, but for
-- the gradient of the input.
local input, recurrent = steps * 4 * hidden * features, steps * 4 * hidden * hidden
common.report("lstm", function()
  local y = model(x)
  y:square():mean():backward()
  optimizer:step()
  optimizer:zero_grad()
end, sequences, 2 * (2 * input + 3 * recurrent), "sequences/s")
