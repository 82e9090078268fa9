#!/usr/bin/env python3
"""Writes Tests/Golden/quantization/observers.json: the ranges that ONNX Runtime's calibrators choose for values made by formula.

    golden_observers.py

Made with onnxruntime 1.31. The values are the same in Tests/CompressionTests/CalibratorTests.swift.
"""
import json
import pathlib
import tempfile

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import create_calibrator

root = pathlib.Path(__file__).resolve().parents[2]
SIZE, BATCHES = 20_000, 3


def uniform(batch, step):
    """Numbers spread evenly over 0...1 that look random: fractions of multiples of an irrational number."""
    i = np.arange(1, SIZE + 1, dtype=np.float64) + batch * SIZE
    return np.clip(np.modf(i * step)[0], 1e-9, 1 - 1e-9)


def bell(batch):
    return sum(uniform(batch, np.sqrt(p)) for p in (2, 3, 5, 7)) - 2


def laplace(batch):
    u = uniform(batch, np.sqrt(2))
    return np.where(u < 0.5, np.log(2 * u), -np.log(2 - 2 * u))


SHAPES = {
    "bell": bell,
    "laplace": laplace,
    "relu": lambda b: np.maximum(bell(b), 0),
    "shifted": lambda b: laplace(b) + 1,
    "outliers": lambda b: np.where(uniform(b, np.sqrt(11)) < 0.0005, 20 * bell(b), bell(b)),
}


def values(shape):
    """Three batches; the first holds 8, the largest magnitude, so that all bins are 8 / 1024 wide."""
    batches = [np.clip(SHAPES[shape](b), -8, 8).astype(np.float32) for b in range(BATCHES)]
    batches[0][0] = 8
    return batches


class Reader(CalibrationDataReader):
    def __init__(self, batches):
        self.left = [{"x": batch} for batch in batches]

    def get_next(self):
        return self.left.pop(0) if self.left else None


def model(path):
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [SIZE]) for n in "xy"]
    graph = onnx.helper.make_graph([node], "identity", ends[:1], ends[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)


def threshold(method, batches, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        model(path)
        calibrator = create_calibrator(path, augmented_model_path=f"{folder}/augmented.onnx",
                                       calibrate_method=method, extra_options=options)
        calibrator.collect_data(Reader(batches))
        low, high = calibrator.compute_data().data["x"].range_value
        return [float(np.ravel(low)[0]), float(np.ravel(high)[0])]


cases = []
for shape in SHAPES:
    batches = values(shape)
    cases.append({
        "shape": shape,
        "sum": float(np.sum([np.sum(b, dtype=np.float64) for b in batches])),
        "minmax": threshold(CalibrationMethod.MinMax, batches),
        "entropy": threshold(CalibrationMethod.Entropy, batches, num_bins=2048, num_quantized_bins=128),
        "percentile 99.9": threshold(CalibrationMethod.Percentile, batches, num_bins=2048, percentile=99.9, symmetric=False),
        "percentile 99": threshold(CalibrationMethod.Percentile, batches, num_bins=2048, percentile=99, symmetric=False),
    })
(root / "Tests/Golden/quantization/observers.json").write_text(json.dumps(cases, indent=1) + "\n")
