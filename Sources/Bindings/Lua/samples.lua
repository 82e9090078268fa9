-- Data as scripts give it to quantization: a data set, or a list of batches, each a list of a model's inputs.
local qs = require "qscript"

local samples = {}

-- The inputs of the first batch, as a list; nil where there is none.
function samples.first(data)
  if qs.type(data) == "table" then return data[1] end
  return { (data:example()) }
end

-- The same of one sample: what has the first input's samples is cut to the first of them.
function samples.one(data)
  local inputs = samples.first(data)
  local count, one = inputs and #inputs[1].shape > 0 and inputs[1].shape[1] or nil, {}
  for i, x in ipairs(inputs or {}) do
    one[i] = count and #x.shape > 0 and x.shape[1] == count and x:narrow(1, 1, 1) or x
  end
  return one
end

-- About so many examples: of a list, whole batches.
function samples.take(data, count)
  if qs.type(data) ~= "table" then return data:take(math.min(#data, count)) end
  local part, seen = {}, 0
  for _, batch in ipairs(data) do
    if seen >= count then break end
    part[#part + 1], seen = batch, seen + #batch[1]
  end
  return part
end

-- A graph of the model, which the first batch of the data shows how to run; `caller` is named where there is none.
function samples.captured(model, data, caller)
  if qs.type(model) == "graph" then return model end
  local inputs = samples.first(data)
  if qs.type(inputs) ~= "table" then
    error(caller .. ": there is no data; give a data set, or a list of batches, each a list of inputs", 0)
  end
  return qs.capture(model, table.unpack(inputs))
end

return samples
