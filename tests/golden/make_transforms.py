# SPDX-License-Identifier: MIT
"""transforms.json: transforms with nothing left to chance: ranges whose ends
are the same. The values are of a plain rendering in double precision of what
Keras does in single, which must agree with Keras here."""
import numpy as np
from golden import flat, flow, grid, keras, tensor, write

keras.config.set_floatx("float32")  # these layers know no other
rng = np.random.default_rng(1805)
L = keras.layers
cases = []


def mapped(at, n, mode):
    """A place on a line of n pixels, as TensorFlow's
    ImageProjectiveTransformV3 maps it."""
    if mode == "reflect":
        u = np.abs(at + 0.5) % (2 * n)
        at = np.where(u > n, 2 * n - u, u) - 0.5
    elif mode == "wrap":
        side = max(n - 1, 1)
        at = np.where(at < 0, at + n * (np.trunc(-at / side) + 1),
                      np.where(at > n - 1, at - n * np.trunc(at / side), at))
    return at if mode == "constant" else np.clip(at, 0, n - 1)


def sample(image, matrix, size, fill_mode="reflect",
           interpolation="bilinear", fill_value=0.0):
    """Out of image [h, w, c] at matrix (x, y, 1)."""
    xx, xy, x0, yx, yy, y0 = matrix
    h, w, _ = image.shape
    y, x = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    across = mapped(xx * x + xy * y + x0, w, fill_mode)
    down = mapped(yx * x + yy * y + y0, h, fill_mode)

    def read(row, col):
        inside = (row >= 0) & (row < h) & (col >= 0) & (col < w)
        if fill_mode != "constant":
            inside[:] = True
        value = image[np.clip(row, 0, h - 1), np.clip(col, 0, w - 1)]
        return np.where(inside[..., None], value, fill_value)

    if interpolation == "nearest":
        return read(np.floor(down + 0.5).astype(int),
                    np.floor(across + 0.5).astype(int))
    top, left = np.floor(down).astype(int), np.floor(across).astype(int)
    b, d = (across - left)[..., None], (down - top)[..., None]
    return ((1 - d) * ((1 - b) * read(top, left) + b * read(top, left + 1)) +
            d * ((1 - b) * read(top + 1, left) +
                 b * read(top + 1, left + 1)))


def case(name, x, y, layer=None, params=None, still=False, tolerance=1e-4,
         **more):
    """y is checked against a Keras layer called for training."""
    if layer is not None:
        wants = np.asarray(layer(x[None].astype("float32"),
                                 training=not still))[0]
        assert wants.shape == y.shape, (name, wants.shape, y.shape)
        off = np.max(np.abs(wants - y)) / np.max(np.abs(y))
        assert off < tolerance, (name, params, off)
    cases.append({"component": name, "params": flow(params), "x": tensor(x),
                  "y": tensor(y), **({"still": True} if still else {}),
                  **more})


def image(h, w, c):
    return grid(rng.uniform(0, 4, size=(h, w, c)))


# Shifts.
for down, right, c, more in (
        (0.21, -0.13, 3, {}), (-0.37, 0.29, 1, {"fill_mode": "constant"}),
        (0.4, 0.21, 2, {"fill_mode": "constant", "fill_value": 0.75}),
        (-0.28, -0.45, 1, {"fill_mode": "nearest"}),
        (0.28, 0.17, 3, {"fill_mode": "wrap"}),
        (0.22, 0.16, 2, {"interpolation": "nearest"}),
        (0.9, -0.95, 1, {"fill_mode": "constant"}),
        (0, 0.25, 1, {"fill_mode": "constant"})):
    x = image(6, 8, c)
    params = {"height_factor": [down, down], "width_factor": [right, right],
              **more}
    y = sample(x, (1, 0, -right * 8, 0, 1, -down * 6), (6, 8), **more)
    case("random_translation", x, y, L.RandomTranslation(**params), params)

# Turns.
for part, c, more in (
        (0.1, 3, {}), (-0.21, 1, {"fill_mode": "constant"}),
        (0.37, 2, {"fill_mode": "nearest"}), (0.06, 1, {"fill_mode": "wrap"}),
        (0.45, 1, {"fill_mode": "constant", "fill_value": -0.5}),
        (0.081, 2, {"interpolation": "nearest"})):
    x = image(7, 6, c)
    params = {"factor": [part, part], **more}
    s, k = np.sin(2 * np.pi * part), np.cos(2 * np.pi * part)
    y = sample(x, (k, -s, 2.5 - 2.5 * k + 3 * s, s, k, 3 - 2.5 * s - 3 * k),
               (7, 6), **more)
    case("random_rotation", x, y, L.RandomRotation(**params), params)

# Scales.
for down, across, c, more in (
        (0.3, None, 3, {}), (-0.4, None, 1, {}),
        (0.2, -0.3, 2, {"fill_mode": "constant", "fill_value": 0.25}),
        (0.55, 0.75, 1, {"fill_mode": "wrap"}),
        (0.4, 0.15, 1, {"fill_mode": "nearest"}),
        (-0.27, 0.31, 2, {"interpolation": "nearest"})):
    x = image(6, 7, c)
    params = {"height_factor": [down, down], **more}
    if across is not None:
        params["width_factor"] = [across, across]
    zy, zx = 1 + down, 1 + (down if across is None else across)
    y = sample(x, (zx, 0, 3 * (1 - zx), 0, zy, 2.5 * (1 - zy)), (6, 7),
               **more)
    case("random_zoom", x, y, L.RandomZoom(**params), params)


