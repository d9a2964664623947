# SPDX-License-Identifier: MIT
"""make_media: what Keras reads from folders of images and of sounds.

Writes the folder media/ as well: a few small pictures (PNG of several kinds,
JPEG) and sounds (WAV of several kinds, and one of them as FLAC, for which
libsndfile is needed). Resampling, which Keras leaves to others, is by the
kernel of torchaudio.functional.resample, written out here in NumPy.
"""
import ctypes
import ctypes.util
import shutil
import struct
import wave
import zlib

from keras.src.utils.image_utils import smart_resize

from golden import flat, flow, keras, np, os, pathlib, tf, write

HERE = pathlib.Path(__file__).resolve().parent
MEDIA = HERE / "media"
random = np.random.RandomState(20)


def short(array):
    """The numbers of an array of floats, with the digits that they have."""
    return [float(f"{x:.7g}") for x in flat(array)]


def smooth(height, width, channels):
    """A picture with edges and slopes, so that JPEG has something to do."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / (2.0 + c) + c) * np.cos(y / (3.0 - c / 2))
              + 20 * (x > width // 2) for c in range(channels)]
    noise = random.uniform(-6, 6, (height, width, channels))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def png(header, *chunks):
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(
            ">I", zlib.crc32(body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + b"".join(chunk(n, d) for n, d in chunks) + chunk(b"IEND", b""))


def palette_png():
    """Palette of 4 colours, 2 bits a pixel, interlaced by Adam7."""
    height, width = 9, 7
    index = random.randint(0, 4, (height, width))
    rows = b""
    for y0, dy, x0, dx in [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4),
                           (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2),
                           (1, 2, 0, 1)]:
        part = index[y0::dy, x0::dx]
        if part.size == 0:
            continue
        for row in part:
            bits = "".join(f"{v:02b}" for v in row)
            bits += "0" * (-len(bits) % 8)
            rows += b"\0" + bytes(int(bits[i:i + 8], 2)
                                  for i in range(0, len(bits), 8))
    colours = bytes([255, 0, 0, 10, 200, 30, 0, 0, 255, 90, 91, 92])
    return png(struct.pack(">IIBBBBB", width, height, 2, 3, 0, 0, 1),
               (b"PLTE", colours), (b"IDAT", zlib.compress(rows)))


def read_picture(name, channels):
    """TensorFlow takes a faster, worse inverse DCT for JPEG by default."""
    data = (MEDIA / "pictures" / name).read_bytes()
    if name.lower().endswith((".jpg", ".jpeg")):
        return tf.io.decode_jpeg(data, channels=channels,
                                 dct_method="INTEGER_ACCURATE")
    return tf.io.decode_image(data, channels=channels)


def resized(picture, image_size, interpolation="bilinear",
            crop_to_aspect_ratio=False):
    if crop_to_aspect_ratio:
        return smart_resize(
            picture, image_size, interpolation=interpolation)
    return tf.image.resize(picture, image_size, method=interpolation)


def make_pictures():
    folder = MEDIA / "pictures"
    for name in ["birds/deep", "cats", "dogs"]:
        (folder / name).mkdir(parents=True)

    def put(name, data):
        (folder / name).write_bytes(bytes(data))
    put("birds/rgb.png", tf.io.encode_png(smooth(10, 12, 3)).numpy())
    put("birds/deep/wide.jpg", tf.io.encode_jpeg(
        smooth(16, 24, 3), quality=90).numpy())
    put("cats/grey.png", tf.io.encode_png(smooth(6, 5, 1)).numpy())
    put("cats/alpha.PNG", tf.io.encode_png(smooth(8, 8, 4)).numpy())
    put("cats/sixteen.png", tf.io.encode_png(
        random.randint(0, 65536, (5, 4, 3)).astype(np.uint16)).numpy())
    put("dogs/palette.png", palette_png())
    put("dogs/grey.jpeg", tf.io.encode_jpeg(
        smooth(9, 9, 1), format="grayscale").numpy())
    put("dogs/progressive.jpg", tf.io.encode_jpeg(
        smooth(17, 11, 3), progressive=True, chroma_downsampling=True,
        quality=75).numpy())
    put("dogs/notes.txt", b"not an image\n")


def picture_cases():
    options = [
        {"image_size": [8, 8]},
        {"image_size": [5, 9], "interpolation": "nearest"},
        {"image_size": [7, 6], "interpolation": "bicubic"},
        {"image_size": [11, 7], "interpolation": "bicubic"},
        {"image_size": [6, 3], "crop_to_aspect_ratio": True},
    ]
    for more in options:
        data = keras.utils.image_dataset_from_directory(
            MEDIA / "pictures", shuffle=False, batch_size=None,
            label_mode="int", **more)
        rows = list(data.as_numpy_iterator())
        files = [os.path.relpath(p, MEDIA / "pictures")
                 for p in data.file_paths]
        x = [np.asarray(resized(read_picture(n, 3), **more)) for n in files]
        for name, ours, theirs in zip(files, x, rows):
            if "jp" not in name:
                assert np.abs(ours - theirs[0]).max() < 1e-4, (name, more)
        yield {
            "component": "image_directory",
            "params": flow({"path": "media/pictures", **more}),
            "files": files,
            "class_names": data.class_names,
            "labels": [int(y) for _, y in rows],
            "shape": list(rows[0][0].shape),
            "x": short(np.stack(x)),
        }
    # TensorFlow decodes no JPEG to four channels, and takes a weighted mean
    # of its own for the grey of a PNG: pictures one by one.
    for mode, channels, names in [
            ("rgba", 4, ["cats/alpha.PNG", "cats/grey.png", "birds/rgb.png"]),
            ("grayscale", 1, ["cats/grey.png", "dogs/grey.jpeg"])]:
        x = [resized(read_picture(n, channels), [4, 5]) for n in names]
        yield {
            "component": "image_directory",
            "params": flow({"path": "media/pictures", "image_size": [4, 5],
                            "color_mode": mode}),
            "files": names, "shape": [4, 5, channels], "x": short(np.stack(x)),
        }
    # Keras has no "area", TensorFlow does.
    names = ["birds/rgb.png", "cats/grey.png", "dogs/palette.png"]
    for size in [[4, 5], [3, 3], [11, 9]]:
        x = [resized(read_picture(n, 3), size, "area") for n in names]
        yield {
            "component": "image_directory",
            "params": flow({"path": "media/pictures", "image_size": size,
                            "interpolation": "area"}),
            "files": names, "shape": size + [3], "x": short(np.stack(x)),
        }


def write_wav(path, samples, rate, width):
    """samples: [frames, channels], -1 to 1"""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(width)
        out.setframerate(rate)
        whole = np.round(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
        if width == 1:
            whole = whole + 128
        out.writeframes(b"".join(
            int(v).to_bytes(width, "little", signed=width > 1)
            for v in whole.reshape(-1)))
        return (whole - 128 if width == 1 else whole) / 2 ** (8 * width - 1)


def write_flac(path, samples, rate):
    """By libsndfile, 16 bits. samples: [frames], -1 to 1"""
    class Info(ctypes.Structure):
        _fields_ = [("frames", ctypes.c_int64), ("samplerate", ctypes.c_int),
                    ("channels", ctypes.c_int), ("format", ctypes.c_int),
                    ("sections", ctypes.c_int), ("seekable", ctypes.c_int)]
    library = ctypes.CDLL(ctypes.util.find_library("sndfile")
                          or "libsndfile.so.1")
    library.sf_open.restype = ctypes.c_void_p
    info = Info(0, rate, 1, 0x170002, 0, 0)
    file = library.sf_open(str(path).encode(), 0x20, ctypes.byref(info))
    whole = np.round(samples * 32767).astype(np.int16)
    library.sf_writef_short(
        ctypes.c_void_p(file), whole.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(len(whole)))
    library.sf_close(ctypes.c_void_p(file))
    return whole.astype(np.float64)[:, None] / 32768


def tone(frames, channels, rate):
    t = np.arange(frames) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (200 + 90 * c) * t)
                     + 0.2 * np.sin(2 * np.pi * 1700 * t + c)
                     for c in range(channels)], -1)


def resample(x, old, new):
    """torchaudio.functional.resample with its defaults; x: [frames]"""
    factor = np.gcd(old, new)
    old, new = old // factor, new // factor
    base = min(old, new) * 0.99
    width = int(np.ceil(6 * old / base))
    idx = np.arange(-width, width + old) / old
    t = (-np.arange(new) / new)[:, None] + idx[None, :]
    t = np.clip(t * base, -6, 6)
    window = np.cos(t * np.pi / 6 / 2) ** 2
    kernel = np.sinc(t) * window * base / old
    padded = np.pad(x, (width, width + old))
    steps = len(x) // old + 1
    out = np.stack([kernel @ padded[k * old:k * old + 2 * width + old]
                    for k in range(steps)]).reshape(-1)
    return out[:int(np.ceil(new * len(x) / old))]


def make_sounds():
    """What libsndfile should give for each file, by its name."""
    folder = MEDIA / "sounds"
    folder.mkdir(parents=True)
    return {
        "a_ann_0.wav": (write_wav(folder / "a_ann_0.wav",
                                  tone(300, 1, 8000), 8000, 2), 8000),
        "a_bob_1.wav": (write_wav(folder / "a_bob_1.wav",
                                  tone(120, 2, 8000), 8000, 2), 8000),
        "b_ann_2.wav": (write_wav(folder / "b_ann_2.wav",
                                  tone(201, 1, 11025), 11025, 3), 11025),
        "b_bob_3.flac": (write_flac(folder / "b_bob_3.flac",
                                    tone(260, 1, 8000)[:, 0], 8000), 8000),
        "b_bob_4.wav": (write_wav(folder / "b_bob_4.wav",
                                  tone(150, 1, 4000), 4000, 1), 4000),
    }


def fit(x, length):
    return np.pad(x, ((0, max(0, length - len(x))), (0, 0)))[:length]


def sound_cases(sounds):
    names = sorted(sounds)
    common = {"path": "media/sounds",
              "pattern": '"{label}_{speaker}_{index}"'}
    facts = {"class_names": ["a", "b"],
             "labels": [0 if n[0] == "a" else 1 for n in names],
             "group_names": ["ann", "bob"],
             "groups": [0 if "ann" in n else 1 for n in names]}
    for rate, length in [(8000, 180), (8000, 320), (16000, 210), (3000, 64)]:
        x = [resample(sounds[n][0].mean(-1), sounds[n][1], rate)[:, None]
             if sounds[n][1] != rate else sounds[n][0].mean(-1)[:, None]
             for n in names]
        yield {
            "component": "audio_directory",
            "params": flow({**common, "sampling_rate": rate,
                            "output_sequence_length": length}),
            "files": names, "shape": [length, 1],
            "x": short(np.stack([fit(v, length) for v in x])), **facts,
        }
    # The longest decides where nothing is said.
    x = [resample(sounds[n][0].mean(-1), sounds[n][1], 8000)
         if sounds[n][1] != 8000 else sounds[n][0].mean(-1) for n in names]
    longest = max(len(v) for v in x)
    yield {
        "component": "audio_directory",
        "params": flow({**common, "sampling_rate": 8000}),
        "files": names, "shape": [longest, 1],
        "x": short(np.stack([fit(v[:, None], longest) for v in x])), **facts,
    }


def keras_sound_cases():
    """Folders of classes, as Keras wants them, of one rate."""
    folder = MEDIA / "spoken"
    for name, frames in [("no/1.wav", 90), ("no/2.wav", 60), ("yes/3.wav", 75)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_wav(folder / name, tone(frames, 2, 8000) * 0.9, 8000, 2)
    data = keras.utils.audio_dataset_from_directory(
        folder, shuffle=False, batch_size=None, output_sequence_length=70)
    rows = list(data.as_numpy_iterator())
    yield {
        "component": "audio_directory",
        "params": flow({"path": "media/spoken", "mono": False,
                        "output_sequence_length": 70}),
        "files": ["no/1.wav", "no/2.wav", "yes/3.wav"],
        "class_names": data.class_names,
        "labels": [int(y) for _, y in rows],
        "shape": list(rows[0][0].shape),
        "x": short(np.stack([x for x, _ in rows])),
    }


shutil.rmtree(MEDIA, ignore_errors=True)
make_pictures()
sounds_made = make_sounds()
cases = list(picture_cases()) + list(sound_cases(sounds_made))
write("media", cases + list(keras_sound_cases()))
