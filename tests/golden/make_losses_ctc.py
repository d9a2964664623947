# SPDX-License-Identifier: MIT
"""losses_ctc.json: connectionist temporal classification.

TensorFlow, and so Keras, computes it in single precision only; these numbers
are PyTorch's in double, after Keras's have been seen to be the same."""
import numpy as np
import torch
from golden import flat, grid, keras, write

rng = np.random.default_rng(977)
cases = []


def case(frames, classes, labels, scale=2.0):
    """labels: a list for each sample, without padding."""
    n, most = len(labels), max(1, max(len(x) for x in labels))
    y = grid(rng.normal(size=(n, frames, classes)) * scale)
    target = np.zeros((n, most))
    for i, row in enumerate(labels):
        target[i, :len(row)] = row
    logits = torch.tensor(y, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.ctc_loss(
        torch.log_softmax(logits, dim=2).transpose(0, 1),
        torch.tensor(target, dtype=torch.int64),
        torch.full((n,), frames), torch.tensor([len(x) for x in labels]),
        reduction="none")
    theirs = np.asarray(keras.losses.ctc(target.astype("int32"),
                                         y.astype("float32")))
    np.testing.assert_allclose(loss.detach().numpy(), theirs, rtol=2e-5)
    # To every frame its sample's loss.
    (frames * loss.sum()).backward()
    cases.append({
        "component": "ctc", "params": "{}", "rows": n * frames,
        "cols": classes, "on_logits": 0, "sample": [frames, classes],
        "y": flat(y), "target": flat(target),
        "loss": flat(np.repeat(loss.detach().numpy(), frames)),
        "dy": flat(logits.grad.numpy())})


case(1, 2, [[1], [1]])
case(4, 3, [[1, 2], [2, 2], [1]])
case(7, 5, [[4, 3, 4], [1, 1, 2], [2, 2, 2]])
case(12, 4, [[1, 2, 3, 3, 2], [3], [1, 3, 1, 3, 1]], scale=4.0)
case(5, 6, [[], [1, 5]])

write("losses_ctc", cases,
      source=f"PyTorch {torch.__version__.split('+')[0]}, compared with "
             f"Keras {keras.__version__}")