def resized(x, height, width, interpolation="bilinear", **more):
    down, across = x.shape[0] / height, x.shape[1] / width
    return sample(x, (across, 0, across / 2 - 0.5, 0, down, down / 2 - 0.5),
                  (height, width), "nearest", interpolation, **more)


def middle(x, height, width):
    h, w = x.shape[:2]
    part_h, part_w = min(h, int(w * height / width)), min(
        w, int(h * width / height))
    top, left = (h - part_h) // 2, (w - part_w) // 2
    return x[top:top + part_h, left:left + part_w]


for h, w, height, width, c, way in (
        (5, 7, 8, 11, 3, "bilinear"), (9, 8, 4, 5, 1, "bilinear"),
        (6, 6, 6, 6, 2, "bilinear"), (5, 8, 9, 3, 2, "nearest"),
        (1, 4, 3, 7, 1, "bilinear")):
    x = image(h, w, c)
    params = {"height": height, "width": width, "interpolation": way}
    case("resizing", x, resized(x, height, width, way),
         L.Resizing(**params), params)
for h, w, height, width in ((9, 6, 4, 4), (5, 11, 6, 8)):
    x = image(h, w, 2)
    params = {"height": height, "width": width, "crop_to_aspect_ratio": True}
    case("resizing", x, resized(middle(x, height, width), height, width),
         L.Resizing(**params), params)
for h, w, height, width in ((9, 5, 6, 6), (5, 12, 4, 4)):
    x = image(h, w, 2)
    params = {"height": height, "width": width, "pad_to_aspect_ratio": True,
              "fill_value": 0.5}
    top = max(0, int(w * height / width) - h) // 2
    left = max(0, int(h * width / height) - w) // 2
    padded = np.full((h + 2 * top, w + 2 * left, 2), 0.5)
    padded[top:top + h, left:left + w] = x
    case("resizing", x, resized(padded, height, width),
         L.Resizing(**params), params)

# Parts.
x = image(7, 8, 2)
case("center_crop", x, x[1:5, 1:6], L.CenterCrop(4, 5),
     {"height": 4, "width": 5})
x = image(4, 7, 1)
case("center_crop", x, resized(middle(x, 5, 5), 5, 5), L.CenterCrop(5, 5),
     {"height": 5, "width": 5})
x = image(7, 8, 2)
case("random_crop", x, x[1:5, 2:6], L.CenterCrop(4, 4),
     {"height": 4, "width": 4}, still=True)
case("random_crop", x, x, None,
     {"height": 7, "width": 8, "padding": 4}, still=True)

# Light.
x = image(4, 5, 3)
params = {"factor": [0.25, 0.25], "value_range": [0, 4]}
case("random_brightness", x, np.clip(x + 1, 0, 4),
     L.RandomBrightness(**params), params)

# Sounds.


def spectrogram(x, fft_length=2048, sequence_stride=512, sequence_length=None,
                window="hann", sampling_rate=16000, num_mel_bins=128,
                min_freq=20.0, max_freq=None, power_to_db=True, top_db=80.0,
                mag_exp=2.0, min_power=1e-10, ref_power=1.0):
    n = sequence_length or fft_length
    base = 0.5 if window == "hann" else 0.54
    shape = base - (1 - base) * np.cos(2 * np.pi * np.arange(n) / n)
    left = (fft_length - n) // 2
    shape = np.pad(shape, (left, fft_length - n - left))
    padded = np.pad(x, fft_length // 2, mode="reflect")
    frames = 1 + (len(padded) - fft_length) // sequence_stride
    spec = np.stack([np.abs(np.fft.rfft(
        shape * padded[i * sequence_stride:i * sequence_stride + fft_length]))
        for i in range(frames)]) ** mag_exp

    def mel(hertz):
        return 1127.0 * np.log(1 + hertz / 700.0)

    edges = np.linspace(mel(min_freq), mel(max_freq or sampling_rate // 2),
                        num_mel_bins + 2)
    at = mel(np.linspace(0, sampling_rate / 2, spec.shape[1])[1:])[:, None]
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    bands = np.maximum(0, np.minimum((at - low) / (center - low),
                                     (high - at) / (high - center)))
    out = spec[:, 1:] @ bands
    if power_to_db:
        out = 10 * np.log10(np.maximum(out, min_power))
        out -= 10 * np.log10(np.maximum(abs(ref_power), min_power))
        out = np.maximum(out, np.max(out) - top_db)
    return out.T


time = np.arange(400) / 8000
x = grid(np.sin(2 * np.pi * 700 * time) + 0.5 * np.sin(
    2 * np.pi * 2350 * time) + rng.normal(size=400) * 0.1)
for params in (
        {"fft_length": 128, "sequence_stride": 50, "sampling_rate": 8000,
         "num_mel_bins": 12, "max_freq": 3800.0},
        {"fft_length": 128, "sequence_stride": 64, "sequence_length": 90,
         "window": "hamming", "sampling_rate": 8000, "num_mel_bins": 20,
         "min_freq": 150.0, "top_db": 20.0, "ref_power": 4.0},
        # An odd window is a symmetric one for TensorFlow alone.
        {"fft_length": 75, "sequence_stride": 33, "sequence_length": 60,
         "sampling_rate": 8000, "num_mel_bins": 9, "power_to_db": False, "mag_exp": 1.0},
        {"fft_length": 256, "sequence_stride": 100, "sampling_rate": 8000,
         "num_mel_bins": 60, "power_to_db": False}):
    case("mel_spectrogram", x, spectrogram(x, **params),
         L.MelSpectrogram(**params), params)

write("transforms", cases)
