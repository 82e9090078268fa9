"""Training steps in PyTorch for scripts/bench train: train_torch.py NAME VARIANT [SECONDS]

NAME is that of a file in examples/bench/train, whose network, data and optimizer the function here repeats. VARIANT is eager or
channels_last, in fp32, or bf16: channels_last under autocast.
Prints a JSON object a line, {"case","metric","value","unit"}, as the Lua file does.
"""
import json
import resource
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 128
NAME, VARIANT = sys.argv[1:3]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 1.5


def emit(case, metric, value, unit):
    print(json.dumps({"case": case, "metric": metric, "value": float(f"{value:.5g}"), "unit": unit}), flush=True)


def seconds_of(step):
    """Seconds of one call, measured as examples/bench/train/common.lua does."""
    start = time.perf_counter()
    for _ in range(3):
        step()
    calls = max(1, int(0.03 / ((time.perf_counter() - start) / 3)) + 1)
    every, undisturbed = [], []
    stop = time.perf_counter() + SECONDS
    while time.perf_counter() < stop or len(every) < 3:
        processor, wall = time.process_time(), time.perf_counter()
        for _ in range(calls):
            step()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        every.append(processor / calls)
        if processor >= 0.95 * wall:
            undisturbed.append(wall / calls)
    return statistics.median(undisturbed if len(undisturbed) >= 3 else every)


def report(case, step, items, unit="images/s"):
    emit(case, "rate", items / seconds_of(step), unit)
    emit(case, "memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


def lying(value):
    return value.to(memory_format=torch.channels_last) if VARIANT != "eager" else value


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, fused=True)


def data(shape):
    torch.manual_seed(1)
    x = torch.randn(BATCH, *shape)
    return lying(x) if len(shape) == 3 else x, torch.randint(0, 10, (BATCH,))


def supervised(case, net, shape):
    x, y = data(shape)
    net = lying(net.train())
    optimizer = sgd(net)

    def step():
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    report(case, step, BATCH)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f3(F.relu(self.f2(F.relu(self.f1(x.flatten(1))))))


class Block(nn.Module):
    def __init__(self, conv, inputs, outputs, stride):
        super().__init__()
        self.a, self.b = conv(inputs, outputs, 3, stride, 1, bias=False), conv(outputs, outputs, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv(inputs, outputs, 1, stride)

    def forward(self, x):
        y = self.nb(self.b(F.relu(self.na(self.a(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """ResNet-8 for n = 1, ResNet-20 for n = 3."""

    def __init__(self, n, conv=nn.Conv2d):
        super().__init__()
        layers, channels = [conv(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
        for outputs in (16, 32, 64):
            for i in range(n):
                layers.append(Block(conv, channels, outputs, 2 if outputs > 16 and i == 0 else 1))
                channels = outputs
        self.body, self.fc = nn.Sequential(*layers), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))


class FakeConv(nn.Conv2d):
    """Weights fake-quantized per channel (symmetric), results per tensor (range of the batch)."""

    def forward(self, x):
        scale = self.weight.detach().abs().amax((1, 2, 3)) / 127 + 1e-8
        zeros = torch.zeros(scale.numel(), dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(self.weight, scale, zeros, 0, -127, 127)
        y = F.conv2d(x, weight, self.bias, self.stride, self.padding)
        low, high = torch.aminmax(y.detach())
        step = (high - low) / 255 + 1e-8
        zero = (-low / step).round().clamp(0, 255).int()
        return torch.fake_quantize_per_tensor_affine(y, step, zero, 0, 255)


def mlp():
    net = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
    supervised("mlp", net, (784,))


def lenet5():
    supervised("lenet5", LeNet(), (1, 28, 28))


def resnet8():
    supervised("resnet8", ResNet(1), (3, 32, 32))


def qat():
    supervised("qat", ResNet(1, FakeConv), (3, 32, 32))


def distill():
    teacher, net = lying(ResNet(3).eval()), lying(ResNet(1).train())
    x, y = data((3, 32, 32))
    optimizer, T = sgd(net), 4.0

    def step():
        with torch.no_grad():
            t = teacher(x)
        s = net(x)
        soft = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean") * T * T
        (soft * 0.9 + 0.1 * F.cross_entropy(s, y)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    report("distill", step, BATCH)


def lstm():
    torch.manual_seed(1)
    net, x = nn.LSTM(128, 128), torch.randn(64, 32, 128)
    optimizer = sgd(net)

    def step():
        net(x)[0].square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    report("lstm", step, 32, "sequences/s")


def encoder():
    torch.manual_seed(1)
    layer = nn.TransformerEncoderLayer(384, 12, 1536, dropout=0, activation="gelu", batch_first=True)
    net, x = nn.TransformerEncoder(layer, 6), torch.randn(8, 128, 384)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)

    def step():
        net(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    report("encoder", step, 8, "sequences/s")


def overhead():
    calls = 1000

    def report_call(case, step):
        emit(case, "time", 1e9 * seconds_of(step) / calls, "ns")

    a, b = torch.randn(10), torch.randn(10)

    def add():
        for _ in range(calls):
            a + b

    report_call("add", add)
    a.requires_grad = True
    report_call("add_recorded", add)
    x, w = torch.randn(1, 16), torch.randn(16, 16, requires_grad=True)

    def product_backward():
        for _ in range(calls):
            (x @ w).sum().backward()

    report_call("product_backward", product_backward)


torch.set_num_threads(1)
with torch.autocast("cpu", torch.bfloat16, enabled=VARIANT == "bf16"):
    globals()[NAME]()
