# SPDX-License-Identifier: MIT
"""losses.json: each row's loss and its gradient."""
import numpy as np
import tensorflow as tf
from golden import flat, flow, grid, keras, write

rng = np.random.default_rng(20385)
cases = []


def case(name, params, function, y, target, on_logits):
    y = np.asarray(y, dtype=np.float64)
    with tf.GradientTape() as tape:
        variable = tf.Variable(y)
        loss = function(tf.constant(target), variable)
        total = tf.reduce_sum(loss)
    slope = tape.gradient(total, variable)
    rows, cols = y.shape
    cases.append({
        "component": name, "params": flow(params), "rows": rows, "cols": cols,
        "on_logits": int(on_logits), "y": flat(y), "target": flat(target),
        "loss": flat(loss), "dy": flat(slope)})


def normal(rows, cols, scale=1.0):
    return grid(rng.normal(size=(rows, cols)) * scale)


def yes_no(rows, cols):
    return rng.integers(0, 2, size=(rows, cols)).astype(np.float64)


def distribution(rows, cols):
    """Rows of multiples of 1/1024 that add up to 1."""
    cuts = np.sort(rng.integers(1, 1024, size=(rows, cols - 1)), axis=1)
    edges = np.concatenate([np.zeros((rows, 1)), cuts,
                            np.full((rows, 1), 1024)], axis=1)
    return np.diff(edges, axis=1) / 1024


def one_hot(rows, cols):
    return np.eye(cols)[rng.integers(0, cols, size=rows)]


shapes = [(1, 1), (5, 1), (3, 7), (2, 19)]
losses = keras.losses
for shape in shapes:
    y, t = normal(*shape, 1.7), normal(*shape, 1.7)
    case("mean_squared_error", {}, losses.mean_squared_error, y, t, False)
    case("mean_absolute_error", {}, losses.mean_absolute_error, y, t, False)
    case("log_cosh", {}, losses.log_cosh, y, t, False)
    for delta in (1.0, 0.375):
        case("huber", {} if delta == 1.0 else {"delta": delta},
             lambda a, b, d=delta: losses.huber(a, b, delta=d), y, t, False)
    case("hinge", {}, losses.hinge, y, yes_no(*shape), False)
    case("hinge", {}, losses.hinge, y, 2 * yes_no(*shape) - 1, False)
    case("poisson", {}, losses.poisson, np.abs(y) + 0.25,
         np.floor(np.abs(t) * 2), False)
    for smooth in (0.0, 0.1875):
        params = {"label_smoothing": smooth} if smooth else {}

        def bce(a, b, logits, s=smooth):
            return losses.binary_crossentropy(a, b, from_logits=logits,
                                              label_smoothing=s)
        case("binary_crossentropy", params,
             lambda a, b: bce(a, b, True), normal(*shape, 4), yes_no(*shape),
             True)
        p = grid(rng.uniform(0.01, 0.99, size=shape))
        p.flat[0] = 1.0 if shape[0] > 1 else p.flat[0]
        p.flat[-1] = 0.0 if shape[0] > 1 else p.flat[-1]
        case("binary_crossentropy", params,
             lambda a, b: bce(a, b, False), p, yes_no(*shape), False)
case("log_cosh", {}, losses.log_cosh, np.array([[40.0, -37.5, 0.0009765625]]),
     np.zeros((1, 3)), False)
case("binary_crossentropy", {},
     lambda a, b: losses.binary_crossentropy(a, b, from_logits=True),
     np.array([[80.0, -80.0, 80.0, -80.0, 0.0]]),
     np.array([[1.0, 1.0, 0.0, 0.0, 1.0]]), True)

for shape in [(1, 2), (4, 3), (3, 10), (2, 21)]:
    z = normal(*shape, 3)
    p = grid(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)) + 1 / 1024
    case("kl_divergence", {}, losses.kl_divergence, p, distribution(*shape),
         False)
    case("cosine_similarity", {}, losses.cosine_similarity, z,
         normal(*shape), False)
    for smooth in (0.0, 0.125):
        params = {"label_smoothing": smooth} if smooth else {}
        for t in (one_hot(*shape), distribution(*shape)):
            for logits in (True, False):
                case("categorical_crossentropy", params,
                     lambda a, b, s=smooth, f=logits:
                     losses.categorical_crossentropy(
                         a, b, from_logits=f, label_smoothing=s),
                     z if logits else p, t, logits)
    index = rng.integers(0, shape[1], size=shape[0]).astype(np.float64)
    for ignore in (None, 1):
        params = {} if ignore is None else {"ignore_class": ignore}
        for logits in (True, False):
            case("sparse_categorical_crossentropy", params,
                 lambda a, b, i=ignore, f=logits:
                 losses.sparse_categorical_crossentropy(
                     a, b, from_logits=f, ignore_class=i),
                 z if logits else p, index, logits)
zeros = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]])
case("categorical_crossentropy", {}, losses.categorical_crossentropy, zeros,
     np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), False)
case("sparse_categorical_crossentropy", {},
     losses.sparse_categorical_crossentropy, zeros, np.array([1.0, 2.0]),
     False)
case("kl_divergence", {}, losses.kl_divergence, zeros,
     np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]), False)

write("losses", cases)
