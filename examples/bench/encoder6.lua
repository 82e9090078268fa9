-- Six transformer encoder layers of 384 features and 12 heads on sequences of 128: MiniLM's shape. The input is embedded.
local nn = require("qscript").nn

local features, heads, hidden = 384, 12, 1536

local function layer()
  return nn.sequential{
    nn.residual(nn.multi_head_attention(features, heads)), nn.layer_norm(features),
    nn.residual(nn.sequential{ nn.linear(features, hidden), nn.gelu(), nn.linear(hidden, features) }),
    nn.layer_norm(features),
  }
end

require("common").run("encoder6", nn.sequential{ layer(), layer(), layer(), layer(), layer(), layer() }, { 128, features })
