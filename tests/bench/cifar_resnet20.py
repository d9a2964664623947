# SPDX-License-Identifier: MIT
"""cifar_resnet20: PyTorch trains configs/cifar10-resnet20 from nacre's weights.

    nacre train configs/cifar10-resnet20.yaml train.{epochs,steps_per_epoch}=1
    python3 cifar_resnet20.py RUN/weights.safetensors CIFAR [EPOCHS [SEED]]

The first writes the initial weights: a warmup's first step has a rate of 0. The
second goes on from them by the same recipe, with another random order, flips
and crops, or for 0 EPOCHS only measures them. CIFAR has the .bin.xz files.
"""
import lzma
import math
import sys
import time
from collections import OrderedDict

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

BATCH, RATE, MOMENTUM, DECAY, WARMUP = 64, 0.1, 0.9, 5e-4, 300
BLOCKS = [("wide_0", 16, 16), ("wide_1", 16, 16), ("wide_2", 16, 16),
          ("half", 16, 32), ("middle_0", 32, 32), ("middle_1", 32, 32),
          ("quarter", 32, 64), ("small_0", 64, 64), ("small_1", 64, 64)]


def conv_norm(inputs, filters, size=3, stride=1):
    """Block `conv` of the config; of an odd padding the more is behind."""
    margin = max(size - stride, 0)
    return nn.Sequential(OrderedDict(
        pad=nn.ZeroPad2d((margin // 2, (margin + 1) // 2) * 2),
        conv=nn.Conv2d(inputs, filters, size, stride, bias=False),
        norm=nn.BatchNorm2d(filters, eps=1e-3, momentum=0.1)))


class Block(nn.Module):
    """Blocks `same` and `down` of the config."""

    def __init__(self, inputs, filters):
        super().__init__()
        stride = 1 if inputs == filters else 2
        self.a = conv_norm(inputs, filters, 3, stride)
        self.b = conv_norm(filters, filters)
        self.short = conv_norm(inputs, filters, 1, 2) if stride == 2 else None

    def forward(self, x):
        y = self.b(functional.relu(self.a(x)))
        return functional.relu(y + (self.short(x) if self.short else x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_norm(3, 16)
        self.blocks = nn.ModuleList(Block(i, o) for _, i, o in BLOCKS)
        self.dense = nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.dense(x.mean((2, 3)))


def load(net, path):
    """nacre's weights: kernels [height, width, in, out], dense [in, out]."""
    layers = {}
    for module, layer in net.named_modules():
        parts = module.split(".")
        if parts[0] == "blocks" and len(parts) > 1:
            parts[:2] = [BLOCKS[int(parts[1])][0]]
        layers["_".join(parts)] = layer
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
             "moving_variance": "running_var", "kernel": "weight"}
    for name, w in load_file(path).items():
        layer, weight = name.split(".", 1)
        if layer == "fitted":  # what `standardize` learned; main() does, too
            continue
        if weight == "kernel":
            w = w.permute(3, 2, 0, 1) if w.ndim == 4 else w.T
        there = getattr(layers[layer], names.get(weight, weight))
        there.data = w.reshape(there.shape).contiguous()


def pictures(folder, names):
    """x: [n, 3, 32, 32] from 0 to 255, y: [n]"""
    raw = b"".join(lzma.open(f"{folder}/{n}.bin.xz").read() for n in names)
    rows = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 3073)
    return rows[:, 1:].reshape(-1, 3, 32, 32).float(), rows[:, 0].long()


def augmented(x, rng):
    """Half of the batch flipped; each padded by 4 zeros and cropped again."""
    flip = torch.rand(len(x), 1, 1, 1, generator=rng) < 0.5
    x = functional.pad(torch.where(flip, x.flip(3), x), (4, 4, 4, 4))
    at = torch.randint(0, 9, (len(x), 2), generator=rng).tolist()
    return torch.stack([p[:, i:i + 32, j:j + 32] for p, (i, j) in zip(x, at)])


def measure(net, x, y):
    net.eval()
    with torch.no_grad():
        out = torch.cat([net(part) for part in x.split(500)])
    right = (out.argmax(1) == y).float().mean().item()
    return functional.cross_entropy(out, y).item(), right


@torch.no_grad()
def update(weights, slots, step, total):
    """nacre's SGD: decay beside the momentum, the rate within it."""
    done = max(step - WARMUP, 0) / (total - WARMUP)
    rate = RATE * (1 + math.cos(math.pi * done)) / 2 * min(step / WARMUP, 1)
    for w, m in zip(weights, slots):
        w.mul_(1 - rate * DECAY)
        m.mul_(MOMENTUM).sub_(w.grad, alpha=rate)
        w.add_(m)
        w.grad = None


def main(path, folder, epochs="15", seed="1"):
    rng = torch.Generator().manual_seed(int(seed))
    x, y = pictures(folder, ["data_batch_1", "data_batch_2"])
    tx, ty = pictures(folder, ["test_batch"])
    deviation, mean = torch.std_mean(x.double(), (0, 2, 3), correction=0,
                                     keepdim=True)
    x, tx = (((d - mean) / deviation).float() for d in (x, tx))
    net = ResNet20()
    load(net, path)
    print("at first  test/loss %.4g  test/accuracy %.4g" % measure(net, tx, ty))
    weights, step, start = list(net.parameters()), 0, time.time()
    slots = [torch.zeros_like(w) for w in weights]
    for epoch in range(int(epochs)):
        net.train()
        loss_sum = right = 0
        for rows in torch.randperm(len(x), generator=rng).split(BATCH):
            out = net(augmented(x[rows], rng))
            loss = functional.cross_entropy(out, y[rows])
            loss.backward()
            update(weights, slots, step, int(epochs) * -(-len(x) // BATCH))
            step += 1
            loss_sum += loss.item() * len(rows)
            right += (out.argmax(1) == y[rows]).sum().item()
        print("epoch %d/%s  loss %.4g  accuracy %.4g  test/loss %.4g  "
              "test/accuracy %.4g  %.2f s" % (
                  epoch + 1, epochs, loss_sum / len(x), right / len(x),
                  *measure(net, tx, ty), time.time() - start), flush=True)


main(*sys.argv[1:])
