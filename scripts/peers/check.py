#!/usr/bin/env python3
"""Runs what scripts/peers/export.lua wrote in ONNX Runtime and LiteRT and compares it with qscript's own results.

    check.py FOLDER

Prints a line for each file. Float results may differ by 1e-5 of the largest value; of a quantized network, one element in
a thousand by one step: a 255th of the range of the results. Less than half a step is what a step inside the network leaves
of itself where the last layer gives real numbers. Two kinds may differ by more:

- A graph in training rounds in float, TFLite's integer arithmetic rounds twice, and its last layer gives int8: there
  every element may differ, by few steps.
- A number that falls between two steps in one of many transformer layers moves all positions of those behind it a little:
  such networks have to be as near to the float network as ours, and nearer to ours than to that.

Ends with 1 where more differs, or where a file is not valid.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter


def onnx_runtime(path, *inputs):
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {taken.name: x for taken, x in zip(session.get_inputs(), inputs)})[0]


def litert(path, x):
    interpreter = Interpreter(str(path), num_threads=1)
    taken = interpreter.get_input_details()[0]
    images = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x
    interpreter.resize_tensor_input(taken["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def root_mean_square(x):
    return float(np.sqrt(np.mean(np.square(x.astype(np.float64)))))


def compare_deep(y, expected, real):
    """As compare, for quantized networks of many transformer layers; `real` is what the float network gives."""
    ours, theirs, between = (root_mean_square(d) for d in (expected - real, y - real, y - expected))
    scale = root_mean_square(real)
    words = f"is {theirs / scale:.2%} off the float network, ours {ours / scale:.2%}"
    return words, theirs <= 1.05 * ours and between < ours


def compare(y, expected, form):
    """What differs, in words, and whether it may."""
    if y.shape != expected.shape:
        return f"has the shape {y.shape}, not {expected.shape}", False
    difference = np.abs(y.astype(np.float64) - expected)
    largest = max(1.0, float(np.abs(expected).max()))
    if form.startswith("float"):
        share = difference.max() / largest
        return f"differs by {share:.1e} of the largest", share <= 1e-5
    step = float(expected.max() - expected.min()) / 255
    moved = difference > 0.5 * step
    share = (difference > 0.01 * step).mean()
    words = f"{share:.3%} of {moved.size} elements differ, by at most {difference.max() / step:.2f} steps"
    if form == "trained.onnx":
        return words, difference.max() <= 2 * step
    if form == "int8.tflite":
        agreed = (y.argmax(-1) == expected.argmax(-1)).mean()
        return f"{words}; {agreed:.1%} of the classes agree", difference.max() <= 3 * step
    return words, difference.max() <= 1.01 * step and moved.mean() <= 0.001


# Networks of many transformer layers.
DEEP = {"encoder6"}

# What runs a file, and the results in the .npz that are to come out.
FORMS = {
    "float.onnx": (onnx_runtime, "float"),
    "trained.onnx": (onnx_runtime, "trained"),
    "qdq.onnx": (onnx_runtime, "int8"),
    "qoperator.onnx": (onnx_runtime, "int8"),
    "float.tflite": (litert, "float"),
    "int8.tflite": (litert, "int8"),
}


def main(folder):
    failed = checked = 0
    for results in sorted(pathlib.Path(folder).glob("*.npz")):
        stored = np.load(results)
        for form, (run, kind) in FORMS.items():
            path = results.with_name(f"{results.stem}.{form}")
            if kind not in stored or form.endswith("tflite") and not path.exists():
                continue
            inputs = [stored[name] for name in ("x", "x2") if name in stored]
            y = run(path, *inputs)
            if results.stem in DEEP and kind == "int8":
                words, is_fine = compare_deep(y, stored["int8"], stored["float"])
            else:
                words, is_fine = compare(y, stored[kind], form)
            print(f"{path.name:32} {'' if is_fine else 'NOT AS IT SHOULD BE: '}{words}")
            checked += 1
            failed += not is_fine
    print(f"{checked} files, {failed} not as they should be")
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
