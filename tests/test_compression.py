"""Compression by suffix: round trips, the same bytes every time, and folders that are whole or absent."""

import bz2
import gzip
import importlib
import io
import lzma
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import kill_while

from fastsg import Checkpoint, EncodedCorpus, FormatError, KeyedVectors, SkipGram, Vocab
from fastsg.io.bias import load_bias, save_bias
from fastsg.system import folder
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


# ---- several streams in one file ----


def unpacked(suffix, data):
    """What a file holds."""
    with decompressed(io.BytesIO(data), suffix) as file:
        found, room = b"", bytearray(1 << 16)
        while n := file.readinto(room):
            found += room[:n]
    return found


def test_streams_end_to_end(suffix):
    data = packed(suffix, b"one ") + packed(suffix, b"") + packed(suffix, TEXT)
    assert unpacked(suffix, data) == b"one " + TEXT


def refuses(suffix, data):
    try:
        unpacked(suffix, data)
    except (*DAMAGE, OSError):
        return True
    return False


def lost_in_silence(refuses, suffix):
    """How many damages of the first bytes of a second stream, of all values, are not refused."""
    first, second = packed(suffix, b"one "), packed(suffix, TEXT)
    # the fourth byte of bzip2 is the size of its blocks: a larger one changes nothing, nor does gzip's time
    damaged = [(at, x) for at in (0, 1, 2) for x in range(256) if x != second[at]]
    return sum(not refuses(suffix, first + second[:at] + bytes([x]) + second[at + 1 :]) for at, x in damaged)


def test_a_damaged_second_stream_is_damage(suffix):
    if suffix:
        assert lost_in_silence(refuses, suffix) == 0


@pytest.mark.parametrize("suffix, reader", [(".bz2", bz2.BZ2File), (".xz", lzma.LZMAFile)])
def test_control_python_drops_a_damaged_second_stream(suffix, reader):
    def refuses(suffix, data):
        try:
            return reader(io.BytesIO(data)).read() != b"one "
        except (*DAMAGE, OSError):
            return True

    assert lost_in_silence(refuses, suffix) > 700


@pytest.mark.parametrize(
    "suffix, zeros, is_allowed",
    [
        (".gz", 7, True),
        (".bz2", 7, True),  # bzip2 itself takes anything, and says so
        *((".xz", n, n % 4 == 0) for n in (1, 2, 3, 4, 6, 8, 4096, 4098)),
        (".zst", 4, False),
    ],
)
def test_zeros_behind_a_stream(suffix, zeros, is_allowed):
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    data = packed(suffix, TEXT) + bytes(zeros)
    for whole, content in ((data, TEXT), (data + packed(suffix, b"two "), TEXT + b"two ")):
        if is_allowed:
            assert unpacked(suffix, whole) == content
        else:
            assert refuses(suffix, whole)


@pytest.mark.parametrize("tail", [b"x", b"garbage", b"\0\0\0\0x", b"BZ", b"\xfd7zXZ"])
def test_anything_else_behind_a_stream_is_damage(suffix, tail):
    if suffix:
        assert refuses(suffix, packed(suffix) + tail)


