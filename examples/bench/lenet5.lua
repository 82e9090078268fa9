-- LeNet-5 on 28x28 images, with max pooling and relu.
local nn = require("qscript").nn

require("common").run("lenet5", nn.sequential{
  nn.conv2d(1, 6, 5, { padding = 2 }), nn.relu(), nn.max_pool2d(2),
  nn.conv2d(6, 16, 5), nn.relu(), nn.max_pool2d(2),
  nn.flatten(), nn.linear(400, 120), nn.relu(), nn.linear(120, 84), nn.relu(), nn.linear(84, 10),
}, { 1, 28, 28 })
