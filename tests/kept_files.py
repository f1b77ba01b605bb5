"""Files that every later release must read, tests/kept/*: one of each format, and what is in them as JSON.

A folder for each release, written when that was made and never again::

    cd tests && python kept_files.py kept/0.1
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import fastsg
from fastsg import CooccurrenceCounts, EncodedCorpus, KeyedVectors, SkipGram
from fastsg.io import load_vectors, save_vectors
from fastsg.training import StopTraining

KEPT = Path(__file__).parent / "kept"
#: What is in the files, by their names.
CONTENTS = "contents.json"
#: Files of vectors, of every format that is written; those that need a package of others.
VECTORS = ("v.vec", "v.bin", "v.glove", "v.npz", "v.safetensors", "v.tsv", "v.fifu", "folder/", "v.vec.gz")
ARROW = ("v.parquet", "v.arrow")
SENTENCES = [
    f"{a} {b} 京都 {c}".split() for a in ("the", "a") for b in ("cat", "dog") for c in ("sat", "ran")
] * 4
SETTINGS = {"vector_size": 4, "min_count": 1, "window": 2, "epochs": 3, "workers": 1, "progress": False}


def write(folder: Path) -> None:
    """Every format, small."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = EncodedCorpus.from_iter(SENTENCES, min_count=1)
    corpus.save(folder / "corpus")
    _write_shard(folder)
    CooccurrenceCounts.from_corpus(corpus, window=2).save(folder / "counts")
    CooccurrenceCounts.for_training(corpus, sample=0.05, window=(1, 2), draws=2, seed=7).save(
        folder / "counts.thinned"
    )
    SkipGram(SENTENCES, **SETTINGS, sample=0.05).save(folder / "model")
    stopping = fastsg.EarlyStopping(patience=9)
    options = {"solver": "sgd", "optimizer": "adagrad", "alpha": 2.0, "validation": SENTENCES[:3]}
    callbacks = [stopping, fastsg.Checkpoint(folder / "checkpoint"), _Stop()]
    try:
        SkipGram(SENTENCES, **SETTINGS, **options, callbacks=callbacks)
    except KeyboardInterrupt:
        (folder / "checkpoint.1").unlink(missing_ok=True)
    inside = SkipGram(SENTENCES, **SETTINGS, batch_size=2, callbacks=[_StopInside()])
    inside.save(folder / "checkpoint.inside")
    _write_vectors(folder)


def _write_shard(folder: Path) -> None:
    """A text with empty lines, and counts of a share of it, with a sum that float32 cannot tell."""
    text = folder / "text"
    text.write_text("the cat\n\nthe dog sat\n" + "a b " * 60_000 + "\n\nthe cat ran\n", encoding="utf-8")
    whole = EncodedCorpus.from_files(text, min_count=1, progress=False)
    EncodedCorpus.from_iter([["the", "cat"], [], ["the", "dog"]], min_count=1).save(
        folder / "corpus.numbered"
    )
    part = EncodedCorpus.from_files(text, vocab=whole.vocab, shard=(1, 2), progress=False)
    text.unlink()
    harmonic = {"window": 20, "shrink_windows": "harmonic"}
    CooccurrenceCounts.for_training(part, sample=0.3, draws=2, **harmonic).save(folder / "counts.shard")


class _StopInside(fastsg.Callback):
    """Ends the training at the second batch of its second epoch."""

    def on_batch_end(self, model: SkipGram) -> None:
        if model.plan.done == 1 and model.state.begun.batches == 2:
            raise StopTraining


class _Stop(fastsg.Callback):
    """Interrupts after the second epoch."""

    def on_epoch_end(self, model: SkipGram) -> None:
        if model.plan and model.plan.done == 2:
            raise KeyboardInterrupt


def _write_vectors(folder: Path) -> None:
    words = ["the", "naïve", "京都", "w3", "w4"]
    matrix = (np.arange(15, dtype=np.float32).reshape(5, 3) - 7) / 3
    for name in (*VECTORS, *(ARROW if find_spec("pyarrow") else ())):
        target = f"{folder / name}/" if name.endswith("/") else folder / name
        save_vectors(target, words, matrix, counts=[9, 7, 5, 3, 1])
    kv = KeyedVectors(words, matrix.astype(np.float64), [9, 7, 5, 3, 1])
    kv.set_vecattr("the", "tag", "DET")
    kv.set_vecattr("the", "year", np.int16(-7))
    kv.set_vecattr("the", "noun", True)
    kv.save(folder / "v.kv")


