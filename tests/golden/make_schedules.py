# SPDX-License-Identifier: MIT
"""schedules.json: learning rates at some steps.

Keras counts steps alone; durations in epochs, and those that follow from the
length of the training, are worked out here."""
from golden import flow, keras, write

BASE = 0.05
PER_EPOCH = 7
TOTAL = 90
STEPS = [0, 1, 2, 6, 7, 9, 10, 13, 20, 21, 31, 44, 45, 60, 77, 89, 90, 140]
cases = []


def case(name, params, schedule):
    cases.append({"component": name, "params": flow(params),
                  "values": [float(schedule(step)) for step in STEPS]})


s = keras.optimizers.schedules
case("constant", {}, lambda step: BASE)
case("constant", {"initial_learning_rate": 0.3}, lambda step: 0.3)
case("exponential_decay", {"decay_steps": 10, "decay_rate": 0.75},
     s.ExponentialDecay(BASE, 10, 0.75))
case("exponential_decay",
     {"initial_learning_rate": 0.3, "decay_steps": "2 epochs",
      "decay_rate": 0.9, "staircase": True},
     s.ExponentialDecay(0.3, 2 * PER_EPOCH, 0.9, staircase=True))
case("inverse_time_decay", {"decay_steps": 10, "decay_rate": 0.75},
     s.InverseTimeDecay(BASE, 10, 0.75))
case("inverse_time_decay",
     {"initial_learning_rate": 0.3, "decay_steps": "1 epoch",
      "decay_rate": 0.5, "staircase": True},
     s.InverseTimeDecay(0.3, PER_EPOCH, 0.5, staircase=True))
case("polynomial_decay", {}, s.PolynomialDecay(BASE, TOTAL))
case("polynomial_decay",
     {"initial_learning_rate": 0.3, "decay_steps": "5 epochs",
      "end_learning_rate": 0.01, "power": 2.5},
     s.PolynomialDecay(0.3, 5 * PER_EPOCH, 0.01, 2.5))
case("polynomial_decay", {"decay_steps": 20, "power": 0.5, "cycle": True},
     s.PolynomialDecay(BASE, 20, power=0.5, cycle=True))
case("cosine_decay", {}, s.CosineDecay(BASE, TOTAL))
case("cosine_decay", {"decay_steps": 60, "alpha": 0.125},
     s.CosineDecay(BASE, 60, alpha=0.125))
case("cosine_decay", {"warmup": "9 steps", "alpha": 0.01},
     s.CosineDecay(0.0, TOTAL - 9, alpha=0.01, warmup_target=BASE,
                   warmup_steps=9))
case("cosine_decay",
     {"initial_learning_rate": 0.01, "decay_steps": "6 epochs",
      "warmup_target": 0.2, "warmup_steps": "3 epochs"},
     s.CosineDecay(0.01, 6 * PER_EPOCH, warmup_target=0.2,
                   warmup_steps=3 * PER_EPOCH))
case("cosine_decay_restarts", {"first_decay_steps": 11},
     s.CosineDecayRestarts(BASE, 11))
case("cosine_decay_restarts",
     {"initial_learning_rate": 0.3, "first_decay_steps": "1 epochs",
      "t_mul": 1.0, "m_mul": 0.75, "alpha": 0.125},
     s.CosineDecayRestarts(0.3, PER_EPOCH, t_mul=1.0, m_mul=0.75,
                           alpha=0.125))
case("cosine_decay_restarts",
     {"first_decay_steps": 8, "t_mul": 1.5, "m_mul": 0.5, "alpha": 0.0625},
     s.CosineDecayRestarts(BASE, 8, t_mul=1.5, m_mul=0.5, alpha=0.0625))
case("piecewise_constant_decay",
     {"boundaries": [10, 44, 77], "values": [0.5, 0.25, 0.125, 0.03]},
     s.PiecewiseConstantDecay([10, 44, 77], [0.5, 0.25, 0.125, 0.03]))
case("piecewise_constant_decay",
     {"boundaries": [1, 3], "values": [0.5, 0.25, 0.125], "unit": "epochs"},
     s.PiecewiseConstantDecay([PER_EPOCH, 3 * PER_EPOCH],
                              [0.5, 0.25, 0.125]))

write("schedules", cases, base=BASE, steps_per_epoch=PER_EPOCH,
      total_steps=TOTAL, steps=STEPS)
