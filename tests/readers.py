"""Every reader of files: a sound file of each format, what reads it, and what it may raise.

What the mutants, the fuzzers and the lies of other test files have in common. A file is read as a user would
read it, and then looked at: what came of a damaged file must be sound, or refused.
"""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import lzma
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import kept_files
import numpy as np
from changes import container_mutant, json_text_mutant, packed_mutant, zip_mutant
from containers import unsealed
from vector_files import fasttext_model

import fastsg
from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, KeyedVectors, Vocab
from fastsg.cooccurrence import CountsMerger
from fastsg.graph import Graph
from fastsg.io import load_bias, load_counts, load_vectors, save_bias, save_vectors
from fastsg.model.checkpoint import load_checkpoint

WORDS = ["the", "café", "中文", *(f"w{i}" for i in range(9))]
TEXT = "the cat sat 京都 \u3000naïve\r\nthe dog\u00a0ran\n\nA-word-of-more-than-fifteen-bytes the\n" * 3
EDGES = "# a graph\n1 2\n2 3\n3 1\n3 4\n"
WEIGHTED = "a b 1.5\nb c 2\nc a 1e-3\n"
ADJACENCY = "1 2 3\n2 1\n3 1\n4\n"
PAIRS = "# human\nthe\tcafé\t7.5\nw0\tw1\t3\nw2\tw3\t-1.25e1\n"
ANALOGIES = ": one\nthe café w0 w1\nw2 w3 w4 w5\n: two\nW0 w1 w2 w3\n"
TEXT_ERRORS = (ValueError, OSError)


class Reader(NamedTuple):
    """A way to read a file.

    Attributes
    ----------
    file : str          The file that is damaged, inside a folder that `write` has filled.
    read : function     Reads the folder's file by its path; checks what came.
    write : function    Writes a sound one into a folder.
    raises : tuple      What may be raised; all but FormatError is documented with the reader.
    deeper : function   (random, bytes) -> a mutant whose checksums are right, or that is changed inside of
                        what it is packed in; None where nothing is in the way.
    """

    file: str
    read: Callable[[str], object]
    write: Callable[[Path], None]
    raises: tuple[type[Exception], ...] = (FormatError,)
    deeper: Callable[[Any, bytes], bytes] | None = None


def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((len(WORDS), 4)).astype(np.float32)


def check_vectors(words: list[str], rows: np.ndarray, counts: np.ndarray | None) -> None:
    assert len(words) == len(rows) == len(set(words))
    assert "" not in words
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert counts is None or (len(counts) == len(words) and (np.asarray(counts) >= 0).all())


# ---- files of ours ----


def _ours(name: str, load: Callable[..., object]) -> Reader:
    """One of kept_files' files; read whole, and mapped where that can be."""

    def read(path: str) -> None:
        errors = []
        for look in (kept_files.contents, load):
            try:
                look(Path(path))
            except FormatError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    return Reader(name, read, kept_files.write, deeper=container_mutant)


def _of_before(reader: Reader) -> Reader:
    """The same without checksums, as before there were any: they hide nothing from the parser."""

    def write(folder: Path) -> None:
        reader.write(folder)
        path = folder / reader.file
        path.write_bytes(unsealed(path.read_bytes()))

    return reader._replace(write=write, deeper=None)


def _map(kind: Any, path: Path) -> object:
    return kind.load(path, mmap=True)


def _merge(path: str) -> None:
    """As fastsg merge does, which reads a file in parts."""
    CountsMerger([path]).save(path + ".merged")


def _use_model(path: Path) -> None:
    model = fastsg.load(path, mmap=True)
    model.wv.most_similar(model.vocab.words[0])
    model.predict_context(model.vocab.words[0], 3)


# ---- vectors ----


def _vectors(file: str, target: str | None = None, deeper: Any = None, format: str | None = None) -> Reader:
    """A format of vectors; `target` is what is read if that is not the file itself."""

    def read(path: str) -> None:
        asked = path if target is None else os.path.join(path[: -len(file)], target)
        check_vectors(*load_vectors(asked.rstrip("/"), format))

    def write(folder: Path) -> None:
        name = str(folder / (target or file)) + "/" * (target == "v")
        save_vectors(name, WORDS, matrix(), format, counts=range(len(WORDS), 0, -1))

    return Reader(file, read, write, deeper=deeper)


def _fasttext(file: str, **ngrams: int) -> Reader:
    data = fasttext_model(tuple(word.encode() for word in WORDS), dim=3, **ngrams)
    return _of_bytes(file, data, lambda path: check_vectors(*load_vectors(path)), (FormatError,))


# ---- texts ----


def _of_bytes(
    file: str, data: bytes, read: Callable[[str], object], raises: tuple[type[Exception], ...] = TEXT_ERRORS
) -> Reader:
    """A file of such bytes, packed as its suffix says."""
    codec = CODECS.get(os.path.splitext(file)[1])
    packed = codec.compress(data) if codec else data
    deeper = partial(packed_mutant, codec) if codec else None
    return Reader(file, read, lambda folder: (folder / file).write_bytes(packed) and None, raises, deeper)


def _text(file: str, encoding: str = "utf-8", **options: Any) -> Reader:
    def read(path: str) -> None:
        corpus = EncodedCorpus.from_files(path, min_count=1, encoding=encoding, progress=False, **options)
        assert corpus.offsets[-1] == len(corpus.tokens) == corpus.vocab.counts.sum()
        assert "" not in corpus.vocab.words
        assert len(set(corpus.vocab.words)) == len(corpus.vocab)

    text = TEXT.encode(encoding, "replace")
    return _of_bytes(file, text, read)


