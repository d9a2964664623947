# SPDX-License-Identifier: MIT
"""layers_conv.json: convolutions of all kinds. TensorFlow's processor code
has no gradients of grouped and of some dilated convolutions, so those are
PyTorch's, of the same formula."""
import numpy as np
import tensorflow as tf
import torch
from golden import flow, grid, keras, tensor, write

rng = np.random.default_rng(3303)
cases = []


def normal(*shape):
    return grid(rng.normal(size=shape) / 2)


def add(name, params, x, weights, y, dy, slopes):
    cases.append({
        "component": name, "params": flow(params), "training": 1,
        "inputs": [tensor(x)],
        "weights": [{"name": n, "trained": 1, **tensor(w)}
                    for n, w in weights],
        "y": tensor(y), "dy": tensor(dy), "dx": [tensor(slopes[0])],
        "dw": [tensor(s) for s in slopes[1:]], "state": []})


def case(name, made, x, **params):
    """Keras's layer, with the parameters of ours."""
    layer = made(**params)
    layer.build(x.shape)
    for w in layer.weights:
        w.assign(normal(*w.shape))
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = layer(variable)
        dy = normal(*y.shape)
        total = tf.reduce_sum(y * dy)
    slopes = tape.gradient(total,
                           [variable] + [w.value for w in layer.weights])
    add(name, params, x, [(w.name, w.numpy()) for w in layer.weights],
        y.numpy(), dy, [tf.convert_to_tensor(s).numpy() for s in slopes])


