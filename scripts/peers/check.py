#!/usr/bin/env python3
"""Runs written models in ONNX Runtime and LiteRT and tells how their results differ from qscript's own.

    check.py [--nodes] FOLDER|MODEL.onnx...

A model.onnx has its values beside it, in the model.npz that qs.onnx.save writes for `samples`; a FOLDER may be one that
scripts/peers/export.lua filled, with TFLite files too. Prints a line for each file, with --nodes also one for each value
inside that differs.

Of a quantized ONNX model two differences are told:

- *given the same inputs*: every value on a grid is computed from qscript's own values before it, so that each operator
  is compared by itself. One element in a thousand may differ, by one step of the last place, and results that are real
  numbers by 1e-5 of the largest. Attention is one operator, which rounds its scores and their softmax inside of it: a tie
  there may move a result by three steps, in one element of a hundred thousand.
- *whole*: the model as it is. A number that lies between two steps may go to either, and all that follows moves with it,
  so that this difference grows with depth. Convolutional and fully connected networks keep to the rule all the same, a
  step being a 255th of the range of the results; the encoder of six layers only has to be as near to the float network as
  qscript is, and nearer to qscript than to that.

Graphs that are still in training, whose products are sums of f32, may differ by two steps as a whole. Float results may
differ by 1e-5 of the largest; where rows are rounded to 8 bits on the way, one element in twenty by a code of its row. In
TFLite's integer arithmetic, which rounds twice and gives int8, every element of a result may differ, by at most three
steps.

Ends with 1 where more differs, or where a file is not valid.
"""
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

# How ONNX Runtime computes products with 4-bit weights: in f32, or as it does by default, which rounds activations.
EXACT = {"session.qdq_matmulnbits_accuracy_level": "1"}


def onnx_runtime(model, inputs, configuration=EXACT):
    """All outputs of a model, by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    for key, value in configuration.items():
        options.add_session_config_entry(key, value)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = {taken.name: inputs[taken.name] for taken in session.get_inputs()}
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, given)))


def litert(path, x):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    taken = interpreter.get_input_details()[0]
    images = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x
    interpreter.resize_tensor_input(taken["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def relative(y, expected):
    """The largest difference, of the largest value."""
    return float(np.abs(y.astype(np.float64) - expected).max() / max(1.0, np.abs(expected).max()))


def steps(y, expected):
    """By how many 255ths of the range of the results each differs."""
    step = max(float(expected.max() - expected.min()), 1e-30) / 255
    return np.abs(y.astype(np.float64) - expected) / step


def root_mean_square(x):
    return float(np.sqrt(np.mean(np.square(x.astype(np.float64)))))


class Model:
    """An ONNX file and qscript's values for it."""

    def __init__(self, path):
        self.path = path
        self.model = onnx.load(str(path))
        onnx.checker.check_model(str(path), full_check=True)
        self.stored = dict(np.load(path.with_suffix(".npz")))
        self.outputs = [output.name for output in self.model.graph.output]
        self.is_trained = ".trained." in path.name
        ends = set(self.outputs) | {taken.name for taken in self.model.graph.input}
        self.inner = [name for name in self.stored if name not in ends]

    def whole(self, configuration=EXACT):
        return onnx_runtime(self.model.SerializeToString(), self.stored, configuration)

    def given(self):
        """What each value is where qscript's own stand before it."""
        taken = {name: name + "/given" for name in self.inner}
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        graph = model.graph
        for node in graph.node:
            node.input[:] = [taken.get(name, name) for name in node.input]
        for name in self.inner:
            x = self.stored[name]
            graph.input.append(onnx.helper.make_tensor_value_info(taken[name], onnx.TensorProto.UINT8, x.shape))
            graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, x.shape))
        inputs = self.stored | {taken[name]: self.stored[name] for name in self.inner}
        return onnx_runtime(model.SerializeToString(), inputs)

    def same_shapes(self, values):
        for name, value in values.items():
            if value.shape != self.stored[name].shape:
                return f"'{name}' has the shape {value.shape}, not {self.stored[name].shape}"