@pytest.mark.parametrize(
    "tool, suffix", [("bzip2", ".bz2"), ("xz", ".xz"), ("gzip", ".gz"), ("zstd", ".zst")]
)
def test_what_the_reference_tools_make_and_accept(tool, suffix, tmp_path):
    """Several streams, each of them; for xz also several blocks, and the format before it."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    flags = [["-1"], ["-9"]] + [["--block-size=9000"], ["-T2"], ["--check=sha256"]] * (tool == "xz")
    streams = [subprocess.run([tool, "-c", *f], input=TEXT, capture_output=True, check=True) for f in flags]
    path = tmp_path / f"f{suffix}"
    path.write_bytes(b"".join(stream.stdout for stream in streams))
    subprocess.run([tool, "-t", path], check=True, capture_output=True)
    assert unpacked(suffix, path.read_bytes()) == TEXT * len(flags)
    if tool == "xz":
        old = subprocess.run([tool, "-c", "-F", "lzma"], input=TEXT, capture_output=True, check=True).stdout
        assert unpacked(suffix, old) == TEXT


def test_memory_for_a_bomb_of_bzip2():
    """Forty bytes of bzip2 hold a block of 46 MB: they are unpacked in pieces."""
    data = packed(".bz2", bytes(46_000_000))
    tracemalloc.start()
    try:
        with decompressed(io.BytesIO(data), ".bz2") as file:
            n = sum(iter(partial(file.readinto, bytearray(1 << 16)), 0))
        assert n == 46_000_000 and tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


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
    with atomic_folder(path, ("a", "b")) as new_folder:
        for name in ("a", "b"):
            with open(os.path.join(new_folder, name), "w") as file:
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
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "folder", ("a", "b")) as new_folder:
        open(os.path.join(new_folder, "a"), "w").close()
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


def test_what_appears_while_a_folder_is_written_is_not_replaced(tmp_path):
    write_folder(tmp_path / "folder", "one")
    with pytest.raises(FileExistsError, match="thesis"), atomic_folder(tmp_path / "folder", ("a", "b")):
        (tmp_path / "folder" / "thesis").write_text("mine")
    assert (tmp_path / "folder" / "thesis").read_text() == "mine" and os.listdir(tmp_path) == ["folder"]
    with pytest.raises(FileExistsError, match="something else"), atomic_folder(tmp_path / "g", ("a",)):
        (tmp_path / "g").write_text("mine")
    assert (tmp_path / "g").read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["folder", "g"]


def test_a_folder_that_is_still_written_is_not_taken_for_a_dead_ones(tmp_path):
    """Its own time is that of its newest name: one large file may take hours."""
    write_folder(tmp_path / "folder", "one")
    with atomic_folder(tmp_path / "folder", ("a", "b")) as slow:
        with open(os.path.join(slow, "a"), "w") as file:
            file.write("slow")
        os.utime(slow, (time.time() - 7200,) * 2)
        write_folder(tmp_path / "folder", "two")
        assert os.path.exists(slow)
    assert (tmp_path / "folder" / "a").read_text() == "slow" and os.listdir(tmp_path) == ["folder"]
    dead = tmp_path / ".folder.00000000-1-abcdefgh.tmp"  # of another host
    dead.mkdir()
    (dead / "a").touch()
    for path in (dead / "a", dead):
        os.utime(path, (time.time() - 7200,) * 2)
    write_folder(tmp_path / "folder", "three")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_between_two_renames_leaves_a_folder(tmp_path, monkeypatch, number):
    """Where folders are not exchanged at one stroke; it comes as the first rename returns, or the second."""
    monkeypatch.setattr(folder, "swapped", lambda first, second: False)
    write_folder(tmp_path / "folder", "one")
    calls, real = [], os.rename

    def interrupted(*names):
        real(*names)
        calls.append(names)
        if len(calls) == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "folder", "two")
    assert (tmp_path / "folder" / "b").read_text() == ["one", "two"][number - 1]
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("lacks", ["ctypes", "the call", "the file system"])
def test_where_folders_cannot_be_exchanged_they_are_renamed(tmp_path, monkeypatch, lacks):
    libraries = {"the call": SimpleNamespace(), "the file system": SimpleNamespace(renameat2=lambda *_: -1)}
    monkeypatch.setattr(sys, "platform", "linux")
    if lacks == "ctypes":
        monkeypatch.setitem(sys.modules, "ctypes", None)
    else:
        monkeypatch.setattr("ctypes.CDLL", lambda name: libraries[lacks])
    for content in ("one", "two"):
        write_folder(tmp_path / "folder", content)
        assert (tmp_path / "folder" / "a").read_text() == content
    assert os.listdir(tmp_path) == ["folder"]


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
