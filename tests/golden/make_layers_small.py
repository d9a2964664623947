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


def case(name, params, layer, x, training=True, mask=None):
    variable = tf.Variable(x.astype("float64"))
    known = inspect.signature(layer.call).parameters
    given = {"training": training} if "training" in known else {}
    if mask is not None:
        given["mask"] = tf.constant(mask, dtype=tf.bool)
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
    if mask is not None:
        cases[-1]["masks"] = [tensor(mask)]
    own = layer.compute_mask(variable, None)
    if own is not None:
        cases[-1]["mask"] = tensor(own.numpy().astype(np.float64))


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

for keepdims in (False, True):
    for axes, names in (
            (1, (("global_max_pooling1d", k.GlobalMaxPooling1D),
                 ("global_average_pooling1d", k.GlobalAveragePooling1D))),
            (2, (("global_max_pooling2d", k.GlobalMaxPooling2D),
                 ("global_average_pooling2d", k.GlobalAveragePooling2D)))):
        for name, made in names:
            x = normal(2, 5, 3) if axes == 1 else normal(2, 3, 2, 5)
            case(name, {"keepdims": keepdims}, made(keepdims=keepdims), x)
case("global_average_pooling1d", {}, k.GlobalAveragePooling1D(),
     normal(3, 4, 2), mask=np.array([[1, 1, 0, 1], [1, 1, 1, 1],
                                     [0, 0, 1, 0]], dtype=np.float64))

# More and fewer positions.
case("zero_padding1d", {}, k.ZeroPadding1D(), normal(2, 3, 2))
case("zero_padding1d", {"padding": [2, 1]}, k.ZeroPadding1D((2, 1)),
     normal(2, 3, 1))
case("zero_padding2d", {}, k.ZeroPadding2D(), normal(2, 2, 3, 2))
case("zero_padding2d", {"padding": [2, 0]}, k.ZeroPadding2D((2, 0)),
     normal(1, 2, 3, 2))
case("zero_padding2d", {"padding": [0, 1, 2, 3]},
     k.ZeroPadding2D(((0, 1), (2, 3))), normal(2, 2, 3, 1))
case("cropping1d", {}, k.Cropping1D(), normal(2, 5, 2))
case("cropping1d", {"cropping": [0, 2]}, k.Cropping1D((0, 2)),
     normal(2, 4, 3))
case("cropping2d", {}, k.Cropping2D(), normal(1, 2, 3, 2))
case("cropping2d", {"cropping": [1, 2]}, k.Cropping2D((1, 2)),
     normal(1, 4, 5, 2))
case("cropping2d", {"cropping": [0, 1, 2, 0]}, k.Cropping2D(((0, 1), (2, 0))),
     normal(2, 3, 4, 2))
case("up_sampling1d", {}, k.UpSampling1D(), normal(2, 3, 2))
case("up_sampling1d", {"size": 3}, k.UpSampling1D(3), normal(1, 2, 3))
for how in ("nearest", "bilinear"):
    case("up_sampling2d", {"interpolation": how},
         k.UpSampling2D(interpolation=how), normal(2, 2, 3, 2))
    # A power of two: TensorFlow computes this in single precision.
    case("up_sampling2d", {"size": [4, 2], "interpolation": how},
         k.UpSampling2D((4, 2), interpolation=how), normal(1, 3, 2, 1))
case("repeat_vector", {"n": 3}, k.RepeatVector(3), normal(2, 5))

# Element by element, and rows.
for x in (normal(3, 5), normal(2, 2, 2, 3)):
    case("leaky_relu", {}, k.LeakyReLU(), x)
    case("relu", {}, k.ReLU(), x)
    case("elu", {}, k.ELU(), x)
    case("unit_normalization", {}, k.UnitNormalization(), x)
case("leaky_relu", {"negative_slope": 0.125}, k.LeakyReLU(0.125),
     normal(3, 4))
case("relu", {"max_value": 1.5, "negative_slope": 0.25, "threshold": 0.5},
     k.ReLU(max_value=1.5, negative_slope=0.25, threshold=0.5),
     2 * normal(4, 5))
case("elu", {"alpha": 0.5}, k.ELU(0.5), normal(3, 4))
case("rescaling", {"scale": 0.5, "offset": -1}, k.Rescaling(0.5, -1),
     normal(3, 4))
case("unit_normalization", {}, k.UnitNormalization(),
     np.concatenate([normal(1, 35), 0 * normal(1, 35)]))
x = normal(2, 4, 3)
x[0, 1] = 0
x[1, 2:] = 0
case("masking", {}, k.Masking(), x)
x[0, 0] = -1
x[1, 1] = [-1, 2, -1]
case("masking", {"mask_value": -1}, k.Masking(-1), x)

write("layers_small", cases)
