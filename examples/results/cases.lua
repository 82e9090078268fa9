-- The tables of docs/results.md, in order.
local networks = {
  lenet5 = "LeNet-5 with batch norm has 61,750 weights.",
  vgg = "Three stages of two convolutions with batch norm, 16, 32 and 64 channels.",
}

local function image_case(network, set, title)
  return {
    name = network .. "-" .. set, title = title, unit = "accuracy, %",
    about = networks[network] .. " After training: 512 images to calibrate, weights by channel. In training: from the\n"
      .. "fp32 weights, the first and the last layer at 8 bits.",
    command = string.format("scripts/qscript examples/results/images.lua --data DIR --set %s --network %s --seed N", set, network),
  }
end

return {
  image_case("lenet5", "mnist", "LeNet-5 on MNIST"),
  image_case("lenet5", "fashion", "LeNet-5 on Fashion-MNIST"),
  image_case("vgg", "mnist", "A small VGG on MNIST"),
  image_case("vgg", "fashion", "A small VGG on Fashion-MNIST"),
  {
    name = "resnet8-cifar10", title = "ResNet-8 on CIFAR-10", unit = "accuracy, %",
    about = "MLPerf Tiny's network. After training: 512 images to calibrate. In training: from the fp32 weights.",
    command = "scripts/qscript examples/results/cifar.lua --train PATH[,PATH] --test PATH --seed N",
  },
}
