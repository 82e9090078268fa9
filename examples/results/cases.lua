-- The tables of docs/results.md, in order.
local networks = {
  lenet5 = "LeNet-5 with batch norm has 61,750 weights.",
  vgg = "Three stages of two convolutions with batch norm, 16, 32 and 64 channels.",
}

local epochs = {
  lenet5 = "6 epochs in fp32 with images shifted by a pixel, then 10 for each scheme",
  vgg = "3 epochs in fp32 with images shifted by a pixel, then 3 for each scheme",
}

local function image_case(network, set, title)
  return {
    name = network .. "-" .. set, title = title, unit = "accuracy, %",
    about = networks[network] .. "\nAfter training: 512 images to calibrate, weights by channel. In training: from the fp32 "
      .. "weights, the first and the\nlast layer at 8 bits. " .. epochs[network] .. " with the images as\n"
      .. "they are: what schemes of many bits gain is that further training.",
    command = string.format("scripts/qscript examples/results/images.lua --data DIR --set %s --network %s --seed N", set, network),
  }
end

-- Nothing is drawn after training, so that one run is all there is.
local function fixed_case(name, title, about, unit, digits, command, columns)
  return {
    name = name, title = title, about = about, unit = unit, digits = digits, command = command, is_fixed = true,
    columns = columns or { { "bytes", "%.0f" }, { "seconds", "%.1f" } },
  }
end

local tiny = "scripts/qscript examples/mlperf_tiny.lua --data DIR --task "

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
  {
    name = "binary-mlp-mnist", title = "A perceptron of binary weights on MNIST", unit = "accuracy, %",
    about = "784-512-512-512-10, every weight -1 or 1 times a scale from the first step of training on, activations in 8 bits.",
    command = "scripts/qscript examples/binary_mlp.lua --data DIR --seed N",
  },
  fixed_case("mlperf-tiny-kws", "MLPerf Tiny: keyword spotting",
    "DS-CNN as MLCommons trained it. The first 200 of the 1,000 real inputs calibrate, the other 800 test: one input is 0.125.\n"
      .. "ONNX Runtime's quantizer reaches 91.13 with min-max ranges and 91.50 with percentiles on the same samples.",
    "accuracy, %", 2, tiny .. "kws"),
  fixed_case("mlperf-tiny-resnet8", "MLPerf Tiny: ResNet-8",
    "As MLCommons trained it. Images 1 to 256 of CIFAR-10's first file calibrate, 1,001 to 4,000 test: one image is 0.033.\n"
      .. "ONNX Runtime's quantizer reaches 93.03 with a scale for each channel and 92.50 with one for each tensor.",
    "accuracy, %", 2, tiny .. "resnet8 --cifar FILE"),
  fixed_case("mlperf-tiny-anomaly", "MLPerf Tiny: anomaly detection",
    "The autoencoder as MLCommons trained it. Its recordings cannot be had: 464 drawn ones match the range that the reference\n"
      .. "file was calibrated on; 64 calibrate. Spearman's correlation of 400 anomaly scores with those in float.",
    "rank correlation", 5, tiny .. "anomaly"),
  fixed_case("minilm", "all-MiniLM-L6-v2 on the STS Benchmark",
    "Spearman's correlation with people's scores on the 1,500 pairs of the dev split, times 100, and the mean cosine to the\n"
      .. "vectors of fp32. The first 256 sentences of the training split calibrate. Linear layers and embeddings have few bits,\n"
      .. "all else is f32; the table of words has 8 bits unless the row says so.",
    "Spearman", 2, "scripts/qscript examples/minilm_quantized.lua --sts DIR",
    { { "cosine", "%.5f" }, { "bytes", "%.0f" }, { "seconds", "%.1f" } }),
}
