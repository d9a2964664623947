#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times steps of nacre and of PyTorch in turn, on the same processors.

usage: compare.py NACRE [--threads 1,2] [--rounds 5] [--seconds 2] [--only NAME]

NACRE is the command (build/run-uninstalled nacre, quoted). Each round runs
`nacre bench` and a process with the same network in PyTorch, one after the
other. Printed are medians over the rounds of each process's median, their
ratio, nacre's share of what the threads could multiply and add, and the peak
memory of both. NACRE_DATA_DIR says where nacre's data are; PyTorch gets
random numbers of the same shapes.
"""
import argparse
import json
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
CONFIGS = HERE.parent.parent / "configs"


def sequential(*widths):
    from torch import nn
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def picture_net():
    from torch import nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(),
        nn.Linear(128, 10))


def resnet20():
    from torch import nn

    def conv(a, b, size, stride):
        return nn.Sequential(
            nn.Conv2d(a, b, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(b))

    class Block(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            stride = 1 if a == b else 2
            self.first, self.second = conv(a, b, 3, stride), conv(b, b, 3, 1)
            self.short = nn.Identity() if a == b else conv(a, b, 1, stride)

        def forward(self, x):
            y = self.second(self.first(x).relu())
            return (y + self.short(x)).relu()

    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [Block(a, b) for a, b in zip(widths, widths[1:])]
    return nn.Sequential(conv(3, 16, 3, 1), nn.ReLU(), *blocks,
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(64, 10))


def recurrent_net(kind):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(65, 128)
            self.inner = getattr(nn, kind)(128, 128, batch_first=True)
            self.out = nn.Linear(128, 65)

        def forward(self, x):
            return self.out(self.inner(self.embedding(x))[0])

    return Net()


def gpt(width=128, heads=4, context=64):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.wide = nn.Linear(width, 4 * width)
            self.narrow = nn.Linear(4 * width, width)

        def forward(self, x):
            n, steps, _ = x.shape
            parts = self.qkv(self.norm_1(x)).view(n, steps, 3, heads, -1)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, steps, width))
            return x + self.narrow(F.gelu(self.wide(self.norm_2(x))))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Embedding(65, width)
            self.place = nn.Embedding(context, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(4)))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, 65, bias=False)

        def forward(self, x):
            place = self.place(torch.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(self.token(x) + place)))

    return Net()


# name: (config, network, batch, shape of a sample, classes or tokens,
#        optimizer, forward alone)
CASES = {
    "mlp-784-512-512-10": ("mlp-784-512-512-10.yaml",
                           lambda: sequential(784, 512, 512, 10), 128,
                           (784,), 10, "sgd", False),
    "mlp-784-128-10": ("mlp-784-128-10.yaml",
                       lambda: sequential(784, 128, 10), 32, (784,), 10,
                       "adam", False),
    "cnn-mnist": ("cnn-mnist.yaml", picture_net, 64, (1, 28, 28), 10, "adam",
                  False),
    "resnet20": (CONFIGS / "cifar10-resnet20.yaml", resnet20, 64,
                 (3, 32, 32), 10, "sgd", False),
    "lstm-128-char": ("lstm-128-char.yaml", lambda: recurrent_net("LSTM"),
                      32, (64,), 65, "adam", False),
    "gpt": ("gpt.yaml", gpt, 12, (64,), 65, "adamw", False),
    "cnn-mnist-predict": ("cnn-mnist.yaml", picture_net, 1, (1, 28, 28), 10,
                          None, True),
    "gpt-predict": ("gpt.yaml", gpt, 1, (64,), 65, None, True),
}


def run_torch(name, threads, seconds):
    """Times the network in this process; prints one line of JSON."""
    import torch
    from torch.nn import functional as F
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    _, make, batch, shape, classes, optimizer, predicts = CASES[name]
    net = make()
    x = (torch.randint(classes, (batch, *shape)) if classes == 65
         else torch.randn(batch, *shape))
    y = torch.randint(classes, (batch, *shape) if classes == 65 else (batch,))
    if predicts:
        net.eval()

        def step():
            with torch.inference_mode():
                net(x)
    else:
        how = {"sgd": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
               "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        rule = how[optimizer](net.parameters())

        def step():
            rule.zero_grad()
            out = net(x)
            F.cross_entropy(out.reshape(-1, classes), y.reshape(-1)).backward()
            rule.step()
    for _ in range(5):
        step()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    print(json.dumps({
        "version": torch.__version__, "seconds": statistics.median(times),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def report(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def compare(name, threads, args):
    config, _, batch, _, _, _, predicts = CASES[name]
    nacre = shlex.split(args.nacre) + [
        "bench", str(HERE / config), "--json", f"--threads={threads}",
        f"--seconds={args.seconds}", f"data.batch_size={batch}"]
    torch = [sys.executable, __file__, args.nacre, "--torch", name,
             "--threads", str(threads), "--seconds", str(args.seconds)]
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(report(nacre + ["--inference"] * predicts))
        theirs.append(report(torch))
    a = statistics.median(r["seconds"] for r in ours)
    b = statistics.median(r["seconds"] for r in theirs)
    peak = statistics.median(r["peak_flops_per_thread"] for r in ours)
    share = ours[0]["flops"] / a / peak / threads
    print(f"{name:20s} {threads} {a * 1e3:9.4f} ms {share:5.0%} "
          f"{max(r['memory'] for r in ours) / 2**20:5.0f} MiB"
          f"{b * 1e3:10.4f} ms "
          f"{max(r['memory'] for r in theirs) / 2**20:5.0f} MiB "
          f"{b / a:5.2f}", flush=True)
    return theirs[0]["version"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("nacre")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only")
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    args = parser.parse_args()
    threads = [int(n) for n in args.threads.split(",")]
    if args.torch:
        run_torch(args.torch, threads[0], args.seconds)
        return
    print("case            threads     nacre  peak   memory   PyTorch"
          "       memory ratio")
    for name in CASES:
        if args.only in (None, name):
            for n in threads:
                version = compare(name, n, args)
    print(f"PyTorch {version}; medians of {args.rounds} processes in turn")


if __name__ == "__main__":
    main()
