-- Training six transformer encoder layers of 384 features and 12 heads on 8 sequences of 128 positions.
local qs = require "qscript"
local common = require "common"
local nn = qs.nn

local sequences, positions, features, heads, hidden = 8, 128, 384, 12, 1536
local function layer()
  return nn.sequential{
    nn.residual(nn.multi_head_attention(features, heads)), nn.layer_norm(features),
    nn.residual(nn.sequential{ nn.linear(features, hidden), nn.gelu(), nn.linear(hidden, features) }),
    nn.layer_norm(features),
  }
end

qs.seed(1)
local model = nn.sequential{ layer(), layer(), layer(), layer(), layer(), layer() }
local x = qs.randn(sequences, positions, features)
local optimizer = qs.optim.adam(model, { lr = 1e-4 })
local first = 3 * positions * features * features -- of q, k and v of the first layer
common.report("encoder", function()
  model(x):square():mean():backward()
  optimizer:step()
  optimizer:zero_grad()
end, sequences, common.training_flops(common.macs(model, { positions, features }), first), "sequences/s")
