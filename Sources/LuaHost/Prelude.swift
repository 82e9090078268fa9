/// The part of the host that is written in Lua, run once when a VM opens. It gets a table of host functions
/// and answers a table of tools. Its frames are left out of positions and tracebacks, for its chunk's name
/// begins with "=[".
enum Prelude {
  static let chunk = "=[qs host]"

  static let text = #"""
    local host = _HOST
    _HOST = nil
    local tools, getinfo = {}, debug.getinfo

    -- Strict globals: a name must be assigned at the top level of a script before it is read.
    local free = not host.strict
    setmetatable(_G, {
      __index = function(_, name)
        if not host.strict then return nil end
        local names = {}
        for key in pairs(_G) do if type(key) == "string" then names[#names + 1] = key end end
        host.refuse("undefined global '" .. tostring(name) .. "'", tostring(name), names)
      end,
      __newindex = function(globals, name, value)
        if not free and getinfo(2, "S").what == "Lua" then
          host.refuse("assignment to the undefined global '" .. tostring(name)
            .. "' inside a function; write 'local', or assign it at the top level first", "", {})
        end
        rawset(globals, name, value)
      end,
    })
    function tools.free_globals() free = true end

    -- Library modules come before files, so that a script cannot hide them by accident.
    table.insert(package.searchers, 2, function(name)
      local text = host.module(name)
      if not text then return "no library module '" .. name .. "'" end
      return assert(load(text, "=[" .. name .. "]", "t")), "[" .. name .. "]"
    end)

    -- declare{ "qs.train", "What it does.", {"name", "type", "doc", default = 1}, ..., options = {{...}},
    --          returns = "type", function(...) end }
    -- A parameter is optional where it has a default or says optional = true; an option unless it says
    -- required = true. The body gets the positional arguments with defaults filled in, and then, where there
    -- are options, a new table of them.
    local declared = setmetatable({}, {__mode = "k"})

    local function install(path, value)
      local where = _G
      local parent, name = path:match("^(.*)%.([^.]+)$")
      for part in (parent or ""):gmatch("[^.]+") do
        if rawget(where, part) == nil then rawset(where, part, {}) end
        where = rawget(where, part)
      end
      rawset(where, name or path, value)
    end

    local function checked(id, positional, options, body)
      if #positional == 0 and not options then
        return function(...)
          host.check(id, ...)
          return body(...)
        end
      end
      local count = #positional
      return function(...)
        local given = host.check(id, ...)
        local values = table.pack(...)
        local written = values[given + 1]
        for i = 1, count do
          if i > given then values[i] = nil end
          if values[i] == nil then values[i] = positional[i].default end
        end
        if not options then return body(table.unpack(values, 1, math.max(count, values.n))) end
        local chosen = {}
        for _, option in ipairs(options) do chosen[option[1]] = option.default end
        for key, value in pairs(written or {}) do chosen[key] = value end
        values[count + 1] = chosen
        return body(table.unpack(values, 1, count + 1))
      end
    end

    local function describe(params)
      local list = {}
      for i, p in ipairs(params) do
        local default = p.default
        if type(default) == "table" then default = tools.show(default) end
        list[i] = {p[1], p[2], p[3] or "", default = default, optional = p.optional, required = p.required}
      end
      return list
    end

    function tools.declare(declaration)
      local name, doc, body = declaration[1], declaration[2], declaration[#declaration]
      local positional = table.move(declaration, 3, #declaration - 1, 1, {})
      local options = declaration.options
      local id = host.declare(name, doc, describe(positional), options and describe(options) or {},
        declaration.returns or "")
      local wrapped = checked(id, positional, options, body)
      declared[wrapped] = name
      install(name, wrapped)
      return wrapped
    end
    package.loaded.declare = tools.declare

    -- Printing values as a session shows them: strings quoted, tables opened, cycles and depth cut short.
    local function key_text(key, show)
      if type(key) == "string" and key:match("^[%a_][%w_]*$") then return key end
      return "[" .. show(key) .. "]"
    end

    local function order(a, b)
      if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
      return type(a) < type(b)
    end

    function tools.show(value, depth, seen)
      depth, seen = depth or 0, seen or {}
      if type(value) == "string" then return (string.format("%q", value):gsub("\\\n", "\\n")) end
      if type(value) ~= "table" then return tostring(value) end
      local meta = getmetatable(value)
      if type(meta) == "table" and meta.__tostring then return tostring(value) end
      if seen[value] then return "{...}" end
      if depth >= 4 then return next(value) == nil and "{}" or "{...}" end
      seen[value] = true
      local parts, keys, count = {}, {}, rawlen(value)
      local function show(inner) return tools.show(inner, depth + 1, seen) end
      for i = 1, count do
        if #parts == 100 then parts[#parts + 1] = "... (" .. count .. " values)" break end
        parts[#parts + 1] = show(rawget(value, i))
      end
      for key in next, value do
        if not (math.type(key) == "integer" and key >= 1 and key <= count) then keys[#keys + 1] = key end
      end
      table.sort(keys, order)
      for i, key in ipairs(keys) do
        if i > 100 then parts[#parts + 1] = "... (" .. #keys .. " fields)" break end
        parts[#parts + 1] = key_text(key, show) .. " = " .. show(rawget(value, key))
      end
      seen[value] = nil
      local line = "{" .. table.concat(parts, ", ") .. "}"
      if #line + 2 * depth <= 100 then return line end
      local indent = string.rep("  ", depth + 1)
      return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. "\n" .. string.rep("  ", depth) .. "}"
    end

    -- A text with patterns replaced, each wherever it matches: pattern, replacement, pattern, replacement ...
    function tools.rewrite(text, replacements)
      for i = 1, #replacements, 2 do text = text:gsub(replacements[i], replacements[i + 1]) end
      return text
    end

    -- The last value of a session.
    function tools.keep(value) rawset(_G, "_", value) end

    -- Following a dotted path without calling anything.
    local function resolve(path)
      local value = _G
      for part in path:gmatch("[^.:]+") do
        if type(value) == "table" then value = rawget(value, part)
        elseif type(value) == "userdata" then
          local known, field = pcall(function() return value[part] end)
          value = known and field or nil
        else return nil end
      end
      return value
    end

    local function type_name(value)
      local meta = type(value) == "userdata" and debug.getmetatable(value)
      return meta and rawget(meta, "__name")
    end

    function tools.complete(text)
      local path, start = text:match("([%w_.:]*)([%w_]*)$")
      path, start = path:match("^(.-)([%w_]*)$")
      local value = path == "" and _G or resolve(path:sub(1, -2))
      local found = {}
      local function offer(name)
        if type(name) == "string" and name:match("^[%a_][%w_]*$") and name:sub(1, #start) == start then
          found[#found + 1] = path .. name
        end
      end
      if type(value) == "table" then for name in next, value do offer(name) end end
      for _, name in ipairs(host.members(type_name(value) or "")) do offer(name) end
      table.sort(found)
      return found
    end

    -- help(value) and help("path")
    local function help_text(subject)
      if type(subject) == "string" then return host.help(subject) end
      if declared[subject] then return host.help(declared[subject]) end
      if type(subject) == "function" then return host.help_function(subject) end
      if type(subject) == "userdata" then return host.help(type_name(subject) or "") end
      if type(subject) == "table" then
        for _, name in ipairs(host.libraries()) do
          if rawequal(resolve(name), subject) then return host.help(name) end
        end
      end
    end

    function tools.help(...)
      if select("#", ...) == 0 then return print(host.overview()) end
      local subject = ...
      local text = help_text(subject)
      if not text and type(subject) == "string" then text = "no help for '" .. subject .. "'" end
      print(text or "no help for this " .. type(subject))
    end
    rawset(_G, "help", tools.help)

    return tools
    """#
}
