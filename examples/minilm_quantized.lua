-- all-MiniLM-L6-v2 with weights of few bits: how much of its sense of likeness each scheme keeps, in the programs that ship.
--
--     scripts/qscript examples/minilm_quantized.lua --sts DIR [--model DIR] [--vocabulary DIR] [--sentences N] [--only TEXT]
--
-- --sts: the folder with sts-train.csv, whose first sentences calibrate, and sts-dev.csv, which measures. --model: the
-- folder with model.safetensors, scripts/fetch-minilm's if left out; --vocabulary: the one with tokenizer.json, the same
-- if left out. --only runs the rows whose names contain TEXT.
local qs = require "qscript"
local common = require "results.common"
local minilm = require "minilm.encoder"
local sts = require "minilm.sts"

local options = common.options{ sts = "", model = minilm.folder(), vocabulary = "", sentences = 256, only = "", seed = 1 }
if options.sts == "" then
  io.stderr:write("minilm_quantized.lua: give the folder with sts-train.csv and sts-dev.csv with --sts DIR\n")
  os.exit(2)
end

local encoder, tokenizer = minilm.load(options.model, options.vocabulary ~= "" and options.vocabulary or nil)
local train, dev = sts.load(options.sts .. "/sts-train.csv"), sts.load(options.sts .. "/sts-dev.csv")
local rows = common.run(options.only == "" and "minilm" or "minilm-part", options)

-- Sentences of about the same length run together.
local sentences = table.move(train.first, 1, options.sentences, 1, {})
table.sort(sentences, function(a, b) return #a ~= #b and #a < #b or #a == #b and a < b end)
local calibration = {}
for first = 1, #sentences, 32 do
  local ids, mask = tokenizer:encode(table.move(sentences, first, math.min(first + 31, #sentences), 1, {}))
  calibration[#calibration + 1] = { ids, mask }
end

local graph = qs.capture(encoder, table.unpack(calibration[1])):open({ "batch", "length" }, { "batch", "length" })
local exact = minilm.embed(encoder, tokenizer, dev.first)

-- Spearman's correlation with people's scores, times 100, and the mean cosine to the vectors of fp32.
local function measure(name, model, extra)
  local function embed(texts) return minilm.embed(model, tokenizer, texts) end
  local first, second = embed(dev.first), embed(dev.second)
  extra.cosine = (first * exact):sum(2):mean():item()
  rows.add(name, 100 * sts.spearman((first * second):sum(2):totable(), dev.scores), extra)
end

local function quantized(name, o)
  if not name:find(options.only, 1, true) then return end
  o.calibration = calibration
  local started = qs.clock()
  local q = qs.quantize(graph, o)
  local seconds = qs.clock() - started
  local program = qs.compile(q)
  qs.assert_exact(q, program, { calibration[1] })
  measure(name, program, { seconds = seconds, bytes = program.bytes })
end

measure("fp32", encoder, { bytes = common.file_bytes(options.model .. "/model.safetensors") })

local dynamic, none = { mode = "dynamic" }, { mode = "none" }
-- The table of words has 8 bits beside layers of fewer, but for one row.
local embeddings = { ["bert.words"] = { bits = 8 }, ["bert.positions"] = { bits = 8 } }
local function grouped(bits, group, more)
  local weights = { bits = bits, group = group }
  for key, value in pairs(more or {}) do weights[key] = value end
  return weights
end

quantized("int8, dynamic activations", { activations = dynamic })
quantized("int8, dynamic activations, one scale a tensor", { activations = dynamic, weights = { granularity = "tensor" } })
quantized("int8, weights alone", { activations = none })
for _, entry in ipairs{
  { "by channel, round", "round", { bits = 4 } },
  { "by channel, gptq", "gptq", { bits = 4 } },
  { "groups of 128, gptq", "gptq", grouped(4, 128) },
  { "groups of 64, round", "round", grouped(4, 64) },
  { "groups of 64, round, mse", "round", grouped(4, 64, { observer = "mse" }) },
  { "groups of 64, hqq", "hqq", grouped(4, 64, { symmetric = false }) },
  { "groups of 64, awq", "awq", grouped(4, 64) },
  { "groups of 64, gptq", "gptq", grouped(4, 64) },
  { "groups of 64, gptq, mse", "gptq", grouped(4, 64, { observer = "mse" }) },
  { "groups of 64, gptq, asymmetric", "gptq", grouped(4, 64, { symmetric = false }) },
  { "groups of 32, gptq", "gptq", grouped(4, 32) },
} do
  quantized("int4, " .. entry[1], { activations = none, method = entry[2], weights = entry[3], layers = embeddings })
end
quantized("int4, groups of 64, gptq, embeddings as well", { activations = none, method = "gptq", weights = grouped(4, 64) })
quantized("int4, groups of 64, gptq, dynamic activations",
  { activations = dynamic, method = "gptq", weights = grouped(4, 64), layers = embeddings })
quantized("int3, groups of 32, gptq", { activations = none, method = "gptq", weights = grouped(3, 32), layers = embeddings })
