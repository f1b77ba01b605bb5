"""Inputs opened for reading: compression, standard input, pipes, files that are not what they say."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading

import pytest

from fastsg.text import files
from fastsg.text.files import InputFile, input_paths, shown_paths, total_bytes


def read(path, chunk=1000):
    """All bytes of an input, read in pieces."""
    found, room = b"", bytearray(chunk)
    with InputFile(str(path)) as file:
        while n := file.fill(memoryview(room)):
            found += room[:n]
    return found


PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".GZ": gzip.compress,
}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed(tmp_path, suffix):
    data = b"the of and\n" * 5000
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACK[suffix](data[:30000]) + PACK[suffix](data[30000:]))  # two members
    assert read(path) == data


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_truncated(tmp_path, suffix, rng):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACK[suffix](rng.bytes(5000))[:-100])
    with pytest.raises(OSError, match="the compressed data are truncated") as caught:
        read(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("damage", ["text", "middle"])
def test_damaged(tmp_path, suffix, damage, rng):
    data = bytearray(PACK[suffix](rng.bytes(5000)))
    data[2000:2100] = bytes(100)
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(b"just text\n" * 100 if damage == "text" else data)
    with pytest.raises(OSError, match="damaged") as caught:
        read(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_compressed_without_its_suffix(tmp_path, suffix):
    path = tmp_path / "a.txt"
    path.write_bytes(PACK[suffix](b"the of and\n" * 50))
    with pytest.raises(
        ValueError, match=f"holds {suffix[1:]} data, not text; its name must end with {suffix}"
    ):
        read(path)


def test_zst(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    data = b"".join(b"%d and so on\n" % i for i in range(50000))
    path = tmp_path / "a.zst"
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    packed = compress(data[:300_000]) + compress(data[300_000:])
    path.write_bytes(packed)
    assert read(path, 9999) == data
    for size in (len(packed) - 1, len(packed) // 2, 10):
        path.write_bytes(packed[:size])
        with pytest.raises(OSError, match="truncated"):
            read(path, 9999)
    path.write_bytes(packed[:500] + bytes(100) + packed[600:])
    with pytest.raises(OSError, match="damaged"):
        read(path, 9999)


def test_zst_without_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(ImportError, match="pip install zstandard"):
        read(tmp_path / "a.zst")


def test_stdin_object(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nc")))
    assert read("-") == b"a b\nc"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="no standard input"):
        read("-")


def test_fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"the of\n" * 1000))
    writer.start()
    assert read(path) == b"the of\n" * 1000
    writer.join()


def test_missing_and_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_read_error_names_the_file(tmp_path, monkeypatch):
    class Broken(io.RawIOBase):
        def readinto(self, room):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "decompressed", lambda raw, suffix: Broken())
    (tmp_path / "a").write_bytes(b"the")
    with pytest.raises(OSError) as caught:
        read(tmp_path / "a")
    assert (caught.value.errno, caught.value.filename) == (5, str(tmp_path / "a"))


@pytest.mark.parametrize("chunk", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "text", [b"", b"a", b"ab", b"\xef\xbb", b"\xef\xbb\xbf", b"\xef\xbb\xbfab", b"the of and"]
)
def test_a_byte_order_mark_is_skipped(tmp_path, text, chunk):
    (tmp_path / "a").write_bytes(text)
    assert read(tmp_path / "a", chunk) == text.removeprefix(b"\xef\xbb\xbf")
    with InputFile(str(tmp_path / "a")) as file:
        assert file.text_start == 3 * text.startswith(b"\xef\xbb\xbf")


def test_position_is_that_in_the_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000)))
    positions = []
    with InputFile(str(path)) as file:
        room = memoryview(bytearray(5000))
        while file.fill(room):
            positions.append(file.position())
    assert positions == sorted(positions) and positions[-1] == path.stat().st_size == total_bytes([str(path)])
    assert total_bytes([str(path), "-"]) is None and total_bytes(["missing"]) is None


def test_input_paths(tmp_path):
    assert input_paths("a") == input_paths(b"a") == input_paths(iter(["a"])) == ["a"]
    assert input_paths([tmp_path, "-"]) == [str(tmp_path), "-"]
    with pytest.raises(ValueError, match="paths is empty"):
        input_paths([])
    for wrong in (3, None, [3], [["a"]]):
        with pytest.raises(TypeError, match="paths must be a path or an iterable of paths"):
            input_paths(wrong)


def test_shown_paths():
    assert shown_paths(["a", "b"]) == "'a', 'b'"
    assert shown_paths(list("abcd")) == "'a', 'b', 'c', ..."
