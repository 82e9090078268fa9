-- Training a perceptron with layers of 300 and 100 on vectors of 784.
local nn = require("qscript").nn

require("common").supervised("mlp", nn.sequential{
  nn.linear(784, 300), nn.relu(), nn.linear(300, 100), nn.relu(), nn.linear(100, 10),
}, { 784 }, 784 * 300)
