# SPDX-License-Identifier: MIT
"""losses_more.json: losses of rows, of samples ("sample" is their shape) and
of batches. What is differentiated is the sum over rows, to each of which a
loss of samples or of a batch gives its value."""
import numpy as np
import tensorflow as tf
from golden import flat, flow, grid, keras, write

rng = np.random.default_rng(5501)
cases = []
losses = keras.losses


def case(name, params, function, y, target, on_logits=False, sample=None,
         rows=None):
    """function gives the losses of rows; `rows` tells how these come of
    what it gives."""
    with tf.GradientTape() as tape:
        variable = tf.Variable(y)
        loss = function(tf.constant(target), variable)
        loss = loss if rows is None else rows(loss)
        total = tf.reduce_sum(loss)
    slope = tape.gradient(total, variable)
    cols = y.shape[-1]
    cases.append({
        "component": name, "params": flow(params), "rows": y.size // cols,
        "cols": cols, "on_logits": int(on_logits),
        **({} if sample is None else {"sample": sample}), "y": flat(y),
        "target": flat(target), "loss": flat(loss),
        "dy": flat(tf.convert_to_tensor(slope))})


def normal(*shape, scale=1.0):
    return grid(rng.normal(size=shape) * scale)


def yes_no(*shape):
    return rng.integers(0, 2, size=shape).astype(np.float64)


def one_hot(rows, cols):
    return np.eye(cols)[rng.integers(0, cols, size=rows)]


for shape in [(1, 1), (5, 1), (3, 7), (2, 19)]:
    y, t = normal(*shape, scale=1.7), normal(*shape, scale=1.7)
    case("mean_absolute_percentage_error", {},
         losses.mean_absolute_percentage_error, y, t)
    case("mean_squared_logarithmic_error", {},
         losses.mean_squared_logarithmic_error, y, np.abs(t))
    case("squared_hinge", {}, losses.squared_hinge, y, yes_no(*shape))
    case("squared_hinge", {}, losses.squared_hinge, y, 2 * yes_no(*shape) - 1)
    for params in ({}, {"gamma": 0.75, "label_smoothing": 0.125},
                   {"apply_class_balancing": True, "alpha": 0.375}):
        p = grid(rng.uniform(0.01, 0.99, size=shape))
        for on_logits in (False, True):
            case("binary_focal_crossentropy", params,
                 lambda a, b, o=on_logits, s=params:
                 losses.binary_focal_crossentropy(a, b, from_logits=o, **s),
                 normal(*shape, scale=2) if on_logits else p, yes_no(*shape),
                 on_logits)

for shape in [(1, 2), (4, 3), (3, 10)]:
    z = normal(*shape, scale=2)
    p = grid(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)) + 1 / 1024
    case("categorical_hinge", {}, losses.categorical_hinge, z,
         one_hot(*shape))
    for params in ({}, {"gamma": 0.5, "label_smoothing": 0.125,
                        "alpha": 1}):
        for on_logits in (False, True):
            case("categorical_focal_crossentropy", params,
                 lambda a, b, o=on_logits, s=params:
                 losses.categorical_focal_crossentropy(a, b, from_logits=o,
                                                       **s),
                 z if on_logits else p, one_hot(*shape), on_logits)
    index = rng.integers(0, shape[1], size=shape[0]).astype(np.float64)
    for q in (0.5, 0.125):
        for on_logits in (False, True):
            case("categorical_generalized_cross_entropy", {"q": q},
                 lambda a, b, o=on_logits, s=q:
                 losses.categorical_generalized_cross_entropy(
                     a, tf.nn.softmax(b) if o else b, s),
                 z if on_logits else p, index, on_logits)
alpha = [0.25, 0.5, 1.25]
case("categorical_focal_crossentropy", {"alpha": alpha},
     lambda a, b: losses.categorical_focal_crossentropy(a, b, alpha=alpha),
     grid(rng.dirichlet(np.ones(3), size=4)), one_hot(4, 3), sample=[3])

# How far sets overlap.
for sample in ([5], [2, 3], [2, 3, 2]):
    shape = [3] + sample
    count = 3 * int(np.prod(sample[:-1]))
    every = len(sample)
    axes = [None, list(range(1, every + 1))]
    axes += [[0, 1]] + ([[1, 2]] if every == 3 else [])
    for axis in axes:
        part = {} if axis is None else {"axis": axis}
        whole = axis is None or 0 in axis

        def spread(loss, whole=whole, count=count):
            if whole:
                return tf.fill([count], tf.reduce_mean(loss))
            each = tf.reduce_mean(tf.reshape(loss, [3, -1]), axis=1)
            return tf.repeat(each, count // 3)
        y, t = grid(rng.uniform(0.01, 0.99, size=shape)), yes_no(*shape)
        given = None if axis is None else tuple(axis)
        case("dice", part, lambda a, b, g=given: losses.dice(a, b, axis=g),
             y, t, sample=sample, rows=spread)
        case("tversky", {"alpha": 0.25, "beta": 0.625, **part},
             lambda a, b, g=given: losses.tversky(
                 a, b, alpha=0.25, beta=0.625, axis=g),
             y, t, sample=sample, rows=spread)


# Vectors of length 1, or nearly so. Samples without a partner do not count.
def counted(loss):
    found = tf.cast(loss > 0, loss.dtype)
    return loss * tf.cast(tf.size(loss), loss.dtype) / tf.reduce_sum(found)


for params, labels in (({}, [0, 1, 0, 2, 1, 1, 5]),
                       ({"gamma": 4, "margin": 0.25}, [3, 3, 1, 1, 1]),
                       ({"gamma": 8, "remove_diagonal": False},
                        [0, 1, 0, 2])):
    y = normal(len(labels), 3)
    y = grid(y / np.sqrt((y ** 2).sum(axis=1, keepdims=True)))
    case("circle", params,
         lambda a, b, s=params: losses.circle(a, b, **s), y,
         np.asarray(labels, dtype=np.float64), sample=[3], rows=counted)

write("losses_more", cases)
