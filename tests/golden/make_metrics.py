# SPDX-License-Identifier: MIT
"""metrics.json: results over three batches, weighted and not."""
import numpy as np
import tensorflow as tf
from golden import flat, flow, grid, keras, write

BATCHES = [5, 1, 7]
ROWS = sum(BATCHES)
rng = np.random.default_rng(6061)
cases = []
arrays = {}


def name_of(array):
    """Cases share their inputs: each is written once, under a name."""
    if array is None:
        return None
    for name, known in arrays.items():
        if np.array_equal(known, array):
            return name
    arrays[f"array_{len(arrays)}"] = array
    return f"array_{len(arrays) - 1}"


def batches():
    first = 0
    for n in BATCHES:
        yield slice(first, first + n)
        first += n


def case(name, params, task, make, y, target, convert=lambda t: t,
         dtype="float64"):
    """`convert` gives Keras targets that it takes; nacre gets `target`."""
    for weight in (None, weights):
        metric = make()
        for b in batches():
            metric.update_state(convert(target[b]), y[b].astype(dtype),
                                None if weight is None else weight[b])
        add(name, params, task, y, target, weight, metric.result())


def add(name, params, task, y, target, weight, result, **more):
    cases.append({
        "component": name, "params": flow(params), "task": task,
        "cols": y.shape[1], "target_cols": target.shape[1], "y": name_of(y),
        "target": name_of(target), "weight": name_of(weight),
        "result": float(result), **more})


def softmax(z):
    e = np.exp(z)
    return grid(e / e.sum(axis=1, keepdims=True))


m = keras.metrics
weights = grid(rng.uniform(0.25, 2.0, size=ROWS))
one = grid(rng.uniform(size=(ROWS, 1)))
three = grid(rng.uniform(size=(ROWS, 3)))
one[:3] = [[0.5], [0.0], [1.0]]  # on thresholds
three[0] = [0.5, 0.0, 1.0]
three[5] = [0.3125, 0.5, 0.75]
classes = softmax(rng.normal(size=(ROWS, 4)) * 2)
classes[3] = classes[3][[1, 1, 2, 2]]  # ties
yes_no_1 = (rng.uniform(size=(ROWS, 1)) < one * 0.8 + 0.1).astype(float)
yes_no_3 = (rng.uniform(size=(ROWS, 3)) < three).astype(float)
index = rng.integers(0, 4, size=(ROWS, 1)).astype(float)
index[:6, 0] = classes[:6].argmax(axis=1)
hot = np.eye(4)[index[:, 0].astype(int)]


def to_hot(t):
    return np.eye(4)[t[:, 0].astype(int)]


case("accuracy", {}, "classes", m.BinaryAccuracy, one, yes_no_1)
case("accuracy", {}, "classes", m.CategoricalAccuracy, classes, hot)
case("accuracy", {}, "index", m.SparseCategoricalAccuracy, classes, index)
case("binary_accuracy", {}, "classes", m.BinaryAccuracy, three, yes_no_3)
case("binary_accuracy", {"threshold": 0.75}, "classes",
     lambda: m.BinaryAccuracy(threshold=0.75), one, yes_no_1)
case("categorical_accuracy", {}, "classes", m.CategoricalAccuracy, classes,
     hot)
case("sparse_categorical_accuracy", {}, "index", m.SparseCategoricalAccuracy,
     classes, index)
case("top_k_accuracy", {"k": 2}, "classes",
     lambda: m.TopKCategoricalAccuracy(k=2), classes, hot, dtype="float32")
case("top_k_accuracy", {"k": 3}, "index",
     lambda: m.SparseTopKCategoricalAccuracy(k=3), classes, index,
     dtype="float32")
for name, kind in (("precision", m.Precision), ("recall", m.Recall)):
    case(name, {}, "classes", kind, one, yes_no_1)
    case(name, {"threshold": 0.3125}, "classes",
         lambda k=kind: k(thresholds=0.3125), three, yes_no_3)
    case(name, {"class_id": 2}, "classes", lambda k=kind: k(class_id=2),
         three, yes_no_3)
    case(name, {}, "index", kind, classes, index, to_hot)
for average in ("macro", "micro", "weighted"):
    def f1(a=average, t=None):
        return m.F1Score(average=a, threshold=t)
    case("f1_score", {"average": average}, "classes", f1, classes, hot)
    case("f1_score", {"average": average}, "index", f1, classes, index,
         to_hot)
    case("f1_score", {"average": average, "threshold": 0.4}, "classes",
         lambda: f1(t=0.4), three, yes_no_3)
case("f1_score", {"average": "binary"}, "classes",
     lambda: m.F1Score(average="macro", threshold=0.5), one, yes_no_1)
for curve in ("ROC", "PR"):
    case("auc", {"curve": curve}, "classes", lambda c=curve: m.AUC(curve=c),
         one, yes_no_1)
    case("auc", {"curve": curve, "num_thresholds": 7}, "classes",
         lambda c=curve: m.AUC(curve=c, num_thresholds=7), three, yes_no_3)
case("auc", {}, "index", m.AUC, classes, index, to_hot)
numbers = grid(rng.normal(size=(ROWS, 2)) * 3 + 5)
guesses = grid(numbers + rng.normal(size=(ROWS, 2)))
case("mean_squared_error", {}, "other", m.MeanSquaredError, guesses, numbers)
case("mean_absolute_error", {}, "other", m.MeanAbsoluteError, guesses,
     numbers)
case("root_mean_squared_error", {}, "other", m.RootMeanSquaredError, guesses,
     numbers)
for how in ("uniform_average", "variance_weighted_average"):
    case("r2_score", {"class_aggregation": how}, "other",
         lambda h=how: m.R2Score(class_aggregation=h), guesses, numbers)
for weight in (None, weights):
    for y, t, task, n in ((classes, index, "index", 4),
                          (classes, hot, "classes", 4),
                          (one, yes_no_1, "classes", 2)):
        said = (y[:, 0] > 0.5) if n == 2 else y.argmax(axis=1)
        true = t[:, 0] if t.shape[1] == 1 else t.argmax(axis=1)
        table = tf.math.confusion_matrix(true, said, num_classes=n,
                                         weights=weight, dtype=tf.float64)
        add("confusion_matrix", {}, task, y, t, weight,
            np.trace(table) / np.sum(table), table=flat(table))

write("metrics", cases, batches=BATCHES,
      arrays={name: flat(array) for name, array in arrays.items()})
