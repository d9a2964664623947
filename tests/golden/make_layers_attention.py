# SPDX-License-Identifier: MIT
"""layers_attention.json: attention, and what stands around it in a
transformer. Rotary and sine positions are KerasHub's formulas, which it
computes in single precision, in double."""
import numpy as np
import tensorflow as tf
from golden import grid, keras, layer_case, tensor, write

rng = np.random.default_rng(5120)
cases = []


def normal(*shape):
    return grid(rng.normal(size=shape) / 2)


def weight_name(variable):
    """query/kernel becomes query_kernel."""
    parts = variable.path.split("/")
    return "_".join(parts[-2:]) if len(parts) > 2 else parts[-1]


def case(name, params, call, inputs, layer=None, masks=None, state=()):
    """`call` makes the output from a list of inputs, with the weights of
    `layer`, which it builds when it is first called."""
    variables = [tf.Variable(x) for x in inputs]
    call(variables)
    weights = []
    for w in layer.trainable_variables if layer is not None else []:
        w.assign(normal(*w.shape))
        weights.append({"name": weight_name(w), "trained": 1,
                        **tensor(w.numpy())})
    with tf.GradientTape() as tape:
        y = call(variables)
        dy = normal(*y.shape)
        total = tf.reduce_sum(y * dy)
    trained = ([w.value for w in layer.trainable_variables]
               if layer is not None else [])
    slopes = [tf.convert_to_tensor(s)
              for s in tape.gradient(total, variables + trained,
                                     unconnected_gradients="zero")]
    made = layer_case(name, params, inputs, weights, y, dy, slopes, masks)
    for w, slope in zip(weights, made["dw"]):
        if w["name"] == "key_bias":  # what it adds does not matter: all of
            slope["terms"] = 1       # its gradient cancels out
        elif w["name"] in ("query_kernel", "query_bias", "key_kernel"):
            slope["terms"] = 0.01    # and of these, most
    cases.append(made)


def attention(name, params, layer, inputs, mask=None, **known):
    """The mask is of the keys; a query that is masked has an output that
    does not count, so only its keys are masked here."""
    if mask is not None:
        known["attention_mask"] = mask[:, None, :].astype(bool)

    def call(x):
        if len(x) == 3:
            return layer(x[0], x[1], key=x[2], training=True, **known)
        return layer(x[0], x[-1], training=True, **known)
    masks = None
    if mask is not None:
        masks = [mask] if len(inputs) == 1 else [None, mask]
    case(name, params, call, inputs, layer, masks)


k = keras.layers
mha = k.MultiHeadAttention
attention("multi_head_attention", {"num_heads": 2, "key_dim": 3},
          mha(2, 3), [normal(2, 4, 5)])
attention("multi_head_attention",
          {"num_heads": 2, "key_dim": 3, "use_causal_mask": True},
          mha(2, 3), [normal(2, 5, 4)], use_causal_mask=True)
attention("multi_head_attention",
          {"num_heads": 3, "key_dim": 2, "value_dim": 4, "use_bias": False},
          mha(3, 2, value_dim=4, use_bias=False),
          [normal(2, 3, 4), normal(2, 5, 3)])
attention("multi_head_attention",
          {"num_heads": 2, "key_dim": 2, "output_shape": [3]},
          mha(2, 2, output_shape=3),
          [normal(2, 3, 4), normal(2, 4, 2), normal(2, 4, 3)])
attention("multi_head_attention",
          {"num_heads": 1, "key_dim": 4, "output_shape": [2, 3]},
          mha(1, 4, output_shape=(2, 3)), [normal(1, 3, 2)])
attention("multi_head_attention",
          {"num_heads": 1, "key_dim": 3, "use_causal_mask": True},
          mha(1, 3), [normal(1, 6, 2), normal(1, 4, 3)],
          use_causal_mask=True)
attention("multi_head_attention",
          {"num_heads": 2, "key_dim": 2, "sliding_window": 2},
          mha(2, 2, sliding_window=2), [normal(1, 6, 3)])
attention("multi_head_attention",
          {"num_heads": 1, "key_dim": 2, "sliding_window": 3,
           "use_causal_mask": True},
          mha(1, 2, sliding_window=3), [normal(1, 7, 2)],
          use_causal_mask=True)
attention("multi_head_attention", {"num_heads": 2, "key_dim": 2},
          mha(2, 2), [normal(2, 2, 3, 4)])
keep = np.array([[1.0, 1, 0, 1, 0], [0, 1, 1, 0, 0]])
attention("multi_head_attention", {"num_heads": 2, "key_dim": 3},
          mha(2, 3), [normal(2, 5, 3)], keep)
attention("multi_head_attention", {"num_heads": 2, "key_dim": 3},
          mha(2, 3), [normal(2, 3, 2), normal(2, 5, 3)], keep)

