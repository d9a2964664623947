# SPDX-License-Identifier: MIT
"""sources.json: word numbers of texts, as TextVectorization gives them."""
from golden import flat, flow, keras, write

TRAIN = [
    "The cat, the DOG; and the don't-know.",
    "a dog's tail \u00c4rger ÄRGER",
    "b a the   (and)\tso on -- b",
    "...",
    "x y z y z z 10 1,000",
]
TEXTS = [
    "The zebra! a b",
    "and so ON and on and on to the very end of it",
    "?!",
    "don't know the \u00c4rger z",
]
cases = []


def case(**params):
    layer = keras.layers.TextVectorization(**params)
    layer.adapt(TRAIN)
    words = [str(word) for word in layer.get_vocabulary()]
    # Keras says None where nacre has a word of its own.
    named = {key: "none" if value is None else value
             for key, value in params.items()}
    cases.append({"component": "labeled_text",
                  "params": flow({"format": "lines", **named}),
                  "words": words,
                  "train": flat(layer(TRAIN).numpy()),
                  "texts": flat(layer(TEXTS).numpy())})


case(output_sequence_length=6)
case(output_sequence_length=3, max_tokens=8)
case(output_sequence_length=8, standardize="lower")
case(output_sequence_length=8, standardize="strip_punctuation")
case(output_sequence_length=8, standardize=None, max_tokens=12)
case(output_sequence_length=12, split="character")
case(output_sequence_length=12, split="character", standardize=None,
     max_tokens=10)
write("sources", cases, train=TRAIN, texts=TEXTS)
