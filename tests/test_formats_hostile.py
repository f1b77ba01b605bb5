"""Files that lie, end early or were changed at random: each is loaded, or refused with FormatError."""

import bz2
import gzip
import lzma
import os
import struct
import time
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from conftest import SEED, SLOW
from vector_files import fasttext_model, needs_pyarrow

from fastsg import FormatError
from fastsg.io import load_vectors, save_vectors

WORDS = ["the", "café", "中文", *(f"w{i}" for i in range(9))]
MUTANTS = 1000
SINGLE = ["v.npz", "v.safetensors", "v.fifu", "v.tsv", "v.vec", "v.bin", "v.glove", "m.ftbin", "n.ftbin"]
TABLES = [pytest.param(name, marks=needs_pyarrow) for name in ("v.parquet", "v.arrow")]
PACKED = ["v.vec.bz2", "v.bin.xz", "v.vec.zst", "m.ftbin.gz"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(name):
    """A sound file of that name; its bytes."""
    if "ftbin" in name:
        ngrams = {"minn": 2, "maxn": 3, "bucket": 5} if name.startswith("n") else {}
        data = fasttext_model(tuple(word.encode() for word in WORDS), dim=3, **ngrams)
        data = gzip.compress(data) if name.endswith(".gz") else data
        with open(name, "wb") as file:
            file.write(data)
        return data
    if name.endswith(".zst"):
        pytest.importorskip("zstandard")
    matrix = np.random.default_rng(SEED).standard_normal((len(WORDS), 4)).astype(np.float32)
    save_vectors(name, WORDS, matrix, counts=range(len(WORDS), 0, -1))
    with open(name, "rb") as file:
        return file.read()


def outcome(path, name=None, format=None):
    """Whether a file loads; otherwise its FormatError names it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            words, matrix, counts = load_vectors(path, format)
        except FormatError as error:
            message = str(error)
        else:
            message = None
    if message is not None:
        assert (name or path) in message and message.isprintable(), message
        return False
    assert len(words) == len(matrix) == len(set(words)) and "" not in words and np.isfinite(matrix).all()
    assert matrix.dtype == np.float32 and (
        counts is None or (len(counts) == len(words) and (counts >= 0).all())
    )
    return True


@pytest.mark.parametrize("name", [*SINGLE, *TABLES])
def test_every_truncation(name):
    """Text may lose the end of its last number unseen, and no more.

    Every length near both ends, each fourth between.
    """
    original = make(name)
    size = len(original)
    for end in range(size):
        if not SLOW and end % 4 and 150 < end < size - 150:
            continue
        with open(name, "wb") as file:
            file.write(original[:end])
        is_loaded = outcome(name, "v." if name == "v.tsv" else None)
        # A model with no output matrix still has its input vectors, which were asked for.
        may_load = name.endswith((".tsv", ".vec", ".glove", ".ftbin")) or end == size - 1
        assert not is_loaded or may_load, end
        if name.endswith(".ftbin"):
            assert is_loaded == (end >= size - 17 - 4 * 3 * len(WORDS)), end


def npz_with(header, body=b"", **info):
    """An archive whose vectors have the header given."""
    with zipfile.ZipFile("v.npz", "w") as archive:
        archive.writestr(
            "words.npy", npy(b"{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", b"a\0\0\0")
        )
        archive.writestr("vectors.npy", npy(header, body))


def npy(header, body):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


HUGE_NPZ = [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 999999999999999), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 1), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }",
    b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }",
    b"(" * 3000,
]


@pytest.mark.parametrize("header", HUGE_NPZ)
def test_lying_npz(header):
    npz_with(header, bytes(4))
    refused_cheaply("v.npz")


def test_sound_npz_of_the_same_making():
    """The control of the test before."""
    npz_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", bytes(4))
    assert load_vectors("v.npz").words == ["a"]


def refused_cheaply(path):
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError):
        load_vectors(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - start < 0.5 and peak < 16 << 20


def fasttext_with(**changes):
    """A model whose sizes are others than those of its content."""
    data = bytearray(fasttext_model())
    places = {
        "dim": (8, "<i"),
        "bucket": (40, "<i"),
        "size": (64, "<ii"),
        "rows": (data.index(struct.pack("<qq", 2, 2)), "<qq"),
    }
    for name, values in changes.items():
        at, form = places[name]
        struct.pack_into(form, data, at, *values)
    return bytes(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": (2**31 - 1,)}, {"size": (2**31 - 1, 2**31 - 1)}, {"size": (-1, -1)}, {"rows": (2**62, 2)},
        {"rows": (2, 2**62)}, {"bucket": (2**31 - 1,), "rows": (2**31, 2)}, {"rows": (-1, 2)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_lying_fasttext(changes, packed):
    data = fasttext_with(**changes)
    name = "m.bin.gz" if packed else "m.bin"
    with open(name, "wb") as file:
        file.write(gzip.compress(data) if packed else data)
    refused_cheaply(name)


def test_sound_fasttext_of_the_same_making():
    with open("m.bin", "wb") as file:
        file.write(fasttext_with(dim=(2,), size=(2, 2), rows=(2, 2)))
    assert load_vectors("m.bin").words == ["the", "naïve"]


@pytest.mark.parametrize("at, value", [(24, 2**63), (32, 2**63), (12, 2**32 - 1), (16, 2**62), (8, 2**31)])
def test_lying_finalfusion(at, value):
    data = bytearray(make("v.fifu"))
    data[at : at + 8] = struct.pack("<Q", value)
    with open("v.fifu", "wb") as file:
        file.write(data)
    refused_cheaply("v.fifu")


def test_bombs():
    """A small file that unpacks to a large one."""
    for name, codec in (("v.vec.gz", gzip), ("v.vec.bz2", bz2), ("v.vec.xz", lzma)):
        with open(name, "wb") as file:
            file.write(codec.compress(b"1 2\n" + b" " * (1 << 20) + b"\n"))
        with pytest.raises(FormatError, match="unpacks to more than 100000 bytes; see max_decompressed"):
            load_vectors(name, max_decompressed=100_000)
    with zipfile.ZipFile("v.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(100 << 20))
    with pytest.raises(FormatError, match="unpacks to more than"):
        load_vectors("v.npz")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_names_and_contents_that_disagree(suffix):
    if suffix == "zst":
        pytest.importorskip("zstandard")
    save_vectors("v.vec", ["a"], np.ones((1, 2), np.float32))
    os.rename("v.vec", f"v.vec.{suffix}")
    with pytest.raises(FormatError, match=f"named .{suffix}, but holds no"):
        load_vectors(f"v.vec.{suffix}")
    save_vectors(f"w.vec.{suffix}", ["a"], np.ones((1, 2), np.float32))
    os.rename(f"w.vec.{suffix}", "w.vec")
    with pytest.raises(FormatError, match=f"but its name does not end in .{suffix}"):
        load_vectors("w.vec")
    save_vectors("v.npz", ["a"], np.ones((1, 2), np.float32))
    with open(f"v.npz.{suffix}", "wb") as packed, open("v.npz", "rb") as file:
        codec = {"gz": gzip, "bz2": bz2, "xz": lzma}.get(suffix)
        packed.write(codec.compress(file.read()) if codec else __import__("zstandard").compress(file.read()))
    with pytest.raises(FormatError, match="npz are not read compressed"):
        load_vectors(f"v.npz.{suffix}")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_truncated_compression(suffix):
    if suffix == "zst":
        pytest.importorskip("zstandard")
    name = f"v.vec.{suffix}"
    save_vectors(name, WORDS, np.random.default_rng(SEED).standard_normal((len(WORDS), 4)))
    with open(name, "rb") as file:
        data = file.read()
    for end in range(1, len(data), 7):
        with open(name, "wb") as file:
            file.write(data[:end])
        assert not outcome(name)


def test_a_lying_archive_is_bounded_by_its_own_size(tmp_path):
    """The packed sizes that it names used to say how much it may unpack to."""
    path = tmp_path / "v.npz"
    np.savez_compressed(path, words=np.array(["a"]), vectors=np.zeros((1, 40_000_000), np.float32))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:  # in every entry of the directory
        data[at + 20 : at + 24] = (2**31).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 1)
    path.write_bytes(data)
    with pytest.raises(FormatError, match="unpacks to more than 67108864 bytes"):
        load_vectors(path)
