#!/usr/bin/env python3
"""Prints the figures of Tests/CompressionTests/TrainingGridTests.swift: what PyTorch's autograd makes of the papers'
formulas for LSQ, PACT and DoReFa, written as their authors do with detached rounding.

Made with torch 2.15.0.
"""
import torch


def show(name, *tensors):
    for part, tensor in zip(("y", "dx", "dp"), tensors):
        print(f"{name} {part}: [" + ", ".join(f"{v:.7g}" for v in tensor.flatten().tolist()) + "]")


def straight(x, y):
    """y forward, the gradient of x backward."""
    return x + (y - x).detach()


def scaled(x, g):
    """x forward, g times the gradient backward."""
    return g * x + (x - g * x).detach()


def lsq(x, step, low, high, n):
    step = scaled(step, (n * high) ** -0.5)
    v = torch.clamp(x / step, low, high)
    return straight(v, torch.round(v)) * step


def pact(x, bound, bits):
    """Equation 1 of the paper, then k bits."""
    clipped = 0.5 * (x.abs() - (x - bound).abs() + bound)
    n = 2**bits - 1
    return clipped + (torch.round(clipped * n / bound) * bound / n - clipped).detach()


def dorefa(w, bits):
    n = 2**bits - 1
    r = torch.tanh(w) / (2 * torch.tanh(w).abs().max()) + 0.5
    return 2 * straight(r, torch.round(r * n) / n) - 1


def run(name, function, x, parameter=None):
    x = torch.tensor(x, requires_grad=True)
    arguments = (x,) if parameter is None else (x, parameter)
    y = function(*arguments)
    up = torch.arange(1.0, x.numel() + 1).reshape(x.shape) / 4
    y.backward(up)
    show(name, y, x.grad, *([] if parameter is None else [parameter.grad]))


x = [-2.3, -0.9, -0.26, 0.1, 0.35, 0.8, 1.3, 4.0]
run("lsq unsigned", lambda x, s: lsq(x, s, 0, 3, 4), x, torch.tensor([0.5], requires_grad=True))
run("lsq weights", lambda x, s: lsq(x.reshape(2, 4), s, -7, 7, 4).flatten(), x,
    torch.tensor([[0.2], [0.3]], requires_grad=True))
run("pact", lambda x, b: pact(x, b, 2), x, torch.tensor([1.1], requires_grad=True))
run("dorefa", lambda x: dorefa(x, 2), x)
