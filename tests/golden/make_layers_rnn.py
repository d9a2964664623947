# SPDX-License-Identifier: MIT
"""layers_rnn.json: outputs, states and gradients of recurrent layers."""
import numpy as np
import tensorflow as tf
from golden import flow, grid, keras, tensor, write

rng = np.random.default_rng(5081)
cases = []
STATES = {"lstm": ("state", "carry"), "gru": ("state",),
          "simple_rnn": ("state",)}
LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU,
          "simple_rnn": keras.layers.SimpleRNN}


def normal(*shape):
    return grid(rng.normal(size=shape))


def case(name, shape, masked=None, states=False, **params):
    """One layer on [batch, steps, features]. `masked`: rows of 0 and 1.
    `states`: initial states are inputs. A stateful layer has seen a batch
    before, which its states are from."""
    layer = LAYERS[name](**params)
    n = params["units"]
    x = [normal(*shape)]
    if states:
        x += [normal(shape[0], n) for _ in STATES[name]]
    variables = [tf.Variable(v) for v in x]
    layer.build(x[0].shape)
    weights = []
    trained = list(layer.trainable_weights)
    for w in trained:
        w.assign(grid(0.5 * normal(*w.shape)))
        weights.append({"name": w.name, "trained": 1, **tensor(w.numpy())})
    if params.get("stateful"):
        layer(tf.constant(normal(*shape)))
        for s, known in zip(layer.states, STATES[name]):
            s.assign(grid(s.numpy()))
            weights.append({"name": known, "trained": 0,
                            **tensor(s.numpy())})
    mask = None if masked is None else np.asarray(masked, dtype=bool)
    with tf.GradientTape() as tape:
        y = layer(variables[0], mask=mask,
                  initial_state=variables[1:] if states else None)
        y = list(y) if params.get("return_state") else [y]
        dy = [normal(*v.shape) for v in y]
        total = tf.add_n([tf.reduce_sum(a * b) for a, b in zip(y, dy)])
    dx = tape.gradient(total, variables + [w.value for w in trained])
    done = {
        "component": name, "params": flow(params), "training": 1,
        "inputs": [tensor(v) for v in x], "weights": weights,
        "y": [tensor(v.numpy()) for v in y], "dy": [tensor(v) for v in dy],
        "dx": [tensor(tf.convert_to_tensor(d).numpy())
               for d in dx[:len(x)]],
        "dw": [tensor(d.numpy()) for d in dx[len(x):]],
        "state": [tensor(s.numpy()) for s in layer.states]
                 if params.get("stateful") else []}
    if mask is not None:
        done["masks"] = [tensor(mask.astype(float))] + [None] * (len(x) - 1)
        if params.get("return_sequences"):
            backwards = params.get("go_backwards", False)
            done["mask"] = tensor(mask[:, ::-1 if backwards else 1]
                                  .astype(float))
    cases.append(done)


GAPS = [[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
for kind in LAYERS:
    case(kind, (2, 3, 2), units=3)
    case(kind, (2, 4, 3), units=2, return_sequences=True)
    case(kind, (3, 4, 1), units=2, return_state=True)
    case(kind, (2, 3, 2), units=3, return_sequences=True, return_state=True,
         go_backwards=True)
    case(kind, (2, 3, 2), units=2, go_backwards=True, use_bias=False)
    case(kind, (2, 3, 2), units=2, states=True, return_state=True)
    case(kind, (2, 3, 2), units=2, states=True, return_sequences=True)
    case(kind, (5, 2, 3), units=5, return_sequences=True)
    case(kind, (2, 3, 2), units=2, stateful=True, return_sequences=True)
    case(kind, (3, 5, 2), units=2, masked=GAPS)
    case(kind, (3, 5, 2), units=2, masked=GAPS, return_sequences=True,
         return_state=True)
    case(kind, (3, 5, 2), units=2, masked=GAPS, return_sequences=True,
         states=True, return_state=True, go_backwards=True)
    case(kind, (2, 3, 2), units=2, activation="relu", return_sequences=True)
    if kind != "simple_rnn":
        case(kind, (2, 3, 2), units=3, activation="softsign",
             recurrent_activation="hard_sigmoid", return_sequences=True)
        case(kind, (2, 3, 2), units=3, activation="gelu",
             recurrent_activation="softmax", return_sequences=True)
case("lstm", (2, 3, 2), units=2, unit_forget_bias=False)
for more in ({}, {"go_backwards": True}, {"use_bias": False},
             {"masked": GAPS}, {"states": True, "return_state": True},
             {"activation": "softsign", "recurrent_activation": "softmax"}):
    case("gru", (3, 5, 2), units=3, reset_after=False, return_sequences=True,
         **more)
case("gru", (5, 2, 3), units=5, reset_after=False)

# Several tiles of samples.
for kind in LAYERS:
    case(kind, (18, 2, 1), units=1, return_sequences=True, return_state=True)
    case(kind, (18, 3, 1), units=1,
         masked=rng.integers(0, 2, size=(18, 3)))
case("gru", (18, 2, 1), units=1, reset_after=False, return_sequences=True)

write("layers_rnn", cases)
