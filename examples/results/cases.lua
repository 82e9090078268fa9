-- The tables of docs/results.md, in order.
local images = [[
LeNet-5 has 61,706 weights. After training: 512 images to calibrate; per-channel weights. In training: from the fp32
weights, the first and last layer at 8 bits.]]

local function image_case(network, set, title)
  return {
    name = network .. "-" .. set, title = title, about = images, unit = "accuracy, %",
    command = string.format("scripts/qscript examples/results/images.lua --data DIR --set %s --network %s --seed N", set, network),
  }
end

return {
  image_case("lenet5", "mnist", "LeNet-5 on MNIST"),
  image_case("lenet5", "fashion", "LeNet-5 on Fashion-MNIST"),
  image_case("vgg", "mnist", "A small VGG on MNIST"),
  image_case("vgg", "fashion", "A small VGG on Fashion-MNIST"),
}
