"""Compression by suffix: round trips, the same bytes every time, and folders that are whole or absent."""

import gzip
import importlib
import io
import os
import sys

import numpy as np
import pytest
from conftest import kill_while

from fastsg import Checkpoint, EncodedCorpus, FormatError, KeyedVectors, SkipGram, Vocab
from fastsg.io.bias import load_bias, save_bias
from fastsg.system.compression import (
    DAMAGE,
    MAGIC,
    compressed,
    compression_of,
    decompressed,
    without_compression,
)
from fastsg.system.folder import atomic_folder

TEXT = b"the cat eats fish\n" * 5000


@pytest.fixture(params=["", *MAGIC])
def suffix(request):
    if request.param == ".zst":
        pytest.importorskip("zstandard")
    return request.param


def packed(suffix, data=TEXT):
    raw = io.BytesIO()
    with compressed(raw, suffix) as file:
        file.write(data)
    return raw.getvalue()


def test_round_trip(suffix):
    data = packed(suffix)
    assert data == packed(suffix) and data.startswith(MAGIC.get(suffix, b"the"))
    room = bytearray(len(TEXT) + 10)
    with decompressed(io.BytesIO(data), suffix) as file:
        n = 0
        while got := file.readinto(memoryview(room)[n:]):
            n += got
    assert bytes(room[:n]) == TEXT


def test_truncated_data_are_damage(suffix):
    if not suffix:
        return
    data = packed(suffix)
    with decompressed(io.BytesIO(data[: len(data) // 2]), suffix) as file, pytest.raises((*DAMAGE, OSError)):
        while file.readinto(bytearray(1 << 16)):
            pass


@pytest.mark.parametrize(
    "path, suffix, rest",
    [
        ("a.txt.gz", ".gz", "a.txt"),
        ("a.TXT.XZ", ".xz", "a.TXT"),
        ("a.txt", "", "a.txt"),
        ("a.gz/b", "", "a.gz/b"),
    ],
)
def test_suffixes(path, suffix, rest):
    assert compression_of(path) == suffix and without_compression(path) == rest


def test_zst_without_a_package(monkeypatch):
    if sys.version_info >= (3, 14):
        pytest.skip("this Python reads it")
    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name: real("no.such" if "zst" in name else name))
    for doing, call in (("reading", decompressed), ("writing", compressed)):
        message = f"{doing} .zst files needs .* pip install zstandard"
        with pytest.raises(ImportError, match=message), call(io.BytesIO(), ".zst"):
            pass


# ---- folders ----


def write_folder(path, content):
    with atomic_folder(path, ("a", "b")) as folder:
        for name in ("a", "b"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(content)


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "folder"
    for content in ("one", "two"):
        write_folder(path, content)
        assert {entry.name: entry.read_text() for entry in path.iterdir()} == dict.fromkeys("ab", content)
    assert os.listdir(tmp_path) == ["folder"]
    umask = os.umask(0o022)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o777 & ~umask


def test_an_error_leaves_the_old_one(tmp_path):
    write_folder(tmp_path / "folder", "one")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "folder", ("a", "b")) as folder:
        open(os.path.join(folder, "a"), "w").close()
        raise RuntimeError
    assert (tmp_path / "folder" / "b").read_text() == "one" and os.listdir(tmp_path) == ["folder"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_writer_leaves_a_whole_folder_or_none(tmp_path):
    path = tmp_path / "folder"
    for round in range(20):
        write_folder(path, "x" * 1000)
        kill_while(lambda: write_folder(path, "x" * 1000), 0.002 + 0.003 * round)
        if path.exists():
            assert {entry.name: entry.read_text() for entry in path.iterdir()} == dict.fromkeys(
                "ab", "x" * 1000
            )


def test_lists_of_words_are_compressed_by_suffix(suffix, tmp_path):
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    path, words = tmp_path / f"words{suffix}", Vocab(["b", "a"], [3, 2])
    words.save(path)
    assert Vocab.load(path) == words and path.read_bytes().startswith(MAGIC.get(suffix, b"b 3"))
    save_bias(path, words.words, np.float32([0.5, -1]))
    assert (
        load_bias(path, words.words).tolist() == [0.5, -1]
        and path.read_bytes()[:3] == (MAGIC.get(suffix, b"b 0"))[:3]
    )
    vectors = KeyedVectors(words.words, np.eye(2, dtype=np.float32), words.counts)
    vectors.save_word2vec_format(tmp_path / "v", fvocab=path)
    read = KeyedVectors.load_word2vec_format(tmp_path / "v", fvocab=path)
    assert read.counts is not None and read.counts.tolist() == [3, 2]


@pytest.mark.parametrize("content", [b"", b"b 3\n", gzip.compress(b"b 3\n")[:-5]])
def test_a_damaged_list_is_a_format_error(content, tmp_path):
    (tmp_path / "words.gz").write_bytes(content)
    with pytest.raises(FormatError, match=r"words\.gz"):
        Vocab.load(tmp_path / "words.gz")


def test_containers_are_never_named_as_compressed(tmp_path):
    model = SkipGram([["a", "b"]] * 9, min_count=1, vector_size=2, epochs=1)
    path = tmp_path / "f.gz"
    for write in (
        model.save,
        model.wv.save,
        EncodedCorpus.from_iter([["a", "b"]], min_count=1).save,
        Checkpoint,
    ):
        with pytest.raises(
            ValueError, match=r"f\.gz, but this file is not compressed by suffix; leave \.gz out"
        ):
            write(path)
    assert not path.exists()
