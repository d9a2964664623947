# SPDX-License-Identifier: MIT
"""layers_small.json: outputs and gradients of layers without weights."""
import inspect

import numpy as np
import tensorflow as tf
from golden import flow, grid, keras, tensor, write

rng = np.random.default_rng(2203)
cases = []


def normal(*shape):
    return grid(rng.normal(size=shape))


def case(name, params, layer, x, training=True):
    variable = tf.Variable(x.astype("float64"))
    known = inspect.signature(layer.call).parameters
    given = {"training": training} if "training" in known else {}
    with tf.GradientTape() as tape:
        y = layer(variable, **given)
        dy = normal(*y.shape)
        total = tf.reduce_sum(y * dy)
    dx = tf.convert_to_tensor(tape.gradient(total, variable))
    cases.append({
        "component": name, "params": flow(params), "training": int(training),
        "inputs": [tensor(x)], "weights": [],
        "y": tensor(y.numpy()), "dy": tensor(dy), "dx": [tensor(dx.numpy())],
        "dw": [], "state": []})


def ties(*shape):
    """Few different numbers: several elements of a window are its largest."""
    return rng.integers(-1, 2, size=shape).astype(np.float64)


k = keras.layers

# Pooling. Windows that overlap, that leave gaps, and that hang over.
for name, made in (("max_pooling1d", k.MaxPooling1D),
                   ("average_pooling1d", k.AveragePooling1D)):
    for x, params in (
            (normal(2, 6, 3), {}),
            (normal(2, 7, 2), {"padding": "same"}),
            (normal(1, 8, 3), {"pool_size": 3, "strides": 2}),
            (normal(2, 8, 1), {"pool_size": 3, "strides": 2,
                               "padding": "same"}),
            (normal(1, 9, 2), {"pool_size": 2, "strides": 3}),
            (normal(1, 3, 2), {"pool_size": 5, "strides": 1,
                               "padding": "same"})):
        case(name, params, made(**{"pool_size": 2, **params}), x)
for name, made in (("max_pooling2d", k.MaxPooling2D),
                   ("average_pooling2d", k.AveragePooling2D)):
    for x, params in (
            (normal(2, 4, 4, 3), {}),
            (normal(1, 2, 4, 19), {}),
            (normal(2, 5, 3, 2), {"padding": "same"}),
            (normal(1, 5, 4, 2), {"pool_size": 3, "strides": 2,
                                  "padding": "same"}),
            (normal(1, 6, 5, 1), {"pool_size": [3, 2], "strides": [2, 1]}),
            (normal(1, 5, 7, 2), {"pool_size": [1, 2], "strides": [2, 3]}),
            (normal(1, 2, 3, 17), {"pool_size": [2, 3], "strides": 1,
                                   "padding": "same"})):
        case(name, params, made(**{"pool_size": 2, **params}), x)
case("max_pooling2d", {}, k.MaxPooling2D(), ties(1, 6, 6, 2))
case("max_pooling1d", {"pool_size": 3, "strides": 2},
     k.MaxPooling1D(3, strides=2), ties(1, 9, 3))

write("layers_small", cases)
