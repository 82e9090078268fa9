"""Training steps in JAX, fp32, compiled, for scripts/bench train: train_jax.py NAME jit [SECONDS]

As train_torch.py, for the rows where JAX is the best peer.
"""
import json
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

BATCH = 128
NAME = sys.argv[1]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 1.5


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


def mlp():
    rng = np.random.default_rng(1)

    def weight(inputs, outputs):
        return jnp.asarray(rng.standard_normal((inputs, outputs)) / inputs**0.5, jnp.float32)

    layers = [(weight(a, b), jnp.zeros(b)) for a, b in ((784, 300), (300, 100), (100, 10))]
    x = jnp.asarray(rng.standard_normal((BATCH, 784)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 10, BATCH))

    def loss(layers):
        h = x
        for i, (w, b) in enumerate(layers):
            h = h @ w + b
            h = jax.nn.relu(h) if i < 2 else h
        return -jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1).mean()

    @jax.jit
    def update(state):
        layers, momentum = state
        gradient = jax.grad(loss)(layers)
        momentum = jax.tree_util.tree_map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree_util.tree_map(lambda w, m: w - 1e-3 * m, layers, momentum), momentum

    state = [update((layers, jax.tree_util.tree_map(jnp.zeros_like, layers)))]

    def step():
        state[0] = jax.block_until_ready(update(state[0]))

    value = BATCH / seconds_of(step)
    print(json.dumps({"case": "mlp", "metric": "rate", "value": float(f"{value:.5g}"), "unit": "images/s"}))


globals()[NAME]()
