# SPDX-License-Identifier: MIT
"""optimizers.json: where weights stand after each of a dozen steps."""
import numpy as np
from golden import flat, flow, grid, keras, write

STEPS = 12
rng = np.random.default_rng(41717)
start = grid([2.385, -1.53, 0.0078125, -0.71, 11.3])
gradients = grid(rng.normal(size=(STEPS, 5)) *
                 np.array([1.0, 0.25, 3.0, 0.01, 20.0]))
gradients[0, 2] = 0.0   # a gradient of nothing at first
gradients[4:6, 3] = 0.0
cases = []


def case(name, optimizer, **params):
    weights = keras.Variable(start, dtype="float64")
    made = optimizer(**params)
    for beta in ("beta_1", "beta_2"):
        if hasattr(made, beta):
            # Keras would round a plain number to float before its powers.
            setattr(made, beta, np.float64(getattr(made, beta)))
    made.build([weights])
    path = []
    for gradient in gradients:
        made.apply([keras.ops.convert_to_tensor(gradient)], [weights])
        path.append(flat(weights.numpy()))
    cases.append({"component": name, "params": flow(params), "weights": path})


o = keras.optimizers
case("sgd", o.SGD)
case("sgd", o.SGD, learning_rate=0.1, momentum=0.9)
case("sgd", o.SGD, learning_rate=0.05, momentum=0.75, nesterov=True)
case("adam", o.Adam)
case("adam", o.Adam, learning_rate=0.03, beta_1=0.8, beta_2=0.95,
     epsilon=0.01)
case("adam", o.Adam, learning_rate=0.02, beta_2=0.5, amsgrad=True)
case("adamw", o.AdamW)
case("adamw", o.AdamW, learning_rate=0.05, weight_decay=0.25)
case("adamw", o.AdamW, learning_rate=0.02, beta_2=0.5, amsgrad=True)
case("rmsprop", o.RMSprop)
case("rmsprop", o.RMSprop, learning_rate=0.02, rho=0.75, epsilon=0.01)
case("rmsprop", o.RMSprop, learning_rate=0.01, momentum=0.9)
case("rmsprop", o.RMSprop, learning_rate=0.01, centered=True)
case("rmsprop", o.RMSprop, learning_rate=0.01, momentum=0.5, centered=True,
     epsilon=0.001)
case("adagrad", o.Adagrad)
case("adagrad", o.Adagrad, learning_rate=0.3, initial_accumulator_value=0.5,
     epsilon=0.01)
case("adadelta", o.Adadelta)
case("adadelta", o.Adadelta, learning_rate=1.0, rho=0.75, epsilon=0.0001)
case("adamax", o.Adamax)
case("adamax", o.Adamax, learning_rate=0.05, beta_1=0.75, beta_2=0.875,
     epsilon=0.01)
case("nadam", o.Nadam)
case("nadam", o.Nadam, learning_rate=0.05, beta_1=0.75, beta_2=0.875,
     epsilon=0.01)

write("optimizers", cases, start=flat(start),
      gradients=[flat(g) for g in gradients])
