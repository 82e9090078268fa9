-- all-MiniLM-L6-v2: sentences to vectors of 384 numbers, near each other where the sentences mean the same.
--
--     local minilm = require "minilm.encoder"
--     local encoder, tokenizer = minilm.load(minilm.folder())     -- scripts/fetch-minilm fetches them
--     local vectors = minilm.embed(encoder, tokenizer, { "A cat sleeps.", "A kitten naps." })
--
-- BERT (Devlin et al. 2018) of 6 layers, the mean over the tokens, and length 1 (Reimers and Gurevych 2019).
local qs = require "qscript"
local nn = qs.nn
local minilm = { layers = 6, features = 384, heads = 12, hidden = 1536, vocabulary = 30522, positions = 512 }

local eps = 1e-12

-- One layer: attention, then two linear layers, each added to what it read and normalised.
local function layer(c)
  return nn.model{
    attention = nn.multi_head_attention(c.features, c.heads),
    attention_norm = nn.layer_norm(c.features, { eps = eps }),
    inner = nn.linear(c.features, c.hidden),
    gelu = nn.gelu(),
    outer = nn.linear(c.hidden, c.features),
    outer_norm = nn.layer_norm(c.features, { eps = eps }),
    forward = function(self, x, mask)
      x = self.attention_norm(x + self.attention(x, mask))
      return self.outer_norm(x + self.outer(self.gelu(self.inner(x))))
    end,
  }
end

-- Token numbers [N, T] to features [N, T, 384]. `mask` is 1 where there is a token and 0 where the row is filled up.
local function transformer(c)
  local layers = {}
  for i = 1, c.layers do layers[i] = layer(c) end
  return nn.model{
    words = nn.embedding(c.vocabulary, c.features),
    positions = nn.embedding(c.positions, c.features),
    types = nn.embedding(2, c.features),
    norm = nn.layer_norm(c.features, { eps = eps }),
    layers = layers,
    forward = function(self, ids, mask)
      -- Counting the tokens instead of the columns leaves the length open when this is captured. There is one sentence,
      -- so that every token is of the first type.
      local places = (mask:cumsum(2) - 1):clamp(0)
      local x = self.norm(self.words(ids) + self.positions(places) + self.types.weight:narrow(1, 1, 1))
      local hidden = ((mask:float() - 1) * 1e9):unsqueeze(2):unsqueeze(2)
      for _, layer in ipairs(self.layers) do x = layer(x, hidden) end
      return x
    end,
  }
end

-- The whole: token numbers and mask to vectors [N, 384] of length 1. `c` may differ from MiniLM's own sizes.
function minilm.encoder(c)
  return nn.model{
    bert = transformer(c or minilm),
    forward = function(self, ids, mask)
      local x, tokens = self.bert(ids, mask), mask:float():unsqueeze(-1)
      local mean = (x * tokens):sum(2) / tokens:sum(2)
      return mean / mean:square():sum(2, { keepdim = true }):sqrt()
    end,
  }
end

local names = {
  ["embeddings.word_embeddings"] = "words", ["embeddings.position_embeddings"] = "positions",
  ["embeddings.token_type_embeddings"] = "types", ["embeddings.LayerNorm"] = "norm",
  ["attention.self.query"] = "attention.q", ["attention.self.key"] = "attention.k",
  ["attention.self.value"] = "attention.v", ["attention.output.dense"] = "attention.out",
  ["attention.output.LayerNorm"] = "attention_norm", ["intermediate.dense"] = "inner",
  ["output.dense"] = "outer", ["output.LayerNorm"] = "outer_norm",
}

-- A name in Hugging Face's file to ours; nil for what a sentence's vector does not need.
local function rename(name)
  local number, part, kind = name:match("^encoder%.layer%.(%d+)%.(.+)%.(%a+)$")
  if number then return names[part] and ("bert.layers.%d.%s.%s"):format(number + 1, names[part], kind) end
  part, kind = name:match("^(.+)%.(%a+)$")
  return names[part] and ("bert.%s.%s"):format(names[part], kind)
end

-- Where scripts/fetch-minilm puts the weights.
function minilm.folder()
  local cache = os.getenv("XDG_CACHE_HOME") or (os.getenv("HOME") or ".") .. "/.cache"
  return os.getenv("QSCRIPT_MINILM") or cache .. "/qscript/minilm"
end

-- The encoder and the tokenizer from a folder with model.safetensors and tokenizer.json; two folders if these lie apart.
function minilm.load(weights, vocabulary)
  local encoder = minilm.encoder()
  encoder:load(weights .. "/model.safetensors", { rename = rename })
  return encoder:eval(), qs.tokenizer.load((vocabulary or weights) .. "/tokenizer.json")
end

-- The vectors of a list of sentences, [N, 384], in its order. Sentences of about the same length run together, for a batch
-- is as long as its longest. `encoder` may be a captured graph or a program as well.
function minilm.embed(encoder, tokenizer, sentences, batch)
  local order, length = {}, {}
  for i, sentence in ipairs(sentences) do order[i], length[i] = i, #sentence end
  table.sort(order, function(a, b)
    if length[a] ~= length[b] then return length[a] < length[b] end
    return a < b
  end)
  local parts, place = {}, {}
  for first = 1, #order, batch or 32 do
    local texts = {}
    for i = first, math.min(first + (batch or 32) - 1, #order) do
      texts[#texts + 1], place[order[i]] = sentences[order[i]], i - 1
    end
    local ids, mask = tokenizer:encode(texts)
    parts[#parts + 1] = qs.no_grad(function() return encoder(ids, mask) end)
  end
  return qs.cat(parts):index_select(1, qs.tensor(place, { dtype = "i64" }))
end

return minilm
