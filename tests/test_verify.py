"""verify, and the command of that name: sound files, damaged ones, and those without checksums."""

import os
import shlex

import kept_files
import pytest
from commands import fails, run
from vector_files import needs_pyarrow

import fastsg
from fastsg import FormatError
from fastsg.cli import main

SHA = ["model", "checkpoint", "counts", "corpus", "v.kv", "v.safetensors"]
CRC = ["v.npz", "v.vec.gz"]
NONE = ["v.vec", "v.bin", "v.glove", "v.tsv", "v.fifu", "folder"]
ARROW = [pytest.param(name, marks=needs_pyarrow) for name in kept_files.ARROW]
NOW, BEFORE = kept_files.KEPT / "0.1", kept_files.KEPT / "before-checksums"


@pytest.mark.parametrize("name", [*SHA, *CRC, *NONE, *ARROW])
def test_sound_files(name, capsys):
    found = fastsg.verify(NOW / name)
    assert found.checksums == ("SHA-256" if name in SHA else "CRC-32" if name in CRC else None)
    said = run(capsys, f"verify {shlex.quote(str(NOW / name))}")
    how = (
        f"sound by its checksums, {found.checksums}"
        if found.checksums
        else "well-formed, but without checksums"
    )
    assert said == f"{NOW / name}: {how} ({found.kind}, {found.holds})\n"


@pytest.mark.parametrize("name", ["counts", "corpus", "v.kv"])
def test_files_of_before_cannot_be_verified(name):
    assert fastsg.verify(BEFORE / name).checksums is None


def test_what_is_in_them():
    assert fastsg.verify(NOW / "counts").holds == "7 words, 28 entries"
    assert fastsg.verify(NOW / "corpus").holds == "7 words, 128 tokens"
    assert fastsg.verify(NOW / "model")[:2] == ("native model", "7 words x 4 coordinates, 3 epochs")


@pytest.mark.parametrize("name", SHA)
def test_a_damaged_file_stops_no_other(name, tmp_path, capsys):
    data = bytearray((NOW / name).read_bytes())
    data[-40] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match="damaged"):
        fastsg.verify(tmp_path / name)
    assert main(["verify", str(tmp_path / name), str(NOW / "v.vec"), str(tmp_path / "nowhere")]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{NOW / 'v.vec'}: well-formed") and len(out.splitlines()) == 1
    assert [line.split(":")[1] for line in err.splitlines()] == [" error", " error"] and "damaged" in err


def test_the_format_may_be_said(tmp_path, capsys):
    (tmp_path / "v.txt").write_bytes((NOW / "v.glove").read_bytes())
    assert fastsg.verify(tmp_path / "v.txt", "glove").kind.startswith("GloVe")
    assert "GloVe" in run(capsys, f"verify {tmp_path / 'v.txt'} --format glove")
    for format in (None, "model"):
        assert fastsg.verify(NOW / "model", format).checksums == "SHA-256"


@pytest.mark.parametrize("suffix, checksums", [("xz", "CRC-64"), ("bz2", "CRC-32"), ("zst", "XXH64")])
def test_checksums_of_compression(tmp_path, suffix, checksums):
    if suffix == "zst":
        pytest.importorskip("zstandard")
    fastsg.io.save_vectors(tmp_path / f"v.vec.{suffix}", *fastsg.io.load_vectors(NOW / "v.npz")[:2])
    assert fastsg.verify(tmp_path / f"v.vec.{suffix}").checksums == checksums


def test_xz_without_a_check(tmp_path):
    import lzma

    path = tmp_path / "v.vec.xz"
    path.write_bytes(lzma.compress((NOW / "v.vec").read_bytes(), check=lzma.CHECK_NONE))
    assert fastsg.verify(path).checksums is None


def test_what_is_no_file_of_ours(tmp_path, capsys):
    (tmp_path / "text").write_text("the cat sat on the mat\n" * 3)
    os.mkfifo(tmp_path / "fifo")
    for name, says in (("text", "expected a header"), ("fifo", "not a regular file"), ("no", "No such file")):
        assert says in fails(capsys, f"verify {tmp_path / name}")
