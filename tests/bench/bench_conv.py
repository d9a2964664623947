# SPDX-License-Identifier: MIT
"""bench_conv: nacre's convolutions and PyTorch's, in turn, on one thread.

    python3 bench_conv.py PATH/TO/bench_conv PATH/TO/cpu.so [TURNS]

Prints, for each shape and each of forward, gradient of the input and gradient
of the kernel, the best GFLOP/s, by processor time, of nacre and of PyTorch in
its default and its channels_last layout, and nacre's time against either.
"""
import re
import subprocess
import sys
import time

import torch
from torch.nn import functional

torch.set_num_threads(1)

SHAPES = [  # as in bench_conv.c
    ("mnist-1", 64, 28, 28, 1, 32, 3, 1, 0, 1),
    ("mnist-2", 64, 26, 26, 32, 64, 3, 1, 0, 1),
    ("resnet-first", 64, 32, 32, 3, 16, 3, 1, 1, 1),
    ("resnet-16", 64, 32, 32, 16, 16, 3, 1, 1, 1),
    ("resnet-16-32", 64, 32, 32, 16, 32, 3, 2, 1, 1),
    ("resnet-1x1", 64, 32, 32, 16, 32, 1, 2, 0, 1),
    ("resnet-32", 64, 16, 16, 32, 32, 3, 1, 1, 1),
    ("resnet-32-64", 64, 16, 16, 32, 64, 3, 2, 1, 1),
    ("resnet-64", 64, 8, 8, 64, 64, 3, 1, 1, 1),
    ("vgg-64", 4, 56, 56, 64, 64, 3, 1, 1, 1),
    ("wide-256", 4, 14, 14, 256, 256, 3, 1, 1, 1),
    ("five", 16, 28, 28, 16, 32, 5, 1, 2, 1),
    ("depthwise", 16, 28, 28, 128, 128, 3, 1, 1, 128),
    ("depthwise-2", 16, 28, 28, 128, 128, 3, 2, 1, 128),
    ("one", 8, 14, 14, 256, 256, 1, 1, 0, 1),
]
BACKWARD = torch.ops.aten.convolution_backward


def best(run, seconds=0.03):
    run()
    start = time.process_time()
    run()
    once = time.process_time() - start
    calls = max(1, int(seconds / 6 / once))
    least = 1e9
    for _ in range(6):
        start = time.process_time()
        for _ in range(calls):
            run()
        least = min(least, (time.process_time() - start) / calls)
    return least * 1e6


def peer(shape, layout):
    """The three runs of one shape in one layout, in microseconds."""
    _, n, h, w, c, f, k, s, p, g = shape
    x = torch.randn(n, c, h, w).contiguous(memory_format=layout)
    kernel = torch.randn(f, c // g, k, k).contiguous(memory_format=layout)
    with torch.no_grad():
        y = functional.conv2d(x, kernel, None, s, p, 1, g)
        dy = torch.randn_like(y).contiguous(memory_format=layout)

        def back(mask):
            return lambda: BACKWARD(dy, x, kernel, None, [s, s], [p, p],
                                    [1, 1], False, [0, 0], g, mask)
        return [best(lambda: functional.conv2d(x, kernel, None, s, p, 1, g)),
                best(back([True, False, False])),
                best(back([False, True, False]))]


def own(shape):
    out = subprocess.run(
        [sys.argv[1], sys.argv[2], "1", "8", shape[0]], check=True,
        capture_output=True, text=True).stdout.splitlines()[-1]
    pairs = re.findall(r"([\d.]+) us\s+([\d.]+) GFLOP", out)
    return [float(us) for us, _ in pairs], [float(us) * float(rate)
                                            for us, rate in pairs]


turns = int(sys.argv[3]) if len(sys.argv) > 3 else 3
print(f"PyTorch {torch.__version__}")
for shape in SHAPES:
    times = [[1e9] * 3 for _ in range(3)]
    for _ in range(turns):
        mine, work = own(shape)
        for i, got in enumerate([mine, peer(shape, torch.contiguous_format),
                                 peer(shape, torch.channels_last)]):
            times[i] = [min(a, b) for a, b in zip(times[i], got)]
    line = f"{shape[0]:13s}"
    for i in range(3):
        rate = [work[i] / times[j][i] for j in range(3)]
        line += (f" | {rate[0]:6.1f} {rate[1]:6.1f} {rate[2]:6.1f}"
                 f"  x{times[1][i] / times[0][i]:5.2f}"
                 f" x{times[2][i] / times[0][i]:5.2f}")
    total = [sum(t) for t in times]
    print(line + f" | all x{total[1] / total[0]:5.2f}"
          f" x{total[2] / total[0]:5.2f}", flush=True)
