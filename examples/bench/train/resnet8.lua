-- Training ResNet-8 on 32x32 colour images.
local networks = require "networks"

require("common").supervised("resnet8", networks.resnet(1), { 3, 32, 32 }, networks.first)
