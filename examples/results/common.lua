-- What the scripts of docs/results.md share: options, rows, and the networks.
local qs = require "qscript"
local nn = qs.nn
local common = { defaults = {} }

-- The defaults that come with what `option` is set to, or its default: one of the keys of `choices`.
local function chosen(option, default, choices)
  local value = default
  for i = 1, #arg - 1 do
    if arg[i] == "--" .. option then value = arg[i + 1] end
  end
  if choices[value] then return choices[value] end
  local known = {}
  for name in pairs(choices) do known[#known + 1] = name end
  table.sort(known)
  io.stderr:write(arg[0], ": --", option, " must be ", table.concat(known, " or "), " (got ", value, ")\n")
  os.exit(2)
end

-- Options of the command line over their defaults; a default of a number asks for a number, one of false for nothing.
-- An option in `choices` takes only these words, each of which may bring defaults of its own.
function common.options(defaults, choices)
  local o = {}
  for option, words in pairs(choices or {}) do
    for name, value in pairs(chosen(option, defaults[option], words)) do defaults[name] = value end
  end
  common.defaults = defaults
  for name, value in pairs(defaults) do o[name] = value end
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-([%a-]+)$")
    local default = name and defaults[name]
    if default == nil then
      local known = {}
      for key in pairs(defaults) do known[#known + 1] = "--" .. key end
      table.sort(known)
      io.stderr:write(arg[0], ": unknown option '", arg[i], "'; there are ", table.concat(known, ", "), "\n")
      os.exit(2)
    end
    local value = arg[i + 1]
    if type(default) == "number" then value = math.tointeger(tonumber(value)) end
    if default == false then value = true end
    if value == nil then
      io.stderr:write(arg[0], ": --", name, type(default) == "number" and " needs a whole number\n" or " needs a value\n")
      os.exit(2)
    end
    o[name], i = value, i + (default == false and 1 or 2)
  end
  return o
end

-- Whether a number was asked for that is not the default: then this is a trial, and no seed of the table.
local function is_trial(o, defaults)
  for name, value in pairs(defaults) do
    if type(value) == "number" and name ~= "seed" and o[name] ~= value then return true end
  end
  return false
end

-- Begins the run of one case of docs/results.md: `case` names its table, and each row is logged by its name.
function common.run(case, o)
  local kind = is_trial(o, common.defaults) and "trials/" or "results/"
  local run = qs.run{ name = kind .. case, seed = o.seed, parameters = o }
  local rows = {}
  -- A row: a name, what is measured, in the unit of the table, and the other columns by their names, such as bytes.
  function rows.add(name, value, extra)
    run:log{ [name] = value }
    local names, text = {}, {}
    for column in pairs(extra or {}) do names[#names + 1] = column end
    table.sort(names)
    for _, column in ipairs(names) do
      run:log{ [name .. " / " .. column] = extra[column] }
      text[#text + 1] = string.format("   %s %.7g", column, extra[column])
    end
    print(string.format("%-48s %9.5g%s", name, value, table.concat(text)))
  end
  -- The accuracy of a model in percent, and the bytes of its file.
  function rows.measure(name, model, data)
    local row = qs.measure(model, data)
    rows.add(name, 100 * row.accuracy, { bytes = row.bytes })
    return row
  end
  return rows, run
end

-- Bytes of a file.
function common.file_bytes(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:seek("end")
end

-- Two functions that make a quantized form of a model that was trained in fp32, and measure it: `quantized` after
-- training, with 512 examples to calibrate, and `trained`, by training further from the fp32 weights with the options
-- `training`, statistics and ranges frozen for the last epoch. What is measured is the program, after a look that it
-- gives the bits of the graph.
function common.forms(rows, model, train, test, training)
  local calibration, example, weights = train:take(512), (train:take(2):example()), model:state()
  local function measure(name, graph)
    local program = qs.compile(graph)
    qs.assert_exact(graph, program, test:take(64))
    rows.measure(name, program, test)
  end
  local function quantized(name, options)
    model:load_state(weights) -- `trained` leaves others
    options.calibration = calibration
    measure(name, qs.quantize(model, options))
  end
  local function trained(name, options)
    model:load_state(weights)
    local aware = qs.qat(model, example, options)
    training.batch_size, training.optimizer, training.freeze = 128, "sgd", training.epochs - 1
    qs.fit(aware, train, training)
    measure(name, qs.quantize(aware))
  end
  return quantized, trained
end

-- LeNet-5 on 28x28 images, with batch norm, max pooling and relu.
function common.lenet5()
  return nn.sequential{
    nn.conv2d(1, 6, 5, { padding = 2 }), nn.batch_norm2d(6), nn.relu(), nn.max_pool2d(2),
    nn.conv2d(6, 16, 5), nn.batch_norm2d(16), nn.relu(), nn.max_pool2d(2),
    nn.flatten(), nn.linear(400, 120), nn.relu(), nn.linear(120, 84), nn.relu(), nn.linear(84, 10),
  }
end

-- A small VGG on 28x28 images: three stages of two convolutions with batch norm.
function common.vgg(width)
  width = width or 16
  local layers, channels = {}, 1
  for stage = 0, 2 do
    for _ = 1, 2 do
      local out = width << stage
      layers[#layers + 1] = nn.conv2d(channels, out, 3, { padding = 1, bias = false })
      layers[#layers + 1] = nn.batch_norm2d(out)
      layers[#layers + 1] = nn.relu()
      channels = out
    end
    layers[#layers + 1] = nn.max_pool2d(2)
  end
  layers[#layers + 1] = nn.flatten()
  layers[#layers + 1] = nn.linear(channels * 3 * 3, 10)
  return nn.sequential(layers)
end

-- ResNet-8 on 32x32 colour images: MLPerf Tiny's image classification network.
function common.resnet8()
  local function conv(inputs, outputs, stride)
    return nn.conv2d(inputs, outputs, 3, { stride = stride, padding = 1, bias = false })
  end
  local function block(inputs, outputs, stride)
    local shortcut = inputs ~= outputs and nn.conv2d(inputs, outputs, 1, { stride = stride }) or nil
    return nn.residual(nn.sequential{
      conv(inputs, outputs, stride), nn.batch_norm2d(outputs), nn.relu(),
      conv(outputs, outputs, 1), nn.batch_norm2d(outputs),
    }, { shortcut = shortcut, activation = nn.relu() })
  end
  return nn.sequential{
    conv(3, 16, 1), nn.batch_norm2d(16), nn.relu(), block(16, 16, 1), block(16, 32, 2), block(32, 64, 2),
    nn.global_avg_pool2d(), nn.flatten(), nn.linear(64, 10),
  }
end

return common
