-- Training LeNet-5, with max pooling and relu, on 28x28 images.
local nn = require("qscript").nn

require("common").supervised("lenet5", nn.sequential{
  nn.conv2d(1, 6, 5, { padding = 2 }), nn.relu(), nn.max_pool2d(2),
  nn.conv2d(6, 16, 5), nn.relu(), nn.max_pool2d(2),
  nn.flatten(), nn.linear(400, 120), nn.relu(), nn.linear(120, 84), nn.relu(), nn.linear(84, 10),
}, { 1, 28, 28 }, 28 * 28 * 6 * 25)
