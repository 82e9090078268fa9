-- qs.nn.model: free-form modules. The children are what the function uses, under the names it uses.
local qs = require "qscript"
local declare = require "declare"

local modules = { module = true, graph = true, recurrent = true }

-- A module, a tensor that requires gradients, or a list or table of these becomes one part or several.
local function collect(parts, seen, name, value)
  local kind = qs.type(value)
  if modules[kind] or (kind == "tensor" and value.requires_grad) then
    if not seen[value] then
      seen[value] = true
      parts[#parts + 1] = { name, value }
    end
  elseif type(value) == "table" and not seen[value] and value ~= _G and value ~= qs then
    seen[value] = true
    local keys = {}
    for key in next, value do
      if math.type(key) == "integer" or type(key) == "string" then keys[#keys + 1] = key end
    end
    table.sort(keys, function(a, b)
      if type(a) ~= type(b) then return type(a) == "number" end
      return a < b
    end)
    for _, key in ipairs(keys) do collect(parts, seen, name .. "." .. tostring(key), value[key]) end
  end
end

local function from_function(forward)
  local parts, seen = {}, {}
  for i = 1, math.huge do
    local name, value = debug.getupvalue(forward, i)
    if not name then break end
    if name ~= "_ENV" then collect(parts, seen, name, value) end
  end
  return qs.nn.scripted(forward, parts)
end

local function from_table(definition)
  local forward = definition.forward
  if type(forward) ~= "function" then
    error("model: the table needs a function 'forward', as in {conv = ..., forward = function(self, x) ... end}", 2)
  end
  local parts, names = {}, {}
  for name in next, definition do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  local seen = {}
  for _, name in ipairs(names) do collect(parts, seen, name, definition[name]) end
  return qs.nn.scripted(function(...) return forward(definition, ...) end, parts)
end

declare{
  "qs.nn.model",
  "A free-form module. A function: its children are the modules, and tensors that require gradients, that it uses from "
    .. "outside, under the names it uses. A table: its fields are, and forward(self, x) computes the result.",
  { "definition", "function|table", "function(x) ... end, or {name = module, ..., forward = function(self, x) ... end}" },
  returns = "module",
  function(definition)
    if type(definition) == "function" then return from_function(definition) end
    return from_table(definition)
  end,
}
