#!/usr/bin/env python3
"""Writes Tests/Golden/quantization/methods.json: post-training methods on small cases, as their papers' formulas read.

    golden_quantization.py

Nothing here is fast or clever: inverses are formed and updated as written. Numbers are made by `wave`, which
Tests/CompressionTests/PostTraining has too.
"""
import json
import pathlib

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

root = pathlib.Path(__file__).resolve().parents[2]


def wave(shape, step, size=1.0):
    i = np.arange(np.prod(shape), dtype=np.float64)
    return (size * np.sin(i * step + 0.1 * i % 1.3)).reshape(shape)


def gptq(weight, x, bits, damping=0.01):
    """Optimal brain quantization with a fixed order: after each column, eliminate it from the inverse Hessian."""
    highest = 2 ** (bits - 1) - 1
    scale = (np.abs(weight).max(axis=1) / highest).astype(np.float32).astype(np.float64)
    h = x.T @ x
    h = h + damping * np.mean(np.diag(h)) * np.eye(len(h))
    inverse = np.linalg.inv(h)
    w, codes = weight.copy(), np.zeros_like(weight, dtype=int)
    for i in range(weight.shape[1]):
        codes[:, i] = np.clip(np.rint(w[:, i] / scale), -highest, highest)
        error = (w[:, i] - codes[:, i] * scale) / inverse[i, i]
        w -= np.outer(error, inverse[i])
        inverse = inverse - np.outer(inverse[:, i], inverse[i]) / inverse[i, i]
        inverse[i, :] = inverse[:, i] = 0
        inverse[i, i] = 1
    return codes


def hqq_zero(w, scale, zero, low, high, p=0.7, beta=10.0, kappa=1.01, iterations=20):
    best = np.inf
    for _ in range(iterations):
        q = np.clip(np.rint(w / scale + zero), low, high)
        r = w - (q - zero) * scale
        with np.errstate(divide="ignore"):
            e = np.sign(r) * np.maximum(np.abs(r) - np.abs(r) ** (p - 1) / beta, 0)
        zero = np.mean(q - (w - e) / scale)
        beta *= kappa
        error = np.mean(np.abs(r))
        if error >= best:
            break
        best = error
    return zero


def equalized(first, bias, second):
    """Channels i of first [O, ...] and of second [P, O, ...]."""
    r1 = np.abs(first).reshape(len(first), -1).max(axis=1)
    r2 = np.abs(second).transpose(1, 0, 2, 3).reshape(len(first), -1).max(axis=1)
    s = np.sqrt(r1 * r2) / r2
    return first / s[:, None, None, None], bias / s, second * s[None, :, None, None]


def clipped_mean(mean, deviation, low, high):
    inner = quad(lambda x: x * norm.pdf(x, mean, deviation), low, min(high, mean + 12 * deviation), epsabs=1e-12)[0]
    return inner + low * norm.cdf(low, mean, deviation) + (high * norm.sf(high, mean, deviation) if np.isfinite(high) else 0)


weight, x = wave((5, 150), 1.7), wave((400, 150), 0.37) * (1 + wave((150,), 0.9)) + 0.5 * wave((400, 1), 0.011)
weight, x = weight.astype(np.float32).astype(np.float64), x.astype(np.float32).astype(np.float64)
codes = gptq(weight, x, 4)
nearest = np.rint(weight / (np.abs(weight).max(axis=1, keepdims=True) / 7))

v = np.array([-6.0, -2.0, -0.3, 0.0, 0.7, 3.0])
h = np.clip(1.2 / (1 + np.exp(-v)) - 0.1, 0, 1)

group = wave((64,), 2.3, 0.2) ** 3 + 0.002
low, high = group.min(), group.max()
scale = (high - low) / 15

first, bias, second = wave((3, 2, 3, 3), 0.71) * np.array([1, 10, 0.1])[:, None, None, None], wave((3,), 0.5), wave((4, 3, 1, 1), 1.3)
a, b, c = equalized(first, bias, second)

activation, read = np.array([0.5, 20.0, 3.0]), np.array([0.2, 0.1, 0.4])
means = np.array([0.1, 2.0, 0.5, 1.0])
powers = means ** 0.35

(root / "Tests/Golden/quantization/methods.json").write_text(json.dumps({
    "gptq": {"codes": codes.ravel().tolist(), "differ_from_nearest": int((codes != nearest).sum()),
             "error": float((((codes * (np.abs(weight).max(axis=1, keepdims=True) / 7) - weight) @ x.T) ** 2).sum())},
    "adaround": {"v": v.tolist(), "h": h.tolist(), "pull": {str(b): float((1 - np.abs(2 * h - 1) ** b).sum()) for b in (20, 5, 2)}},
    "hqq": {"zero": float(hqq_zero(group, scale, np.rint(-8 - low / scale), -8, 7)), "start": float(np.rint(-8 - low / scale)),
            "scale": float(scale)},
    "equalized": {"first": a.ravel().tolist(), "bias": b.tolist(), "second": c.ravel().tolist()},
    "smoothquant": {"factors": {str(alpha): (activation ** alpha / read ** (1 - alpha)).tolist() for alpha in (0, 0.5, 0.8)}},
    "awq": {"factors": (powers / np.sqrt(powers.max() * powers.min())).tolist()},
    "clipped_means": [[m, d, lo, hi if np.isfinite(hi) else None, clipped_mean(m, d, lo, hi)]
                      for m, d, lo, hi in [(0.3, 1.0, 0.0, np.inf), (-2.0, 0.7, 0.0, np.inf), (2.0, 3.0, 0.0, 6.0)]],
}, indent=1) + "\n")
