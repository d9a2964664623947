# SPDX-License-Identifier: MIT
"""golden: what the generators of golden values share.

Each make_NAME.py computes with Keras on TensorFlow, in double precision
unless it says otherwise, and writes NAME.json beside itself:

    pip install keras tensorflow-cpu
    for f in make_*.py; do python3 $f; done

Inputs are multiples of 1/1024, so that they are the same numbers in float
and in double; results are written with all their digits.
"""
import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

keras.config.set_floatx("float64")
tf.config.experimental.enable_op_determinism()


def grid(values):
    """The nearest multiples of 1/1024, as doubles."""
    return np.round(np.asarray(values, dtype=np.float64) * 1024) / 1024


def flat(array):
    """The numbers of an array in row-major order, as Python's own."""
    numbers = np.asarray(array).reshape(-1)
    return [int(x) if float(x).is_integer() and abs(x) < 1e15 else float(x)
            for x in numbers]


def tensor(array):
    return {"shape": list(np.shape(array)), "data": flat(array)}


def flow(params):
    """A parameter table as a YAML flow map."""
    def text(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None:
            return "null"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(text(v) for v in value) + "]"
        return str(value)
    return "{" + ", ".join(f"{k}: {text(v)}" for k, v in params.items()) + "}"


def layer_case(name, params, inputs, weights, y, dy, slopes, masks=None):
    """A case of a layer: slopes are of the inputs, and then of the weights."""
    case = {
        "component": name, "params": flow(params), "training": 1,
        "inputs": [tensor(x) for x in inputs], "weights": weights,
        "y": tensor(y.numpy()), "dy": tensor(dy),
        "dx": [tensor(s.numpy()) for s in slopes[:len(inputs)]],
        "dw": [tensor(s.numpy()) for s in slopes[len(inputs):]],
        "state": []}
    if masks is not None:
        case["masks"] = [None if m is None else tensor(m) for m in masks]
    return case


def write(name, cases, **more):
    """Writes NAME.json, a case to a line."""
    here = pathlib.Path(__file__).resolve().parent
    head = {"source": f"Keras {keras.__version__}, "
                      f"TensorFlow {tf.__version__}", **more}
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    text = json.dumps(head, separators=(",", ":"))[:-1]
    text += ',\n"cases":[\n' + ",\n".join(lines) + "\n]}\n"
    path = here / f"{name}.json"
    path.write_text(text)
    print(f"{path.name}: {len(cases)} cases, {len(text)} bytes")
