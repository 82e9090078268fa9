-- What recipes of qs.quantize and qs.qat have in common: the keys of their tables, and rules for layers by name.
local recipe = {}

-- Refuses a key that is not in `known`.
function recipe.only(given, known, where, caller)
  for key in pairs(given) do
    if known[key] == nil then
      local names = {}
      for name in pairs(known) do names[#names + 1] = name end
      table.sort(names)
      error(string.format("%s: %s has no '%s' (there are %s)", caller, where, key, table.concat(names, ", ")), 0)
    end
  end
end

recipe.scheme_keys = {
  bits = true, levels = true, granularity = true, group = true, symmetric = true, power_of_two = true,
}

-- A table of weights without how its scales are chosen.
function recipe.scheme(weights)
  local result = {}
  for key, value in pairs(weights) do
    if key ~= "observer" then result[key] = value end
  end
  return result
end

-- What a recipe says of layers by name, those to leave in float among them.
function recipe.rules(o, caller)
  local layers = {}
  for name, choice in pairs(o.layers) do
    if type(choice) == "table" then
      recipe.only(choice, recipe.scheme_keys, "layers[\"" .. name .. "\"]", caller)
    elseif choice ~= "float" then
      error(string.format("%s: layers[\"%s\"] must be a table like weights, or \"float\"", caller, name), 0)
    end
    layers[name] = choice
  end
  for key, name in pairs(o.leave or {}) do
    if math.type(key) ~= "integer" or type(name) ~= "string" then
      error(caller .. ": option 'leave' must be a list of names of layers, such as {\"0\", \"head\"}", 0)
    end
    layers[name] = "float"
  end
  return layers
end

return recipe