def check_given(model, lines):
    """Each operator by itself: what differs, in words, and whether it may."""
    values = model.given()
    problem = model.same_shapes(values)
    if problem:
        return problem, False
    count = moved = jumped = largest = 0
    for name in model.inner:
        difference = np.abs(values[name].astype(int) - model.stored[name].astype(int))
        count, moved, largest = count + difference.size, moved + (difference > 0).sum(), max(largest, difference.max())
        jumped += (difference > 1).sum()
        if difference.any():
            lines.append(f"    {name}: {(difference > 0).mean():.4%} of {difference.size}, by up to {difference.max()}")
    last = max(relative(values[name], model.stored[name]) for name in model.outputs)
    words = f"given the same inputs {moved / count:.4%} of {count} quantized values differ"
    if moved:
        words += f", by {largest} step{'s' if largest > 1 else ''}"
    words += f", real results by {last:.1e}"
    has_attention = any(node.op_type == "Softmax" for node in model.model.graph.node)
    is_near = largest <= 1 or has_attention and largest <= 3 and jumped <= 1e-5 * count
    return words, is_near and moved <= math.ceil(0.001 * count) and last <= 1e-5


def check_whole(model, real):
    """The network as it is; `real` is what the float network gives, where that is known."""
    y, expected = (np.concatenate([v[n].ravel() for n in model.outputs]) for v in (model.whole(), model.stored))
    difference = steps(y, expected)
    words = f"whole {(difference > 0.01).mean():.3%} of {difference.size} results, by up to {difference.max():.2f} steps"
    if difference.max() <= 1.01 and (difference > 0.5).mean() <= 0.001 or model.is_trained and difference.max() <= 2:
        return words, True
    if real is None:
        return words, False
    ours, theirs, between = (root_mean_square(d) for d in (expected - real, y - real, y - expected))
    scale = root_mean_square(real)
    words += f"; {theirs / scale:.2%} off the float network, ours {ours / scale:.2%}, {between / scale:.2%} apart"
    return words, theirs <= 1.05 * ours and between < ours


# A network in whose depth single steps spread.
DEEP = ("encoder6",)


def rounds_rows(model):
    """Whether rows of activations are rounded by their own largest magnitude."""
    return any(node.op_type == "ReduceMax" for node in model.model.graph.node)


def is_near_by_rows(model, values):
    """A number that lies between two codes of its row may go to either, and the row's results move by its share."""
    apart = np.concatenate([np.abs(values[n] - model.stored[n]).ravel() / np.abs(model.stored[n]).max() for n in model.outputs])
    return (apart > 1e-5).mean() <= 0.05 and apart.max() <= 1 / 127


def check_onnx(path, lines):
    model = Model(path)
    if not model.inner:
        values = model.whole()
        problem = model.same_shapes(values)
        if problem:
            return problem, False
        share = max(relative(values[name], model.stored[name]) for name in model.outputs)
        words = f"differs by {share:.1e} of the largest"
        if any(node.op_type == "DequantizeLinear" for node in model.model.graph.node):
            default = model.whole(configuration={})
            words += f" (by {max(relative(default[n], model.stored[n]) for n in model.outputs):.1e} as set by default)"
        return words, share <= 1e-5 or rounds_rows(model) and is_near_by_rows(model, values)
    given, is_fine = check_given(model, lines)
    float_values = path.with_name(path.name.split(".")[0] + ".float.npz")
    real = None
    if path.name.startswith(DEEP) and float_values.exists():
        stored = np.load(float_values)
        real = np.concatenate([stored[name].ravel() for name in model.outputs])
    whole, is_whole_fine = check_whole(model, real)
    return f"{given}; {whole}", is_fine and is_whole_fine


def check_tflite(path, lines):
    name, form = path.name.split(".")[:2]
    stored = np.load(path.with_name(name + ".npz"))
    y, expected = litert(path, stored["x"]), stored[form]
    if y.shape != expected.shape:
        return f"has the shape {y.shape}, not {expected.shape}", False
    if form == "float":
        share = relative(y, expected)
        return f"differs by {share:.1e} of the largest", share <= 1e-5
    difference = steps(y, expected)
    agreed = (y.argmax(-1) == expected.argmax(-1)).mean()
    words = f"{(difference > 0.01).mean():.3%} of {difference.size} results differ, by up to {difference.max():.2f} steps"
    return f"{words}; {agreed:.1%} of the classes agree", difference.max() <= 3


def main(arguments):
    shows_nodes = "--nodes" in arguments
    paths = []
    for argument in map(pathlib.Path, [a for a in arguments if a != "--nodes"]):
        files = sorted(argument.iterdir()) if argument.is_dir() else [argument]
        paths += [path for path in files if path.suffix in (".onnx", ".tflite")]
    failed = 0
    for path in paths:
        lines = []
        check = check_onnx if path.suffix == ".onnx" else check_tflite
        words, is_fine = check(path, lines)
        print(f"{path.name:32} {'' if is_fine else 'NOT AS IT SHOULD BE: '}{words}")
        if shows_nodes:
            print("\n".join(lines)) if lines else None
        failed += not is_fine
    print(f"{len(paths)} files, {failed} not as they should be")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
