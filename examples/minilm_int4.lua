-- The weights of all-MiniLM-L6-v2 in 4 bits, by several methods: how much of its sense of likeness each of them keeps.
--
--     scripts/qscript examples/minilm_int4.lua --model DIR --vocabulary DIR --sts DIR [--group N] [--sentences N]
--
-- --model: the folder with model.safetensors (scripts/fetch-minilm); --vocabulary: the one with tokenizer.json, the same if
-- left out; --sts: sts-train.csv, whose first sentences calibrate, and sts-dev.csv, which measures. Weights of linear
-- layers are rounded; embeddings and activations stay as they are.
local qs = require "qscript"
local minilm = require "minilm.encoder"
local sts = require "minilm.sts"

local options = { group = "64", sentences = "256" }
for i = 1, #arg, 2 do
  local name = arg[i]:match("^%-%-(%a+)$")
  local known = name == "model" or name == "vocabulary" or name == "sts" or name == "group" or name == "sentences"
  if not known or not arg[i + 1] then
    io.stderr:write("minilm_int4.lua: options are --model, --vocabulary, --sts, --group and --sentences (got ", arg[i], ")\n")
    os.exit(2)
  end
  options[name] = arg[i + 1]
end
if not options.sts then
  io.stderr:write("minilm_int4.lua: --sts is missing: the folder with sts-train.csv and sts-dev.csv\n")
  os.exit(2)
end

local encoder, tokenizer = minilm.load(options.model or minilm.folder(), options.vocabulary)
local train, dev = sts.load(options.sts .. "/sts-train.csv"), sts.load(options.sts .. "/sts-dev.csv")

-- Sentences of about the same length run together.
local sentences = table.move(train.first, 1, tonumber(options.sentences), 1, {})
table.sort(sentences, function(a, b) return #a ~= #b and #a < #b or #a == #b and a < b end)
local calibration = {}
for first = 1, #sentences, 32 do
  local ids, mask = tokenizer:encode(table.move(sentences, first, math.min(first + 31, #sentences), 1, {}))
  calibration[#calibration + 1] = { ids, mask }
end

local graph = qs.capture(encoder, table.unpack(calibration[1])):open({ "batch", "length" }, { "batch", "length" })
local exact = minilm.embed(encoder, tokenizer, dev.first)

local function measure(name, model, seconds)
  local rho = sts.evaluate(dev, function(texts) return minilm.embed(model, tokenizer, texts) end)
  local cosine = (minilm.embed(model, tokenizer, dev.first) * exact):sum(2):mean():item()
  print(("%-28s Spearman %.2f  cosine %.5f  %6.1f s"):format(name, 100 * rho, cosine, seconds))
end

measure("fp32", encoder, 0)
local group = { bits = 4, group = tonumber(options.group) }
local methods = {
  { "int8, round", "round", { weights = { bits = 8 } } },
  { "int4, round", "round", { weights = group } },
  { "int4, round, mse", "round", { weights = group, observer = "mse" } },
  { "int4, hqq", "hqq", { weights = { bits = 4, group = group.group, symmetric = false } } },
  { "int4, awq", "awq", { weights = group } },
  { "int4, gptq", "gptq", { weights = group } },
  { "int4, gptq, mse", "gptq", { weights = group, observer = "mse" } },
  { "int4, gptq, asymmetric", "gptq", { weights = { bits = 4, group = group.group, symmetric = false } } },
}
for _, entry in ipairs(methods) do
  local name, method, o = table.unpack(entry)
  local started = qs.clock()
  local rounded
  if method == "round" or method == "hqq" then
    rounded = qs.quantization[method](graph, o)
  else
    rounded = qs.quantization[method](graph, calibration, o)
  end
  measure(name, rounded, qs.clock() - started)
end
