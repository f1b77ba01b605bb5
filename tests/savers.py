"""Everything that writes a file, and what reads it: the table of the tests in which disks fail."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastsg
from fastsg import CooccurrenceCounts, EncodedCorpus, KeyedVectors, SkipGram, Vocab
from fastsg.io import load_bias, load_vectors, save_bias, save_vectors
from fastsg.model.checkpoint import Checkpoint, load_checkpoint
from fastsg.model.report import write_json

WORDS = ["the", "cat", "sat"]
SENTENCES = ([["the", "cat", "sat", "the", "dog"]] * 5, [["a", "cat", "a", "dog", "a", "cat"]] * 5)
PACKED = ["", ".gz", ".bz2", ".xz"] + [".zst"] * bool(importlib.util.find_spec("zstandard"))
ARROW = ["parquet", "arrow"] if importlib.util.find_spec("pyarrow") else []


class Saver(NamedTuple):
    """`save(path, which)` writes the first or the second content; `load(path)` gives something to compare."""

    save: Callable[[Path, int], object]
    load: Callable[[Path], object]
    name: str = "f"


@functools.cache
def _model(which: int) -> SkipGram:
    return SkipGram(SENTENCES[which], vector_size=3, min_count=1, epochs=1, progress=False, workers=1)


@functools.cache
def _corpus(which: int) -> EncodedCorpus:
    return EncodedCorpus.from_iter(SENTENCES[which], min_count=1)


def _matrix(which: int) -> np.ndarray:
    return np.full((3, 2), which + 0.5, np.float32)


def _vectors(name: str) -> Saver:
    def save(path: Path, which: int) -> None:
        save_vectors(
            f"{path}/" if name == "folder" else path, WORDS, _matrix(which), counts=[3, 2, 1 + which]
        )

    return Saver(save, lambda path: load_vectors(path).matrix.tolist(), name)


def _checkpoint(path: Path, which: int) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.write(_model(which))
    if checkpoint.error:
        raise checkpoint.error


SAVERS: dict[str, Saver] = {
    "model": Saver(lambda path, which: _model(which).save(path), lambda path: fastsg.load(path).I.tolist()),
    "checkpoint": Saver(_checkpoint, lambda path: load_checkpoint(path).I.tolist()),
    "counts": Saver(
        lambda path, which: CooccurrenceCounts.from_corpus(_corpus(which), window=2).save(path),
        lambda path: CooccurrenceCounts.load(path).counts.tolist(),
    ),
    "corpus": Saver(
        lambda path, which: _corpus(which).save(path), lambda path: EncodedCorpus.load(path).tokens.tolist()
    ),
    "KeyedVectors": Saver(
        lambda path, which: KeyedVectors(WORDS, _matrix(which)).save(path),
        lambda path: KeyedVectors.load(path).vectors.tolist(),
    ),
    **{
        f"vocab{suffix}": Saver(
            lambda path, which: Vocab(WORDS, [3, 2, 1 + which]).save(path),
            lambda path: Vocab.load(path).counts.tolist(),
            f"f{suffix}",
        )
        for suffix in PACKED
    },
    "bias": Saver(
        lambda path, which: save_bias(path, WORDS, _matrix(which)[:, 0]),
        lambda path: load_bias(path, WORDS).tolist(),
    ),
    "report": Saver(
        lambda path, which: write_json({"loss": which}, path), lambda path: json.loads(path.read_text())
    ),
    **{
        name: _vectors(name)
        for name in (
            *(f"v.vec{suffix}" for suffix in PACKED), "v.bin", "v.glove", "v.npz", "v.safetensors", "v.fifu",
            *(f"v.{kind}" for kind in ARROW), "folder",
        )
    },
    "v.tsv": _vectors("v.tsv"),
}  # fmt: skip


def either(saver: Saver, folder: Path) -> list[Any]:
    """What is loaded after the first content was saved, and after the second, each in an empty folder."""
    found = []
    for which in (0, 1):
        inside = folder / str(which)
        inside.mkdir()
        saver.save(inside / saver.name, which)
        found.append(saver.load(inside / saver.name))
    assert found[0] != found[1]
    return found
