-- How well vectors of sentences tell likeness: the STS Benchmark (Cer et al. 2017), sentence pairs that people scored.
--
--     local sts = require "minilm.sts"
--     local pairs = sts.load("sts-dev.csv")
--     print(sts.evaluate(pairs, function(sentences) return minilm.embed(encoder, tokenizer, sentences) end))
local sts = {}

-- The pairs of one of its files: lists `first`, `second` and `scores`, 0 to 5.
function sts.load(path)
  local set = { first = {}, second = {}, scores = {} }
  for line in assert(io.open(path)):lines() do
    local fields = {}
    for field in (line .. "\t"):gmatch("([^\t\r]*)[\t\r]") do fields[#fields + 1] = field end
    local score = tonumber(fields[5])
    if not (score and fields[7]) then error(path .. ": is not a file of the STS Benchmark: " .. line:sub(1, 60)) end
    local n = #set.scores + 1
    set.scores[n], set.first[n], set.second[n] = score, fields[6], fields[7]
  end
  return set
end

-- Places in ascending order; equal values share the mean of theirs.
local function ranks(values)
  local order, result = {}, {}
  for i = 1, #values do order[i] = i end
  table.sort(order, function(a, b) return values[a] < values[b] end)
  local first = 1
  while first <= #order do
    local last = first
    while last < #order and values[order[last + 1]] == values[order[first]] do last = last + 1 end
    for i = first, last do result[order[i]] = (first + last) / 2 end
    first = last + 1
  end
  return result
end

-- Spearman's correlation of two lists: that of their ranks.
function sts.spearman(a, b)
  local x, y, n = ranks(a), ranks(b), #a
  local mean = (n + 1) / 2
  local xy, xx, yy = 0, 0, 0
  for i = 1, n do
    local dx, dy = x[i] - mean, y[i] - mean
    xy, xx, yy = xy + dx * dy, xx + dx * dx, yy + dy * dy
  end
  return xy / math.sqrt(xx * yy)
end

-- Spearman's correlation between people's scores and the cosines; `embed` gives vectors of length 1 for a list of sentences.
function sts.evaluate(set, embed)
  local a, b = embed(set.first), embed(set.second)
  return sts.spearman((a * b):sum(2):totable(), set.scores)
end

return sts
