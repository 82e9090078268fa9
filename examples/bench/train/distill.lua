-- Distilling ResNet-20 into ResNet-8 on 32x32 colour images: the teacher runs with every batch.
local qs = require "qscript"
local common = require "common"
local networks = require "networks"

local shape = { 3, 32, 32 }
local teacher, student = networks.resnet(3), networks.resnet(1)
local x, y = common.data(shape)
local optimizer = qs.optim.sgd(student, { lr = 1e-3, momentum = 0.9 })
teacher:eval()
student:train()
common.report("distill", function()
  local answers = qs.no_grad(function() return teacher(x) end)
  qs.losses.distillation(student(x), answers, y, 4, 0.9):backward()
  optimizer:step()
  optimizer:zero_grad()
end, common.batch, common.training_flops(common.macs(student, shape), networks.first) + 2 * common.macs(teacher, shape))
