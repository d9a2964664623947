# SPDX-License-Identifier: MIT
"""metrics_more.json: results over three batches, weighted and not."""
import numpy as np
from golden import flat, flow, grid, keras, write

BATCHES = [4, 1, 5]
ROWS = sum(BATCHES)
rng = np.random.default_rng(3311)
cases = []
arrays = {}
m = keras.metrics
weights = grid(rng.uniform(0.25, 2.0, size=ROWS))


def name_of(array):
    if array is None:
        return None
    for name, known in arrays.items():
        if np.array_equal(known, array):
            return name
    arrays[f"array_{len(arrays)}"] = array
    return f"array_{len(arrays) - 1}"


def case(name, params, task, make, y, target, see=None, then=float,
         weighted=None):
    """`see` gives a batch as Keras takes it, as (target, y)."""
    see = see or (lambda t, y: (t, y))
    weighted = weighted or (lambda w, t: w)
    for weight in (None, weights):
        metric, first = make(), 0
        for n in BATCHES:
            b = slice(first, first + n)
            first += n
            w = weighted(np.ones(n) if weight is None else weight[b],
                         target[b])
            metric.update_state(*see(target[b], y[b]), w)
        cases.append({
            "component": name, "params": flow(params), "task": task,
            "cols": y.shape[1], "target_cols": target.shape[1],
            "y": name_of(y), "target": name_of(target),
            "weight": name_of(weight), "result": then(metric.result())})


numbers = grid(rng.normal(size=(ROWS, 3)) * 2)
guesses = grid(numbers + rng.normal(size=(ROWS, 3)))
one, its = grid(rng.uniform(size=(ROWS, 1))), np.zeros((ROWS, 1))
its[[1, 4, 5, 8]] = 1
p = rng.dirichlet(np.ones(4), size=ROWS)
p = grid(p) + 1 / 1024
index = rng.integers(0, 3, size=(ROWS, 1)).astype(float)  # never the last
hot = np.eye(4)[index[:, 0].astype(int)]

case("cosine_similarity", {}, "other", m.CosineSimilarity, guesses, numbers)
case("log_cosh_error", {}, "other", m.LogCoshError, guesses, numbers)
case("mean_absolute_percentage_error", {}, "other",
     m.MeanAbsolutePercentageError, guesses, numbers)
case("mean_squared_logarithmic_error", {}, "other",
     m.MeanSquaredLogarithmicError, np.abs(guesses), np.abs(numbers))


def largest(t, y):
    return (t if t.shape[1] == 1 else t.argmax(axis=1),
            y.argmax(axis=1) if y.shape[1] > 1 else y > 0.5)


def iou(classes):
    return lambda: m.MeanIoU(classes, dtype="float64")


case("mean_iou", {}, "index", iou(5), p, index, largest)
case("mean_iou", {}, "classes", iou(4), p, hot, largest)
case("mean_iou", {}, "classes", iou(2), one, its, largest)

# exp of the mean cross-entropy of whole rows, which have a sum of 1 here.
p = p / p.sum(axis=1, keepdims=True)


def up(result):
    return float(np.exp(result))


case("perplexity", {}, "index", m.SparseCategoricalCrossentropy, p, index,
     lambda t, y: (t[:, 0], y), up)
case("perplexity", {}, "classes", m.CategoricalCrossentropy, p, hot, None, up)
case("perplexity", {"ignore_class": 1}, "index",
     m.SparseCategoricalCrossentropy, p, index, lambda t, y: (t[:, 0], y),
     up, lambda w, t: w * (t[:, 0] != 1))

write("metrics_more", cases, batches=BATCHES,
      arrays={name: flat(array) for name, array in arrays.items()})