# ---- what is in them ----


def contents(path: Path) -> dict[str, object]:
    """All that a file holds, by public names, as plain values; floats survive JSON bit for bit."""
    name = path.name.split(".")[0]
    readers = {"corpus": _of_corpus, "counts": _of_counts, "model": _of_model, "checkpoint": _of_model}
    if path.name == "v.kv":
        return _of_attributes(path)
    return readers.get(name, _of_vectors)(path)


def _of_corpus(path: Path) -> dict[str, object]:
    corpus = EncodedCorpus.load(path)
    names = ("raw_tokens", "invalid_bytes_replaced", "tokenizer", "lower")
    return {
        "tokens": corpus.tokens.tolist(),
        "offsets": corpus.offsets.tolist(),
        "numbers": corpus.sentence_numbers().tolist(),
        "vocab": _of_vocab(corpus.vocab),
        **{name: getattr(corpus, name) for name in names},
    }


def _of_counts(path: Path) -> dict[str, object]:
    counts = CooccurrenceCounts.load(path)
    thinned = counts.thinned and _rows(counts.thinned)
    return _rows(counts) | {"vocab": _of_vocab(counts.vocab), "thinned": thinned}


def _rows(counts: CooccurrenceCounts) -> dict[str, object]:
    arrays = (counts.row_ptr, counts.contexts, counts.counts)
    keep = None if counts.keep is None else counts.keep.tolist()
    large = None if counts.large is None else counts.large.tolist()
    exact = {"large": large, "shard": counts.shard and counts.shard._asdict()}
    return {"rows": [array.tolist() for array in arrays], "keep": keep, "about": counts.about, **exact}


def _of_model(path: Path) -> dict[str, object]:
    model = fastsg.load(path)
    state, optimizer = model.state, model.state.optimizer
    arrays = {"I": model.I, "O": model.O, "shift": state.shift, "keep": model._training.keep}
    arrays |= {"sums_I": optimizer.sums_I, "sums_O": optimizer.sums_O}
    if state.begun:
        arrays |= state.begun.arrays()
    best = state.best and [array.tolist() for array in state.best]
    return {
        "settings": model.settings.as_dict(),
        "reading": model.reading,
        "vocab": _of_vocab(model.vocab),
        "history": model.history,
        "plan": model.plan and vars(model.plan),
        "step": state.step,
        "begun": state.begun and state.begun.numbers(),
        "best": best,
        "bias": model.real_bias().tolist(),
        **{name: None if array is None else array.tolist() for name, array in arrays.items()},
    }


def _of_vocab(vocab: fastsg.Vocab) -> dict[str, object]:
    return {"words": vocab.words, "counts": vocab.counts.tolist(), "raw": [vocab.raw_types, vocab.raw_tokens]}


def _of_vectors(path: Path) -> dict[str, object]:
    words, matrix, counts = load_vectors(path)
    return {"words": words, "matrix": matrix.tolist(), "counts": None if counts is None else counts.tolist()}


def _of_attributes(path: Path) -> dict[str, object]:
    kv = KeyedVectors.load(path)
    columns = {name: [str(column.dtype), column.tolist()] for name, column in kv.expandos.items()}
    return {"words": kv.index_to_key, "matrix": kv.vectors.tolist(), "type": str(kv.vectors.dtype), **columns}


def files(folder: Path) -> list[Path]:
    """The files of a release; a folder counts as one, and the second file of a pair not at all."""
    others = (CONTENTS, "v.metadata.tsv")
    return [path for path in sorted(folder.iterdir()) if path.name not in others]


def main() -> None:
    """Write a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not find_spec("pyarrow"):
        parser.error("two of the formats need pyarrow")
    write(folder)
    found = {path.name: contents(path) for path in files(folder)}
    (folder / CONTENTS).write_text(json.dumps(found, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
