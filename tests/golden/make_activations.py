# SPDX-License-Identifier: MIT
"""activations.json: values and derivatives of every activation."""
import numpy as np
import tensorflow as tf
from golden import flat, flow, grid, keras, write

ROWS, COLS = 3, 7
rng = np.random.default_rng(1933)
cases = []
x = grid(rng.normal(size=(ROWS, COLS)) * 2.5)
x[2] = [-21.25, 18.5, -6.03125, 7.015625, -1.03125, 0.96875, 0.0625]
dy = grid(rng.normal(size=(ROWS, COLS)))


def case(name, function, **params):
    with tf.GradientTape() as tape:
        variable = tf.Variable(x)
        y = function(variable, **params)
        total = tf.reduce_sum(y * dy)
    dx = tape.gradient(total, variable)
    cases.append({"component": name, "params": flow(params), "y": flat(y),
                  "dx": flat(dx)})


a = keras.activations
for name in ("linear relu sigmoid tanh softmax leaky_relu elu selu gelu silu "
             "softplus softsign hard_sigmoid exponential mish relu6 celu "
             "hard_shrink hard_silu hard_tanh log_sigmoid log_softmax "
             "soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus "
             "tanh_shrink threshold").split():
    if name == "threshold":
        case(name, a.threshold, threshold=0.5, default_value=-0.25)
    else:
        case(name, getattr(a, name))
case("relu", a.relu, negative_slope=0.125, max_value=2.0, threshold=0.5)
case("leaky_relu", a.leaky_relu, negative_slope=0.3)
case("elu", a.elu, alpha=0.625)
case("celu", a.celu, alpha=0.625)
case("gelu", a.gelu, approximate=True)
case("hard_shrink", a.hard_shrink, threshold=1.25)
case("soft_shrink", a.soft_shrink, threshold=1.25)
case("squareplus", a.squareplus, b=1.5)

write("activations", cases, rows=ROWS, cols=COLS, x=flat(x), dy=flat(dy))