gqa = k.GroupQueryAttention
attention("group_query_attention",
          {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
          gqa(3, 4, 2), [normal(2, 4, 3)])
attention("group_query_attention",
          {"head_dim": 2, "num_query_heads": 3, "num_key_value_heads": 1,
           "use_bias": False, "use_causal_mask": True},
          gqa(2, 3, 1, use_bias=False), [normal(1, 5, 3)],
          use_causal_mask=True)
attention("group_query_attention",
          {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 2},
          gqa(2, 2, 2), [normal(2, 3, 4), normal(2, 4, 3)])


def chain(name, params, layer, *inputs, **known):
    """A layer of one input."""
    def call(x):
        return layer(x[0], **known)
    case(name, params, call, list(inputs), layer)


def merged(name, params, layer, inputs, masks=None, **known):
    """A layer that takes a list."""
    def call(x):
        mask = None if masks is None else [
            None if m is None else tf.constant(m.astype(bool))
            for m in masks]
        return layer([v + 0 for v in x], mask=mask, training=True, **known)
    case(name, params, call, inputs, layer, masks)


merged("attention", {}, k.Attention(), [normal(2, 3, 4), normal(2, 5, 4)])
merged("attention", {"use_scale": True}, k.Attention(use_scale=True),
       [normal(2, 3, 4), normal(2, 5, 2), normal(2, 5, 4)])
merged("attention", {"use_causal_mask": True}, k.Attention(),
       [normal(1, 5, 3), normal(1, 5, 3)], use_causal_mask=True)
merged("attention", {}, k.Attention(), [normal(2, 3, 4), normal(2, 5, 4)],
       [None, keep])

chain("rms_normalization", {}, k.RMSNormalization(), normal(2, 3, 5))
chain("rms_normalization", {"epsilon": 0.03125},
      k.RMSNormalization(epsilon=0.03125), normal(3, 4))
chain("group_normalization", {"groups": 2}, k.GroupNormalization(2),
      normal(2, 3, 6))
chain("group_normalization", {"groups": 3, "epsilon": 0.03125},
      k.GroupNormalization(3, epsilon=0.03125), normal(2, 2, 2, 3))
chain("group_normalization",
      {"groups": -1, "center": False, "scale": False},
      k.GroupNormalization(-1, center=False, scale=False), normal(2, 4, 3))
chain("group_normalization", {"groups": 1}, k.GroupNormalization(1),
      normal(3, 4))
chain("softmax", {}, k.Softmax(), normal(2, 3, 4))
chain("softmax", {"axis": 1}, k.Softmax(axis=1), normal(2, 3, 4))
chain("softmax", {"axis": -2}, k.Softmax(axis=-2), normal(2, 3, 2, 4))


def turned(x, wavelength, factor):
    """Rotary positions of [batch, steps, ..., features]."""
    half = x.shape[-1] // 2
    steps = np.arange(x.shape[1], dtype=np.float64)
    angle = np.outer(steps, wavelength ** (-np.arange(half) / half)) / factor
    shape = [1, x.shape[1]] + [1] * (len(x.shape) - 3) + [half]
    c, s = np.cos(angle).reshape(shape), np.sin(angle).reshape(shape)
    a, b = tf.split(x, 2, axis=-1)
    return tf.concat([a * c - b * s, b * c + a * s], axis=-1)


case("rotary_embedding", {}, lambda x: turned(x[0], 10000, 1),
     [normal(2, 3, 4)])
case("rotary_embedding", {"max_wavelength": 50, "scaling_factor": 2},
     lambda x: turned(x[0], 50, 2), [normal(1, 4, 2, 6)])


def sines(x, wavelength):
    n = x.shape[-1]
    rate = wavelength ** (-2.0 * (np.arange(n) // 2) / n)
    angle = np.outer(np.arange(x.shape[-2]), rate)
    y = np.where(np.arange(n) % 2 == 0, np.sin(angle), np.cos(angle))
    return tf.broadcast_to(tf.constant(y), x.shape) + 0 * x


case("sine_position_encoding", {}, lambda x: sines(x[0], 10000),
     [normal(2, 3, 5)])
case("sine_position_encoding", {"max_wavelength": 20},
     lambda x: sines(x[0], 20), [normal(1, 6, 4)])


class Positions(k.Layer):
    """KerasHub's PositionEmbedding."""

    def __init__(self, length):
        super().__init__()
        self.length = length

    def build(self, shape):
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.length, shape[-1]))

    def call(self, x):
        return tf.broadcast_to(self.embeddings[:x.shape[-2]], x.shape)


chain("position_embedding", {}, Positions(3), normal(2, 3, 4))
chain("position_embedding", {"sequence_length": 5}, Positions(5),
      normal(2, 3, 2))


class RotaryAttention(mha):
    """With queries and keys turned by their positions."""

    def __init__(self, *args, wavelength, **more):
        super().__init__(*args, **more)
        self.wavelength = wavelength

    def _compute_attention(self, query, key, value, *args, **more):
        return super()._compute_attention(
            turned(query, self.wavelength, 1), turned(key, self.wavelength, 1),
            value, *args, **more)


attention("multi_head_attention",
          {"num_heads": 2, "key_dim": 4, "rope_max_wavelength": 100,
           "use_causal_mask": True},
          RotaryAttention(2, 4, wavelength=100, name="multi_head_attention"),
          [normal(2, 4, 3)], use_causal_mask=True)

write("layers_attention", cases)
