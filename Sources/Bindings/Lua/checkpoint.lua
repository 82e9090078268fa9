-- Checkpoints of a training call: everything it needs to go on, bit for bit, as if nothing had happened.
--
-- One safetensors file. Tensors: `model.PATH`, `optimizer.NAME`, `best.PATH`. The metadata holds all numbers and texts,
-- one entry each, exactly: floats in hexadecimal.
local qs = require "qscript"

local checkpoint = {}

local FORMAT = "qscript training 1"

-- A key as a part of a path, and back.
local function escaped(key)
  if math.type(key) == "integer" then return "#" .. key end
  return (tostring(key):gsub("[/%%#]", function(c) return string.format("%%%02x", c:byte()) end))
end

local function unescaped(part)
  if part:sub(1, 1) == "#" then return math.tointeger(part:sub(2)) end
  return (part:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

-- A table of numbers, texts, booleans and tables as entries `name/1/loss` = "f 0x1.8p-1".
local function flatten(value, name, into)
  local kind = math.type(value) or type(value)
  if kind == "table" then
    for key, inner in pairs(value) do
      flatten(inner, name .. "/" .. escaped(key), into)
    end
  elseif kind == "integer" then into[name] = "i " .. value
  elseif kind == "float" then into[name] = string.format("f %a", value)
  elseif kind == "string" then into[name] = "s " .. value
  elseif kind == "boolean" then into[name] = "b " .. tostring(value) end
  return into -- functions and objects a script left in a table of metrics are not kept
end

local special = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0, ["-nan"] = 0 / 0 }
local readers = {
  i = math.tointeger, s = function(text) return text end, b = function(text) return text == "true" end,
  f = function(text) return special[text] or tonumber(text) end,
}

local function unflatten(entries, name)
  local root = {}
  for path, text in pairs(entries) do
    if path:sub(1, #name + 1) == name .. "/" then
      local where, keys = root, {}
      for key in path:sub(#name + 2):gmatch("[^/]+") do
        keys[#keys + 1] = unescaped(key)
      end
      for i = 1, #keys - 1 do
        where[keys[i]] = where[keys[i]] or {}
        where = where[keys[i]]
      end
      where[keys[#keys]] = readers[text:sub(1, 1)](text:sub(3))
    end
  end
  return root
end

local function with_prefix(prefix, tensors, into)
  for name, tensor in pairs(tensors or {}) do into[prefix .. name] = tensor end
end

local function without_prefix(prefix, tensors)
  local found = {}
  for name, tensor in pairs(tensors) do
    if name:sub(1, #prefix) == prefix then found[name:sub(#prefix + 1)] = tensor end
  end
  return found
end

-- What decides the outcome of a training call: two calls that agree here do the same.
local function recipe(o, optimizer)
  local function shown(value) return type(value) == "function" and "a function" or tostring(value) end
  local all = {
    call = o.caller, model = o.model:checksum(), data = o.data:checksum(), optimizer = tostring(optimizer),
    augment = shown(o.augment),
  }
  for _, name in ipairs{ "epochs", "batch_size", "lr", "momentum", "weight_decay", "schedule", "warmup", "clip_norm",
    "freeze", "patience", "keep_best", "precision", "temperature", "alpha" } do
    all[name] = shown(o[name])
  end
  if o.teacher then all.teacher = o.teacher:checksum() end
  if o.validation then all.validation = o.validation:checksum() end
  for name, place in pairs(qs.random_state()) do
    if name == "seed" then all.seed = place else all["random numbers"] = checkpoint.digest(place) end
  end
  return all
end

-- How far every stream has come, as one text.
function checkpoint.digest(streams)
  local parts = {}
  for name, place in pairs(streams) do parts[#parts + 1] = name .. " " .. place end
  table.sort(parts)
  return table.concat(parts, ", ")
end

local words = {
  model = "another model, or one with other weights to start from", data = "other data",
  teacher = "another teacher", validation = "other validation data",
}

-- What differs between two recipes, in words; nil where nothing does.
local function difference(saved, now)
  local names = {}
  for name in pairs(now) do names[#names + 1] = name end
  for name in pairs(saved) do
    if now[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if saved[name] ~= now[name] then
      return words[name] or string.format("%s %s, which is now %s", name, tostring(saved[name]), tostring(now[name]))
    end
  end
end

local allowed = { path = "string", steps = "number", minutes = "number" }

local function options(o)
  local given = o.checkpoint
  if type(given) ~= "table" then return { path = given ~= true and given or nil } end
  for name, value in pairs(given) do
    if allowed[name] ~= type(value) then
      error(string.format("%s: option 'checkpoint' takes {path = text, steps = N, minutes = N}; %s = %s is none of these",
        o.caller, tostring(name), tostring(value)), 0)
    end
  end
  return given
end

-- The keeper of one training call's checkpoint, or nil where none is wanted.
function checkpoint.open(o, optimizer)
  if not o.checkpoint then return nil end
  local given = options(o)
  local path, is_automatic = qs.checkpoint_place(o.caller, { path = given.path })
  local keeper = { path = path, steps = given.steps, seconds = given.minutes and given.minutes * 60 }
  local mine = recipe(o, optimizer)
  local saved_at, saved_step = qs.clock(), 0

  -- Goes back to what the file holds. Returns the loop's state, or nil where there is no file to go on from.
  function keeper.resume()
    local file = io.open(path, "rb")
    if not file then return nil end
    file:close()
    local tensors, entries = qs.safetensors.load(path)
    local reason = entries.format ~= FORMAT and "no training checkpoint"
      or difference(unflatten(entries, "recipe"), mine)
    local text = reason and (entries.format ~= FORMAT and reason or "a checkpoint of a training with " .. reason)
    if reason and is_automatic then -- the script has changed since
      io.stderr:write(string.format("%s: begins anew, as %s is %s\n", o.caller, path, text))
      return nil
    end
    if reason then
      error(string.format("%s: %s is %s; give another file, or remove this one to begin anew", o.caller, path, text), 0)
    end
    local state = unflatten(entries, "state")
    o.model:load_state(without_prefix("model.", tensors))
    optimizer:load_state(without_prefix("optimizer.", tensors))
    local best = without_prefix("best.", tensors)
    if next(best) then state.best.state = best end
    state.random.streams = state.random.streams or {}
    qs.load_random_state(state.random)
    saved_step = state.step
    return state
  end

  function keeper.save(state)
    local tensors = {}
    with_prefix("model.", o.model:state(), tensors)
    with_prefix("optimizer.", optimizer:state(), tensors)
    with_prefix("best.", state.best and state.best.state, tensors)
    local numbers = {}
    for name, value in pairs(state) do numbers[name] = value end
    if state.best then numbers.best = { accuracy = state.best.accuracy, epoch = state.best.epoch } end
    numbers.random = qs.random_state()
    local entries = flatten(numbers, "state", flatten(mine, "recipe", { format = FORMAT }))
    qs.safetensors.save(path, tensors, { metadata = entries })
    saved_at, saved_step = qs.clock(), state.step
  end

  -- Within an epoch, where so many steps or minutes have passed.
  function keeper.is_due(step)
    return (keeper.steps and step - saved_step >= keeper.steps)
      or (keeper.seconds and qs.clock() - saved_at >= keeper.seconds)
  end

  return keeper
end

return checkpoint
