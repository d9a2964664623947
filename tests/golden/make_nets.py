# SPDX-License-Identifier: MIT
"""nets/: whole networks of Keras and of PyTorch, as nacre's run directories.

Each nets/NAME holds config.yaml, weights.safetensors with the framework's
weights under nacre's names, and io.safetensors with inputs (x) and what the
framework predicted from them (y), all in single precision.

    pip install keras tensorflow-cpu torch safetensors
"""
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

here = pathlib.Path(__file__).resolve().parent / "nets"
rng = np.random.default_rng(2718)
k = keras.layers


def put(name, text, weights, x, y):
    folder = here / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(
        f"# Written by make_nets.py.\nnacre: 1\nname: {name}\n{text}")
    weights = {n: np.ascontiguousarray(w, np.float32)
               for n, w in weights.items()}
    save_file(weights, folder / "weights.safetensors")
    save_file({"x": np.asarray(x, np.float32),
               "y": np.ascontiguousarray(y, np.float32)},
              folder / "io.safetensors")
    print(name, sum(w.size for w in weights.values()), "weights")


def shake(model):
    """Weights with no zeros and no ones among them."""
    for w in model.weights:
        if "seed" in w.path:
            continue
        value = rng.normal(size=w.shape) * 0.3
        if "var" in w.name:
            value = np.abs(value) + 0.5
        elif "gamma" in w.name:
            value += 1
        w.assign(value)


def named(layers):
    """Weights of Keras layers under the names that nacre has for them."""
    weights = {}
    for name, layer in layers.items():
        for w in layer.weights:
            if "seed" not in w.path:
                weights[f"{name}.{w.name}"] = w.numpy()
    return weights


def cnn():
    conv = k.Conv2D(4, 3, padding="same", use_bias=False)
    norm = k.BatchNormalization()
    depthwise = k.DepthwiseConv2D(3, depth_multiplier=2)
    wide = k.Conv2D(6, 3, strides=2, padding="same", activation="relu")
    head = k.Dense(5, activation="softmax")
    model = keras.Sequential([
        k.Input((12, 10, 2)), conv, norm, k.ReLU(), k.MaxPooling2D(2),
        depthwise, wide, k.Flatten(), head])
    shake(model)
    x = rng.normal(size=(7, 12, 10, 2))
    put("cnn", """model:
  input: [12, 10, 2]
  layers:
    - {name: conv, type: conv2d, filters: 4, kernel_size: 3, padding: same,
       use_bias: false}
    - {name: norm, type: batch_normalization, activation: relu}
    - {type: max_pooling2d, pool_size: 2}
    - {name: depthwise, type: depthwise_conv2d, kernel_size: 3,
       depth_multiplier: 2}
    - {name: wide, type: conv2d, filters: 6, kernel_size: 3, strides: 2,
       padding: same, activation: relu}
    - flatten
    - {name: head, type: dense, units: 5, activation: softmax}
""", named({"conv": conv, "norm": norm, "depthwise": depthwise,
            "wide": wide, "head": head}), x, model.predict(x, verbose=0))


def residual():
    stem = k.Conv2D(8, 3, padding="same")
    a, b = (k.Conv2D(8, 3, padding="same", use_bias=False) for _ in "ab")
    norm_a, norm_b = k.BatchNormalization(), k.BatchNormalization()
    head = k.Dense(3)
    i = k.Input((9, 9, 3))
    x = stem(i)
    y = k.ReLU()(norm_a(a(x)))
    y = k.ReLU()(k.Add()([norm_b(b(y)), x]))
    model = keras.Model(i, head(k.GlobalAveragePooling2D()(y)))
    shake(model)
    x = rng.normal(size=(5, 9, 9, 3))
    put("residual", """model:
  input: [9, 9, 3]
  layers:
    - {name: stem, type: conv2d, filters: 8, kernel_size: 3, padding: same}
    - {name: a, type: conv2d, filters: 8, kernel_size: 3, padding: same,
       use_bias: false}
    - {name: norm_a, type: batch_normalization, activation: relu}
    - {name: b, type: conv2d, filters: 8, kernel_size: 3, padding: same,
       use_bias: false}
    - {name: norm_b, type: batch_normalization}
    - {type: add, inputs: [norm_b, stem], activation: relu}
    - global_average_pooling2d
    - {name: head, type: dense, units: 3}
""", named({"stem": stem, "a": a, "norm_a": norm_a, "b": b,
            "norm_b": norm_b, "head": head}), x, model.predict(x, verbose=0))