def torch_case(name, x, filters, kernel, before, after, **params):
    """PyTorch's convolution over a padded input, channels put last."""
    axes = x.ndim - 2
    groups = params.get("groups", 1)
    w = normal(*kernel, x.shape[-1] // groups, filters)
    b = normal(filters)
    leaves = [torch.tensor(v, requires_grad=True) for v in (x, w, b)]
    first = [0, axes + 1, *range(1, axes + 1)]
    image = leaves[0].permute(first)
    pads = [p for pair in reversed(list(zip(before, after))) for p in pair]
    image = torch.nn.functional.pad(image, pads)
    run = getattr(torch.nn.functional, f"conv{axes}d")
    y = run(image, leaves[1].permute([axes + 1, axes, *range(axes)]),
            leaves[2], stride=params.get("strides", 1),
            dilation=params.get("dilation_rate", 1), groups=groups)
    y = y.permute([0, *range(2, axes + 2), 1])
    dy = normal(*y.shape)
    slopes = torch.autograd.grad((y * torch.tensor(dy)).sum(), leaves)
    add(name, {"filters": filters, "kernel_size": list(kernel), **params}, x,
        [("kernel", w), ("bias", b)], y.detach().numpy(), dy,
        [s.numpy() for s in slopes])


def torch_transpose_case(x, filters, kernel, **params):
    """PyTorch's transposed convolution without padding."""
    w, b = normal(*kernel, filters, x.shape[-1]), normal(filters)
    leaves = [torch.tensor(v, requires_grad=True) for v in (x, w, b)]
    y = torch.nn.functional.conv_transpose2d(
        leaves[0].permute(0, 3, 1, 2), leaves[1].permute(3, 2, 0, 1),
        leaves[2], stride=params["strides"],
        dilation=params["dilation_rate"]).permute(0, 2, 3, 1)
    dy = normal(*y.shape)
    slopes = torch.autograd.grad((y * torch.tensor(dy)).sum(), leaves)
    add("conv2d_transpose",
        {"filters": filters, "kernel_size": list(kernel), **params}, x,
        [("kernel", w), ("bias", b)], y.detach().numpy(), dy,
        [s.numpy() for s in slopes])


k = keras.layers

c2 = k.Conv2D
case("conv2d", c2, normal(2, 5, 4, 3), filters=2, kernel_size=3)
case("conv2d", c2, normal(1, 4, 5, 2), filters=3, kernel_size=[3, 2],
     padding="same")
case("conv2d", c2, normal(1, 7, 6, 1), filters=2, kernel_size=3, strides=2,
     padding="same")
case("conv2d", c2, normal(1, 6, 7, 2), filters=1, kernel_size=2,
     strides=[3, 3], use_bias=False)
case("conv2d", c2, normal(1, 3, 2, 2), filters=2, kernel_size=5,
     padding="same")
case("conv2d", c2, normal(1, 3, 3, 17), filters=18, kernel_size=2)
case("conv2d", c2, normal(2, 2, 3, 4), filters=3, kernel_size=1)
case("conv2d", c2, normal(1, 6, 5, 2), filters=2, kernel_size=2,
     dilation_rate=[2, 3])
torch_case("conv2d", normal(1, 5, 6, 2), 3, (3, 2), (2, 1), (2, 2),
           padding="same", dilation_rate=[2, 3])
torch_case("conv2d", normal(2, 4, 5, 6), 4, (3, 3), (1, 1), (1, 1),
           padding="same", groups=2)
torch_case("conv2d", normal(1, 5, 5, 3), 6, (2, 2), (0, 0), (0, 0),
           strides=[2, 1], groups=3)
torch_case("conv2d", normal(1, 8, 7, 2), 2, (2, 3), (0, 0), (0, 0),
           strides=[2, 3], dilation_rate=[3, 2])

c1 = k.Conv1D
case("conv1d", c1, normal(2, 7, 3), filters=2, kernel_size=3)
case("conv1d", c1, normal(1, 8, 2), filters=3, kernel_size=4, strides=2,
     padding="same")
case("conv1d", c1, normal(2, 6, 2), filters=2, kernel_size=3,
     padding="causal")
case("conv1d", c1, normal(1, 7, 2), filters=2, kernel_size=2, strides=3,
     padding="causal", use_bias=False)
torch_case("conv1d", normal(1, 7, 3), 2, (3,), (4,), (0,), padding="causal",
           dilation_rate=2)
torch_case("conv1d", normal(2, 6, 4), 2, (3,), (2,), (2,), padding="same",
           dilation_rate=2, groups=2)

case("conv3d", k.Conv3D, normal(1, 4, 3, 5, 2), filters=2,
     kernel_size=[2, 3, 2])
case("conv3d", k.Conv3D, normal(1, 3, 4, 3, 1), filters=2, kernel_size=3,
     strides=2, padding="same")

t2 = k.Conv2DTranspose
case("conv2d_transpose", t2, normal(2, 3, 4, 2), filters=3, kernel_size=3)
case("conv2d_transpose", t2, normal(1, 3, 2, 3), filters=2, kernel_size=3,
     strides=2, padding="same")
case("conv2d_transpose", t2, normal(1, 3, 3, 2), filters=2,
     kernel_size=[4, 2], strides=[2, 3], use_bias=False)
case("conv2d_transpose", t2, normal(1, 2, 3, 2), filters=1, kernel_size=2,
     strides=3, padding="same")
case("conv2d_transpose", t2, normal(1, 3, 2, 2), filters=2, kernel_size=3,
     strides=2, padding="same", output_padding=0)
case("conv2d_transpose", t2, normal(1, 2, 3, 2), filters=2,
     kernel_size=[3, 4], strides=[2, 3], output_padding=[1, 2])
case("conv2d_transpose", t2, normal(1, 3, 3, 2), filters=2, kernel_size=4,
     strides=2, padding="same", output_padding=1)
torch_transpose_case(normal(1, 3, 4, 2), 2, (2, 3), strides=1,
                     dilation_rate=2)
torch_transpose_case(normal(1, 3, 2, 3), 1, (3, 2), strides=[4, 2],
                     dilation_rate=[2, 3])
case("conv1d_transpose", k.Conv1DTranspose, normal(2, 4, 2), filters=3,
     kernel_size=3, strides=2)
case("conv1d_transpose", k.Conv1DTranspose, normal(1, 3, 2), filters=2,
     kernel_size=5, strides=2, padding="same", output_padding=1)
case("conv3d_transpose", k.Conv3DTranspose, normal(1, 2, 2, 3, 2), filters=2,
     kernel_size=[2, 3, 2], strides=[2, 2, 2], padding="same")

d2 = k.DepthwiseConv2D
case("depthwise_conv2d", d2, normal(2, 5, 4, 3), kernel_size=3)
case("depthwise_conv2d", d2, normal(1, 4, 5, 2), kernel_size=3,
     padding="same", depth_multiplier=3)
case("depthwise_conv2d", d2, normal(1, 7, 6, 3), kernel_size=3, strides=2,
     padding="same", use_bias=False)
case("depthwise_conv2d", d2, normal(1, 3, 3, 19), kernel_size=2)
case("depthwise_conv1d", k.DepthwiseConv1D, normal(2, 6, 3), kernel_size=3,
     padding="same", depth_multiplier=2)

s2 = k.SeparableConv2D
case("separable_conv2d", s2, normal(2, 4, 5, 3), filters=2, kernel_size=3)
case("separable_conv2d", s2, normal(1, 5, 4, 2), filters=4, kernel_size=3,
     padding="same", depth_multiplier=2, strides=2)
case("separable_conv2d", s2, normal(1, 4, 4, 2), filters=3, kernel_size=2,
     use_bias=False)
case("separable_conv1d", k.SeparableConv1D, normal(2, 6, 2), filters=3,
     kernel_size=3, padding="same")

write("layers_conv", cases)
