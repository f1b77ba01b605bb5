"""Files of vectors as commands read them, and the exact softmax that files make together."""

from __future__ import annotations

import argparse

import numpy as np

from ..errors import FormatError
from ..io.bias import load_bias
from ..io.embeddings_file import is_model
from ..io.formats import FORMATS, load_vectors
from ..io.vector_table import VectorTable
from ..model.softmax import SoftmaxModel
from ..text.vocab import Vocab


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare --format, which names the format of vectors to read."""
    parser.add_argument(
        "--format",
        choices=list(FORMATS),
        metavar="FORMAT",
        help=f"of the vector files: {', '.join(FORMATS)}; by default from their first bytes, else from their "
        "suffix",
    )


def is_native(path: str, format: str | None) -> bool:
    """Whether a file is a native model, by its first bytes unless the format was named."""
    return format == "model" or (format is None and is_model(path))


def load_table(path: str, format: str | None) -> VectorTable:
    """Words, vectors and counts of a file; where its format was guessed, an error says how to name it."""
    try:
        return load_vectors(path, format)
    except FormatError as error:
        if format:
            raise
        raise FormatError(
            f"{error} (the format was guessed from content and name; --format overrides that)"
        ) from None


def softmax_of_files(path: str, outputs_path: str, bias_path: str | None, format: str | None) -> SoftmaxModel:
    """The model that input vectors, output vectors and constants make."""
    if not bias_path:
        raise ValueError(
            "probabilities need the constants added to the logits: --bias F, from fastsg train --save-bias, "
            "or --bias none if the model was trained without (--output-bias none --sample 0)"
        )
    words, inputs, _ = load_table(path, format)
    same, outputs, _ = load_table(outputs_path, format)
    if words != same or inputs.shape != outputs.shape:
        raise ValueError(f"{path} and {outputs_path} do not hold the same words in the same order and size")
    bias = None if bias_path == "none" else load_bias(bias_path, words)
    # a vocabulary needs counts, and the files may have only their order
    falling = np.arange(len(words), 0, -1)
    return SoftmaxModel(Vocab(words, falling), inputs, outputs, bias)
