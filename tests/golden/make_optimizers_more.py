# SPDX-License-Identifier: MIT
"""optimizers_more.json: where weights stand after each of a dozen steps, for
optimizers that look at whole tensors and for the rarer ones."""
import numpy as np
import tensorflow as tf
from golden import flat, flow, grid, keras, write

STEPS = 12
rng = np.random.default_rng(90210)
start = grid(rng.normal(size=12) * np.array([1, 3, 0.1, 1, 0.01, 2] * 2))
gradients = grid(rng.normal(size=(STEPS, 12)) *
                 np.array([1.0, 0.25, 3.0, 0.01, 20.0, 1.0] * 2))
gradients[0, 2] = 0.0   # a gradient of nothing at first
gradients[4:6, 3] = 0.0
cases = []


def exact(made):
    """Keras would round plain numbers to float before their powers."""
    for name, value in list(vars(made).items()):
        if isinstance(value, float) and not name.startswith("_"):
            setattr(made, name, np.float64(value))
    return made


class Still(keras.Variable):
    """Its value is that of now. ScheduleFreeAdamW keeps `momentum.value`
    over an assignment to be the value before, which it is not where
    variables of the backend change in place, as TensorFlow's do."""

    @property
    def value(self):
        return tf.identity(self._value)


def case(name, optimizer, shape=(12,), weight="dense/kernel", **params):
    weights = keras.Variable(start.reshape(shape), dtype="float64",
                             name=weight.replace("/", "."))
    made = exact(optimizer(**params))
    # The rate is a variable of single precision otherwise.
    made._learning_rate = keras.Variable(
        np.float64(params.get("learning_rate", made.learning_rate.numpy())),
        dtype="float64", trainable=False)
    made.build([weights])
    rate = made._learning_rate
    if name == "schedule_free_adamw":
        made._momentums[0].__class__ = Still
        made.assign_sub = lambda v, x: v._value.assign_sub(x)
    path = []
    for gradient in gradients:
        made.apply([keras.ops.convert_to_tensor(gradient.reshape(shape))],
                   [weights])
        path.append(flat(weights.numpy()))
    assert made._learning_rate is rate
    cases.append({
        "component": name,
        "params": flow({**params, "learning_rate": float(rate.numpy())}),
        "shape": list(shape), "name": weight.replace("/", "."),
        "weights": path})


o = keras.optimizers
case("lion", o.Lion, learning_rate=0.001)
case("lion", o.Lion, learning_rate=0.03, beta_1=0.75, beta_2=0.5)
case("ftrl", o.Ftrl, learning_rate=0.001)
case("ftrl", o.Ftrl, learning_rate=0.1, initial_accumulator_value=0.5,
     l1_regularization_strength=0.25, l2_regularization_strength=0.125,
     l2_shrinkage_regularization_strength=0.0625, beta=0.5)
case("ftrl", o.Ftrl, learning_rate=0.05, learning_rate_power=-0.75)
for params in ({"learning_rate": 0.0025},
               {"learning_rate": 0.02, "beta_1": 0.75, "beta_2": 0.875,
                "epsilon": 0.01, "warmup_steps": 5, "weight_decay": 0.25}):
    case("schedule_free_adamw", o.ScheduleFreeAdamW, **params)
for shape in ((12,), (3, 4), (12, 1), (1, 12), (2, 3, 2)):
    case("lamb", o.Lamb, shape, learning_rate=0.01)
    case("adafactor", o.Adafactor, shape, learning_rate=0.01)
case("lamb", o.Lamb, (4, 3), learning_rate=0.05, beta_1=0.75, beta_2=0.875,
     epsilon=0.01)
case("adafactor", o.Adafactor, (4, 3), learning_rate=0.5,
     beta_2_decay=-0.5, epsilon_2=0.25, clip_threshold=0.5)
for shape in ((12,), (3, 4), (6, 2), (2, 3, 2)):
    case("muon", o.Muon, shape, learning_rate=0.01)
case("muon", o.Muon, (4, 3), "embedding/embeddings", learning_rate=0.02,
     adam_beta_1=0.75, adam_beta_2=0.875, epsilon=0.01, adam_lr_ratio=0.5,
     adam_weight_decay=0.25, weight_decay=0.0625)
case("muon", o.Muon, (4, 3), learning_rate=0.02, momentum=0.5, ns_steps=3,
     nesterov=False, rms_rate=0.5)
case("muon", o.Muon, (4, 3), "head/kernel", learning_rate=0.02,
     exclude_layers=["other", "head"])

write("optimizers_more", cases, start=flat(start),
      gradients=[flat(g) for g in gradients])