def texts():
    words = k.Embedding(20, 6, mask_zero=True)
    both = k.Bidirectional(k.LSTM(5, return_sequences=True))
    last = k.GRU(4)
    head = k.Dense(1, activation="sigmoid")
    model = keras.Sequential([k.Input((9,)), words, both, last, head])
    shake(model)
    x = rng.integers(1, 20, size=(6, 9)).astype(np.float32)
    for i in range(6):
        x[i, 9 - i:] = 0
    put("texts", """model:
  input: [9]
  layers:
    - {name: words, type: embedding, input_dim: 20, output_dim: 6,
       mask_zero: true}
    - {name: both, type: bidirectional,
       layer: {type: lstm, units: 5, return_sequences: true}}
    - {name: last, type: gru, units: 4}
    - {name: head, type: dense, units: 1, activation: sigmoid}
""", named({"words": words, "both/forward_layer": both.forward_layer,
            "both/backward_layer": both.backward_layer, "last": last,
            "head": head}), x, model.predict(x, verbose=0))


def language():
    """A transformer block of Keras over 11 tokens, 10 steps."""
    token = k.Embedding(11, 12)
    norm_1, norm_2, norm = (k.LayerNormalization(epsilon=1e-5)
                            for _ in range(3))
    attention = k.MultiHeadAttention(num_heads=3, key_dim=4)
    wide = k.Dense(24, activation="gelu")
    narrow = k.Dense(12)
    head = k.Dense(11, use_bias=False, activation="softmax")
    i = k.Input((10,))
    x = token(i)
    n = norm_1(x)
    x = k.Add()([x, attention(n, n, use_causal_mask=True)])
    x = k.Add()([x, narrow(wide(norm_2(x)))])
    model = keras.Model(i, head(norm(x)))
    shake(model)
    weights = named({"token": token, "norm_1": norm_1, "norm_2": norm_2,
                     "norm": norm, "wide": wide, "narrow": narrow,
                     "head": head})
    for w in attention.weights:
        part = w.path.split("/")[-2:]
        if "seed" not in w.path:
            weights[f"attention.{part[0]}_{part[1]}"] = w.numpy()
    x = rng.integers(0, 11, size=(4, 10)).astype(np.float32)
    put("language", """model:
  input: [10]
  layers:
    - {name: token, type: embedding, input_dim: 11, output_dim: 12}
    - {name: norm_1, type: layer_normalization, epsilon: 1e-5}
    - {name: attention, type: multi_head_attention, num_heads: 3, key_dim: 4,
       use_causal_mask: true}
    - {name: middle, type: add, inputs: [token, attention]}
    - {name: norm_2, type: layer_normalization, epsilon: 1e-5}
    - {name: wide, type: dense, units: 24, activation: gelu}
    - {name: narrow, type: dense, units: 12}
    - {name: sum, type: add, inputs: [middle, narrow]}
    - {name: norm, type: layer_normalization, epsilon: 1e-5}
    - {name: head, type: dense, units: 11, use_bias: false,
       activation: softmax}
""", weights, x, model.predict(x, verbose=0))


def pytorch():
    """Kernels of PyTorch are [out, in, ...]; its images have channels
    first."""
    torch.manual_seed(3)
    conv = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1)
    deep = torch.nn.Conv2d(6, 6, 3, dilation=2, groups=2)
    head = torch.nn.Linear(6, 4)
    x = torch.randn(5, 3, 13, 15)
    with torch.no_grad():
        y = torch.relu(conv(x))
        y = head(torch.relu(deep(y)).mean((2, 3)))
    weights = {"conv.bias": conv.bias, "deep.bias": deep.bias,
               "conv.kernel": conv.weight.permute(2, 3, 1, 0),
               "deep.kernel": deep.weight.permute(2, 3, 1, 0),
               "head.kernel": head.weight.T, "head.bias": head.bias}
    put("pytorch", """model:
  input: [13, 15, 3]
  layers:
    - {type: zero_padding2d, padding: 1}
    - {name: conv, type: conv2d, filters: 6, kernel_size: 3, strides: 2,
       activation: relu}
    - {name: deep, type: conv2d, filters: 6, kernel_size: 3,
       dilation_rate: 2, groups: 2, activation: relu}
    - global_average_pooling2d
    - {name: head, type: dense, units: 4}
""", {n: w.detach().numpy() for n, w in weights.items()},
        np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy()), y.numpy())


for make in (cnn, residual, texts, language, pytorch):
    make()
