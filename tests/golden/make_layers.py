# SPDX-License-Identifier: MIT
"""layers.json: outputs, gradients and moving state of layers."""
import numpy as np
import tensorflow as tf
from golden import flow, grid, keras, tensor, write

rng = np.random.default_rng(8171)
cases = []


def normal(*shape):
    return grid(rng.normal(size=shape))


def case(name, params, layer, inputs, training=True, whole=False):
    """Weights get random values; those with "var" in their name and those
    that scale stay positive. `whole`: inputs are indices, without gradient."""
    dtype = "int32" if whole else "float64"
    variables = [tf.Variable(x.astype(dtype)) for x in inputs]
    arguments = variables if len(variables) > 1 else variables[0]
    layer.build([x.shape for x in inputs] if len(inputs) > 1
                else inputs[0].shape)
    weights = []
    for w in layer.weights:
        value = normal(*w.shape)
        w.assign(np.abs(value) + 0.5 if "var" in w.name else value)
        weights.append({"name": w.name, "trained": int(w.trainable),
                        **tensor(w.numpy())})
    known = {} if name in ("dense", "embedding", "prelu", "add", "subtract",
                           "multiply", "average", "maximum", "minimum",
                           "concatenate", "dot") else {"training": training}
    with tf.GradientTape() as tape:
        y = layer(arguments, **known)
        dy = normal(*y.shape)
        total = tf.reduce_sum(y * dy)
    trained = [w.value for w in layer.trainable_variables]
    wanted = trained if whole else variables + trained
    slopes = [tf.convert_to_tensor(s) for s in tape.gradient(total, wanted)]
    dx = [] if whole else slopes[:len(variables)]
    dw = slopes[len(dx):]
    cases.append({
        "component": name, "params": flow(params), "training": int(training),
        "inputs": [tensor(x) for x in inputs], "weights": weights,
        "y": tensor(y.numpy()), "dy": tensor(dy),
        "dx": [tensor(s.numpy()) for s in dx],
        "dw": [tensor(s.numpy()) for s in dw],
        "state": [tensor(w.numpy()) for w in layer.non_trainable_variables
                  if "seed" not in w.name]})


k = keras.layers
case("dense", {"units": 3}, k.Dense(3), [normal(5, 7)])
case("dense", {"units": 2, "use_bias": False}, k.Dense(2, use_bias=False),
     [normal(1, 3)])
case("dense", {"units": 4}, k.Dense(4), [normal(2, 3, 5)])
for training in (True, False):
    case("batch_normalization", {}, k.BatchNormalization(), [normal(7, 3)],
         training)
    case("batch_normalization", {"momentum": 0.75, "epsilon": 0.03125},
         k.BatchNormalization(momentum=0.75, epsilon=0.03125),
         [normal(3, 2, 5)], training)
case("batch_normalization", {"center": False, "scale": False},
     k.BatchNormalization(center=False, scale=False), [normal(5, 2)])
case("layer_normalization", {}, k.LayerNormalization(), [normal(3, 7)])
case("layer_normalization", {"epsilon": 0.03125},
     k.LayerNormalization(epsilon=0.03125), [normal(2, 3, 5)])
case("layer_normalization", {"center": False, "scale": False},
     k.LayerNormalization(center=False, scale=False), [normal(2, 6)])
case("embedding", {"input_dim": 6, "output_dim": 3}, k.Embedding(6, 3),
     [rng.integers(0, 6, size=(3, 5)).astype(np.float64)], whole=True)
case("prelu", {}, k.PReLU(), [normal(3, 5)])
case("prelu", {"shared_axes": [1]}, k.PReLU(shared_axes=[1]),
     [normal(2, 3, 4)])
for name, made in (("add", k.Add), ("multiply", k.Multiply),
                   ("average", k.Average), ("maximum", k.Maximum),
                   ("minimum", k.Minimum), ("concatenate", k.Concatenate)):
    case(name, {}, made(), [normal(3, 5), normal(3, 5), normal(3, 5)])
case("subtract", {}, k.Subtract(), [normal(3, 5), normal(3, 5)])
case("concatenate", {"axis": 1}, k.Concatenate(axis=1),
     [normal(2, 3, 4), normal(2, 1, 4)])
case("concatenate", {}, k.Concatenate(), [normal(3, 2), normal(3, 5)])
case("dot", {"axes": 1}, k.Dot(axes=1), [normal(3, 5), normal(3, 5)])
case("dot", {"axes": 1, "normalize": True}, k.Dot(axes=1, normalize=True),
     [normal(3, 5), normal(3, 5)])
case("dot", {"axes": [2, 1]}, k.Dot(axes=(2, 1)),
     [normal(2, 3, 4), normal(2, 4, 5)])

write("layers", cases)
