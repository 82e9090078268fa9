-- A sentence encoder of PyTorch's in qscript: all-MiniLM-L6-v2, its weights from a safetensors file.
--
--     scripts/qscript examples/minilm.lua [--model DIR] [--sts FILE] [--onnx FILE]
--
-- --model: the folder that scripts/fetch-minilm filled, its own if left out. --sts: sts-dev.csv or another file of the STS
-- Benchmark, to measure the encoder with. --onnx: where to write it as an ONNX model, which is then read back.
local qs = require "qscript"
local minilm = require "minilm.encoder"
local sts = require "minilm.sts"

local options = {}
for i = 1, #arg, 2 do
  local name = arg[i]:match("^%-%-(%a+)$")
  if not (name == "model" or name == "sts" or name == "onnx") or not arg[i + 1] then
    io.stderr:write("minilm.lua: options are --model DIR, --sts FILE and --onnx FILE (got ", arg[i], ")\n")
    os.exit(2)
  end
  options[name] = arg[i + 1]
end

local encoder, tokenizer = minilm.load(options.model or minilm.folder())
print(("%d parameters, %s"):format(encoder:count(), tostring(tokenizer)))

local sentences = {
  "The cat sits on the mat.", "A kitten is resting on a rug.", "The stock market fell sharply today.",
  "Shares lost much of their value.",
}
local vectors = minilm.embed(encoder, tokenizer, sentences)
local likeness = (vectors:matmul(vectors:transpose(1, 2))):totable()
for i, sentence in ipairs(sentences) do
  local row = {}
  for j = 1, #sentences do row[j] = ("%6.3f"):format(likeness[i][j]) end
  print(table.concat(row), sentence)
end

local set = options.sts and sts.load(options.sts)
local function measure(name, model)
  local started = os.clock()
  local rho = sts.evaluate(set, function(texts) return minilm.embed(model, tokenizer, texts) end)
  print(("%s: Spearman %.4f on %d pairs, %.1f s of processor time"):format(name, rho, #set.scores, os.clock() - started))
end
if set then measure("encoder", encoder) end

if options.onnx then
  local ids, mask = tokenizer:encode(sentences)
  local graph = qs.capture(encoder, ids, mask):open({ "batch", "length" }, { "batch", "length" })
  qs.onnx.save(graph, options.onnx)
  local read = qs.onnx.load(options.onnx)
  local difference = (minilm.embed(read, tokenizer, sentences) - vectors):abs():max():item()
  print(("%s: read back, it differs by at most %.1e"):format(options.onnx, difference))
  if set then measure("read back", read) end
end
