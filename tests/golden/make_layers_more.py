# SPDX-License-Identifier: MIT
"""layers_more.json: einsum_dense, attention by tangents, softmax by masks."""
import numpy as np
import tensorflow as tf
from golden import grid, keras, layer_case, tensor, write

rng = np.random.default_rng(8128)
cases = []


def normal(*shape):
    return grid(rng.normal(size=shape) / 2)


def case(name, params, layer, inputs, masks=None, **known):
    """A layer of one input, or of several, which it takes as a list."""
    bools = [None if m is None else tf.constant(np.array(m, dtype=bool))
             for m in masks or []]
    if masks is not None:
        known["mask"] = bools if len(inputs) > 1 else bools[0]
    variables = [tf.Variable(x) for x in inputs]

    def call():
        x = [v + 0 for v in variables]
        return layer(x if len(x) > 1 else x[0], **known)
    call()
    weights = []
    for w in layer.trainable_variables:
        w.assign(normal(*w.shape))
        weights.append({"name": w.path.split("/")[-1], "trained": 1,
                        **tensor(w.numpy())})
    with tf.GradientTape() as tape:
        y = call()
        dy = normal(*y.shape)
        total = tf.reduce_sum(y * dy)
    slopes = [tf.convert_to_tensor(s) for s in tape.gradient(
        total, variables + [w.value for w in layer.trainable_variables])]
    cases.append(layer_case(name, params, inputs, weights, y, dy, slopes,
                            masks))


def masked_softmax(axis, mask, *shape):
    """Keras's mask broadcasts, and so needs the axes behind its own."""
    mask = np.array(mask)
    wide = mask.reshape(mask.shape + (1,) * (len(shape) - 2))
    case("softmax", {"axis": axis}, keras.layers.Softmax(axis),
         [normal(*shape)], [wide])
    cases[-1]["masks"] = [tensor(mask)]


def einsum(equation, output_shape, bias_axes, *shape):
    """-1 in output_shape is Keras's None. A kernel's axis that the output
    has too is given to Keras, which does not look for it in the input."""
    params = {"equation": f'"{equation}"', "output_shape": output_shape}
    if bias_axes is not None:
        params["bias_axes"] = bias_axes
    ours = dict(params)
    if isinstance(output_shape, list):
        letters = equation.split("->")[1].strip(".")
        letters = letters[len(letters) - len(output_shape):]
        ours["output_shape"] = [
            -1 if letter in equation.split(",")[0] else n
            for letter, n in zip(letters, output_shape)]
    case("einsum_dense", ours, keras.layers.EinsumDense(
        equation, output_shape, bias_axes=bias_axes), [normal(*shape)])


einsum("ab,bc->ac", 3, "c", 2, 4)
einsum("abc,cd->abd", [3, 2], "d", 2, 3, 4)
einsum("...x,xy->...y", 3, "y", 2, 4)
einsum("...x,xy->...y", 2, "y", 2, 2, 2, 3)
einsum("ab...,bc->ac...", 3, "c", 2, 4, 2)
einsum("ab...,bc->ac...", 3, None, 2, 2, 2, 3)
einsum("abc,cde->abde", [2, 2, 3], "de", 2, 2, 3)
einsum("abcd,cde->abe", [2, 3], "e", 2, 2, 3, 2)
einsum("abc,bcd->abd", [3, 2], "bd", 2, 3, 4)
einsum("abcd,bde->aec", [3, 2], "e", 2, 3, 2, 4)
einsum("abcd,ebdf->acfe", [2, 3, 4], "ce", 2, 3, 2, 2)
einsum("abc,dc->adb", [3, 2], "d", 2, 2, 4)
einsum("ab,c->acb", [2, 3], "c", 2, 3)
einsum("abcd,ce->ae", [2], "e", 2, 3, 2, 2)
einsum("abc,bc->abc", [2, 3], "b", 2, 2, 3)

k = keras.layers
pair = [normal(2, 3, 4), normal(2, 5, 4)]
three = [normal(2, 3, 2), normal(2, 4, 3), normal(2, 4, 2)]
query_keep = [[1, 1, 0], [0, 1, 1]]
value_keep = [[1, 0, 1, 1, 0], [0, 0, 1, 0, 0]]
case("additive_attention", {}, k.AdditiveAttention(), pair)
case("additive_attention", {"use_scale": False},
     k.AdditiveAttention(use_scale=False), three)
case("additive_attention", {"use_causal_mask": True}, k.AdditiveAttention(),
     [normal(1, 4, 3), normal(1, 4, 3)], use_causal_mask=True)
case("additive_attention", {"use_causal_mask": True}, k.AdditiveAttention(),
     [normal(1, 3, 2), normal(1, 5, 2)], use_causal_mask=True)
case("additive_attention", {}, k.AdditiveAttention(), pair,
     [query_keep, value_keep])
case("additive_attention", {}, k.AdditiveAttention(), pair,
     [query_keep, None])
case("attention", {"score_mode": "concat"}, k.Attention(score_mode="concat"),
     pair, [None, value_keep])
case("attention", {"score_mode": "concat", "use_scale": True},
     k.Attention(score_mode="concat", use_scale=True), three)
case("attention",
     {"score_mode": "concat", "use_scale": True, "use_causal_mask": True},
     k.Attention(score_mode="concat", use_scale=True),
     [normal(1, 4, 3), normal(1, 4, 3)], use_causal_mask=True)
case("attention", {}, k.Attention(), pair, [query_keep, value_keep])
keep = [[1, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 0]]
masked_softmax(1, keep, 3, 4)
masked_softmax(1, keep, 3, 4, 2)
masked_softmax(-2, keep, 3, 4, 1)
masked_softmax(-3, keep, 3, 4, 2, 2)

write("layers_more", cases)