def _kv() -> KeyedVectors:
    return KeyedVectors(WORDS, matrix())


def _bias(path: str) -> None:
    assert np.isfinite(load_bias(path, WORDS)).all()


def _vocab(path: str) -> None:
    vocab = Vocab.load(path)
    assert len(vocab) == len(vocab.counts) == len(set(vocab.words))


def _graph(path: str, **options: Any) -> None:
    graph = Graph.from_file(path, **options)
    assert graph.neighbours.size == 0 or 0 <= graph.neighbours.min() <= graph.neighbours.max() < len(graph)


def _write_bias(file: str) -> Callable[[Path], None]:
    return lambda folder: save_bias(folder / file, WORDS, matrix()[:, 0])


class _Zstandard:
    """Named as the functions of Python's own codecs."""

    @staticmethod
    def compress(data: bytes) -> bytes:
        return bytes(importlib.import_module("zstandard").compress(data))

    @staticmethod
    def decompress(data: bytes) -> bytes:
        return bytes(importlib.import_module("zstandard").ZstdDecompressor().decompressobj().decompress(data))


CODECS: dict[str, Any] = {".gz": gzip, ".bz2": bz2, ".xz": lzma}
if importlib.util.find_spec("zstandard"):
    CODECS[".zst"] = _Zstandard
HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
VOCAB = "".join(f"{word} {99 - i}\n" for i, word in enumerate(WORDS)).encode()

_PACKED = [
    _of_bytes(f"v.{kind}{suffix}", b"", lambda path: check_vectors(*load_vectors(path)), (FormatError,))
    for suffix in CODECS
    for kind in ("vec", "bin")
]
_PACKED = [
    reader._replace(write=_vectors(reader.file).write) for reader in _PACKED
]  # packed by what packs them for users

_OURS = {
    "counts": _ours("counts", partial(_map, CooccurrenceCounts)),
    "counts.thinned": _ours("counts.thinned", partial(_map, CooccurrenceCounts)),
    "counts.shard": _ours("counts.shard", partial(_map, CooccurrenceCounts)),
    "corpus": _ours("corpus", partial(_map, EncodedCorpus)),
    "corpus.numbered": _ours("corpus.numbered", partial(_map, EncodedCorpus)),
    "v.kv": _ours("v.kv", partial(_map, KeyedVectors)),
}

#: By their names.
READERS: dict[str, Reader] = {
    "model": _ours("model", _use_model),
    "checkpoint": _ours("checkpoint", load_checkpoint),
    **_OURS,
    **{f"{name} of before": _of_before(reader) for name, reader in _OURS.items()},
    "merge": Reader("counts.thinned", _merge, kept_files.write, (FormatError, ValueError), container_mutant),
    "verify": Reader("model", fastsg.verify, kept_files.write, deeper=container_mutant),
    "v.safetensors": _vectors("v.safetensors", deeper=container_mutant),
    "v.npz": _vectors("v.npz", deeper=zip_mutant),
    **{name: _vectors(name) for name in ("v.fifu", "v.vec", "v.bin", "v.glove")},
    **({name: _vectors(name) for name in ("v.parquet", "v.arrow")} if HAS_ARROW else {}),
    "v.tsv": _vectors("v.tsv"),
    "v.metadata.tsv": _vectors("v.metadata.tsv", "v.tsv"),
    "model2vec": _vectors("v/model.safetensors", "v"),
    "model2vec tokenizer": _vectors("v/tokenizer.json", "v", json_text_mutant),
    "model2vec config": _vectors("v/config.json", "v", json_text_mutant),
    **{reader.file: reader for reader in _PACKED},
    "m.ftbin": _fasttext("m.ftbin"),
    "n.ftbin": _fasttext("n.ftbin", minn=2, maxn=3, bucket=5),
    "m.ftbin.gz": _fasttext("m.ftbin.gz"),
    "vocab": _of_bytes("vocab", VOCAB, _vocab, (FormatError,)),
    "vocab.gz": _of_bytes("vocab.gz", VOCAB, _vocab, (FormatError,)),
    "word counts": _of_bytes("word counts", VOCAB, load_counts, (FormatError,)),
    "bias": Reader("bias", _bias, _write_bias("bias")),
    "bias.bz2": Reader("bias.bz2", _bias, _write_bias("bias.bz2"), deeper=partial(packed_mutant, bz2)),
    "edges": _of_bytes("edges", EDGES.encode(), _graph),
    "weighted edges": _of_bytes("edges", WEIGHTED.encode(), partial(_graph, weighted=True)),
    "adjacency": _of_bytes("adjacency", ADJACENCY.encode(), partial(_graph, layout="adjacency")),
    "pairs": _of_bytes("pairs", PAIRS.encode(), lambda path: _kv().evaluate_word_pairs(path)),
    "analogies": _of_bytes("a", ANALOGIES.encode(), lambda path: _kv().evaluate_word_analogies(path)),
    "text": _text("text"),
    "text, strict": _text("text", errors="strict"),
    "text, ignore": _text("text", errors="ignore"),
    "text, char": _text("text", tokenizer="char"),
    "text, callable": _text("text", tokenizer=str.split),
    "text, lower": _text("text", lower=True),
    **{f"text, {name}": _text("text", name) for name in ("gb18030", "big5", "utf-16", "utf-32", "latin-1")},
    **{f"text{suffix}": _text(f"text{suffix}") for suffix in CODECS},
}
