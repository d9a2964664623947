# SPDX-License-Identifier: MIT
"""xor.json: the smallest training there is, step by step, in float.

A 2-2-1 net of relu and sigmoid, sgd with momentum, batches of one, rows
always in the same order. It starts from the first seed that learns."""
import numpy as np
from golden import flat, keras, tensor, write

EPOCHS = 1000
KEPT = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
Y = np.array([[0], [1], [1], [0]], dtype=np.float32)
keras.config.set_floatx("float32")


def build(seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)),
                              keras.layers.Dense(2, activation="relu"),
                              keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
                  loss="binary_crossentropy")
    return model


def simulated(weights):
    """The same training with numpy, quick enough to search seeds with."""
    w = [np.array(v, dtype=np.float64) for v in weights]
    m = [np.zeros_like(v) for v in w]
    for _ in range(EPOCHS):
        for x, t in zip(X.astype(np.float64), Y[:, 0].astype(np.float64)):
            h = np.maximum(x @ w[0] + w[1], 0)
            p = 1 / (1 + np.exp(-(h @ w[2] + w[3])[0]))
            dz = p - t
            dh = dz * w[2][:, 0] * (h > 0)
            for i, g in enumerate((np.outer(x, dh), dh, dz * h[:, None],
                                   np.array([dz]))):
                m[i] = 0.9 * m[i] - 0.1 * g
                w[i] = w[i] + m[i]
    h = np.maximum(X @ w[0] + w[1], 0)
    p = 1 / (1 + np.exp(-(h @ w[2] + w[3])))
    return np.abs(p - Y).max() < 0.01


class Keeper(keras.callbacks.Callback):
    """Keeps the loss of every epoch and the weights of some."""
    losses, kept = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["loss"]))
        if epoch + 1 in KEPT:
            self.kept.append({"epoch": epoch + 1, "weights": [
                flat(w) for w in self.model.get_weights()]})


seed = next(s for s in range(1000)
            if simulated(build(s).get_weights()))
model = build(seed)
start = model.get_weights()
keeper = Keeper()
model.fit(X, Y, epochs=EPOCHS, batch_size=1, shuffle=False, verbose=0,
          callbacks=[keeper])
assert np.abs(model.predict(X, verbose=0) - Y).max() < 0.01
write("xor", keeper.kept, seed=seed,
      initial=[{"name": n, **tensor(w)} for n, w in zip(
          ("dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"),
          start)],
      learning_rate=0.1, momentum=0.9, loss=keeper.losses)
