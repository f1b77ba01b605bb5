"""Headers that promise what the file does not hold, and small files that unpack to large ones.

Each is refused by FormatError: a lie in 10 ms and with 64 MiB at most, a bomb at the limit that is told:
64 MiB or a hundred times the size of the file, whichever is more.
"""

import importlib
import json
import struct
import time
import tracemalloc
import zipfile

import kept_files
import numpy as np
import pytest
from containers import put_together, taken_apart
from readers import CODECS, PAIRS, READERS, WORDS
from vector_files import needs_pyarrow

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, KeyedVectors, Vocab, load
from fastsg.graph import Graph
from fastsg.io import load_bias, load_counts, load_vectors
from fastsg.system import compression

SECONDS, BYTES = 0.01, 64 << 20


def refused(read, path, match=None):
    """Refuse a file three times; (seconds of the fastest, bytes at the peak of another)."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        with pytest.raises(FormatError, match=match):
            read(path)
        seconds.append(time.process_time() - start)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            read(path)
        return min(seconds), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ---- lies ----

TEXTS = [
    b"1000000000000 300\n", b"2147483648 4\n", b"3 99999999999\n", b"-1 4\n", b"3 -1\n", b"0 0\n",
    b"9" * 400 + b" 4\n", b"4611686018427387904 4\n", b"9223372036854775808 1\n", b"3 0\n",
]  # fmt: skip


@pytest.mark.parametrize("header", TEXTS)
@pytest.mark.parametrize("name", ["v.vec", "v.bin"])
def test_lines_that_lie(tmp_path, header, name):
    path = tmp_path / name
    READERS[name].write(tmp_path)
    path.write_bytes(header + path.read_bytes().split(b"\n", 1)[1])
    seconds, peak = refused(load_vectors, path)
    assert seconds < SECONDS
    assert peak < BYTES


LOADERS = {
    "model": load,
    "checkpoint": load,
    "counts": CooccurrenceCounts.load,
    "counts.thinned": CooccurrenceCounts.load,
    "counts.shard": CooccurrenceCounts.load,
    "corpus": EncodedCorpus.load,
    "v.kv": KeyedVectors.load,
    "v.safetensors": load_vectors,
}


def _in_all(**changes):
    def change(header, length):
        for name, entry in header.items():
            if name != "__metadata__":
                entry.update(changes)
        return header

    return change


def _last(**changes):
    def change(header, length):
        header[list(header)[-1]].update(changes)
        return header

    return change


def _twice(header, length):
    text = json.dumps(header)
    return (text[:-1] + "," + json.dumps({list(header)[-1]: header[list(header)[-1]]})[1:]).encode()


def _hole(header, length):
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    for entry in entries[1:]:
        entry["data_offsets"] = [end + 8 for end in entry["data_offsets"]]
    return header


CONTAINER_LIES = {
    "many rows": _in_all(shape=[10**12]),
    "2**63 rows": _in_all(shape=[2**63]),
    "10**30 rows": _in_all(shape=[10**30]),
    "rows below 0": _in_all(shape=[-1]),
    "no columns": _in_all(shape=[4, 0]),
    "no number": _in_all(shape=["4"]),
    "three axes": _in_all(shape=[1, 2, 2]),
    "a foreign type": _in_all(dtype="F8_E4M3"),
    "beyond the end": _last(data_offsets=[0, 2**40]),
    "backwards": _last(data_offsets=[2**40, 0]),
    "overlaps": _in_all(data_offsets=[0, 8]),
    "a hole": _hole,
    "two of a name": _twice,
    "a long header": lambda header, length: b"{" + b" " * (2 << 20) + b"}",
    "a deep header": lambda header, length: b'{"a":' + b"[" * 100_000,
    "digits": lambda header, length: b"9" * 100_000,
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    kept_files.write(folder)
    return folder


@pytest.mark.parametrize("lie", CONTAINER_LIES)
@pytest.mark.parametrize("name", LOADERS)
def test_headers_that_lie(ours, tmp_path, name, lie):
    data = (ours / name).read_bytes()
    header, tensors = taken_apart(data)
    path = tmp_path / name
    path.write_bytes(put_together(CONTAINER_LIES[lie](header, len(data)), b"".join(tensors.values())))
    seconds, peak = refused(LOADERS[name], path)
    assert seconds < SECONDS
    assert peak < BYTES


@pytest.mark.parametrize("length", [0, 1, 2**20 + 1, 2**31, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("name", LOADERS)
def test_lengths_that_lie(ours, tmp_path, name, length):
    path = tmp_path / name
    path.write_bytes(struct.pack("<Q", length) + (ours / name).read_bytes()[8:])
    seconds, peak = refused(LOADERS[name], path)
    assert seconds < SECONDS
    assert peak < BYTES


def test_control_a_reader_that_trusts(tmp_path):
    """The bars of time and memory see what they are for."""

    def trusting(path):
        bytearray(80 << 20)
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        raise FormatError(path)

    seconds, peak = refused(trusting, tmp_path)
    assert seconds > SECONDS
    assert peak > BYTES


# ---- bombs ----

WORD_COUNTS = b"".join(b"w%07d 1\n" % i for i in range(200_000))
NUMBERS = b"1000000 1\n" + b"".join(b"w%06d 0\n" % i for i in range(300_000))
BINARY = b"100000 50\n" + b"".join(b"w%06d %b" % (i, bytes(200)) for i in range(20_000))
BOMBS = {
    "v.vec": (NUMBERS, load_vectors),
    "v.bin": (BINARY, load_vectors),
    "v.glove": (b"".join(b"w%06d 0 0\n" % i for i in range(200_000)), load_vectors),
    "vocab": (WORD_COUNTS, Vocab.load),
    "word counts": (WORD_COUNTS, load_counts),
    "bias": (WORD_COUNTS, lambda path: load_bias(path, WORDS)),
    "text": (b"the cat\n" * 300_000, lambda path: EncodedCorpus.from_files(path, min_count=1)),
    "edges": (b"1 2\n" * 500_000, Graph.from_file),
}


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path, monkeypatch, name, suffix):
    content, read = BOMBS[name]
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(CODECS[suffix].compress(content))
    size = path.stat().st_size
    monkeypatch.setattr(compression, "_FREE_BYTES", 100_000)
    monkeypatch.setattr(compression, "_RATIO", 1)
    most = max(100_000, size)
    assert len(content) > 1.2 * most
    with pytest.raises(FormatError, match=f"unpacks to more than {most} bytes"):
        read(path)


def test_what_the_limit_is():
    assert compression.most_unpacked(0) == 64 << 20
    assert compression.most_unpacked(1 << 30) == 100 << 30


def test_archives(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(100 << 20))
    seconds, peak = refused(load_vectors, tmp_path / "v.npz", "unpacks to more than")
    assert seconds < 1
    assert peak < 2 * BYTES


@needs_pyarrow
@pytest.mark.parametrize("name", ["v.parquet", "v.arrow"])
@pytest.mark.parametrize("packed", ["zstd", "lz4"])
def test_tables(tmp_path, name, packed):
    """Zeros, of which a run takes a few bytes; once pyarrow had taken the memory for them."""
    pa = importlib.import_module("pyarrow")
    rows = 20_000
    values = pa.array(np.zeros(rows * 1000, np.float32))
    words = [f"w{i}" for i in range(rows)]
    columns = {"word": words, "vector": pa.FixedSizeListArray.from_arrays(values, 1000)}
    _write_table(pa.table(columns), tmp_path / name, packed)
    assert (tmp_path / name).stat().st_size < 700_000
    seconds, peak = refused(load_vectors, tmp_path / name, "unpacks to more than 67108864 bytes")
    assert seconds < SECONDS
    assert peak < BYTES
    assert len(load_vectors(tmp_path / name, max_decompressed=1 << 30).words) == rows


def _write_table(table, path, packed):
    if path.suffix == ".parquet":
        importlib.import_module("pyarrow.parquet").write_table(table, path, compression=packed)
        return
    ipc = importlib.import_module("pyarrow.ipc")
    options = ipc.IpcWriteOptions(compression=packed)
    with ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table)


@needs_pyarrow
def test_a_long_word_a_million_times(tmp_path):
    """A few hundred bytes of dictionary are many of words."""
    pa = importlib.import_module("pyarrow")
    rows = 100_000
    words = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 10_000])
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows, np.float32)), 1)
    table = pa.table({"word": words, "vector": values}).replace_schema_metadata(None)
    _write_table(table, tmp_path / "v.parquet", "zstd")
    before = pa.total_allocated_bytes()
    with pytest.raises(FormatError, match="a word occurs twice"):
        load_vectors(tmp_path / "v.parquet")
    assert pa.total_allocated_bytes() - before < BYTES


@needs_pyarrow
def test_tables_with_other_columns(tmp_path):
    """Columns that nobody asks for are not read, however large they are."""
    pa = importlib.import_module("pyarrow")
    columns = {"word": ["a", "b"], "vector": pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0]), 1)}
    columns["note"] = pa.array(["y" * 50_000_000, ""])
    _write_table(pa.table(columns), tmp_path / "v.parquet", "zstd")
    assert load_vectors(tmp_path / "v.parquet").words == ["a", "b"]


@needs_pyarrow
def test_names_in_types_are_escaped(tmp_path):
    """The fuzzer's find: the type of a list repeats the name of its field."""
    pa = importlib.import_module("pyarrow")
    kind = pa.list_(pa.field("\x1b[31m\n", pa.string()), 1)
    for columns in ({"word": ["a"], "vector": pa.array([["b"]], kind)}, {"word": pa.array([["b"]], kind)}):
        _write_table(pa.table(columns), tmp_path / "v.arrow", None)
        with pytest.raises(FormatError) as caught:
            load_vectors(tmp_path / "v.arrow")
        assert str(caught.value).isprintable()


def test_questions_are_not_unpacked(tmp_path):
    """Files of pairs and questions are plain text."""
    for suffix, codec in CODECS.items():
        path = tmp_path / f"pairs{suffix}"
        path.write_bytes(codec.compress(PAIRS.encode() * 1000))
        with pytest.raises(ValueError):
            KeyedVectors(WORDS, np.eye(len(WORDS), dtype=np.float32)).evaluate_word_pairs(path)
