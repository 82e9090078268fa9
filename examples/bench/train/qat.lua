-- Quantization-aware training of ResNet-8 on 32x32 colour images: weights per channel, activations per tensor.
local qs = require "qscript"
local common = require "common"
local networks = require "networks"

local shape = { 3, 32, 32 }
local model = networks.resnet(1)
local graph = qs.qat(model, qs.zeros(1, table.unpack(shape)))
common.supervised("qat", graph, shape, networks.first, common.macs(model, shape))
