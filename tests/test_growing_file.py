"""Arrays that are appended to in files, and pages that are given back."""

import numpy as np
import pytest

from fastsg import EncodedCorpus, Vocab
from fastsg.system import growing_file
from fastsg.system.growing_file import GrowingFile, give_back


def test_parts_end_to_end(rng, tmp_path):
    parts = [rng.integers(0, 99, n).astype(np.int32) for n in rng.integers(0, 40, 30)]
    file, whole = GrowingFile(np.int32, str(tmp_path)), np.concatenate(parts)
    for i, part in enumerate(parts):
        file.append(part)
        assert file.n == sum(map(len, parts[: i + 1]))
        start, stop = sorted(rng.integers(0, file.n + 1, 2).tolist())
        assert file.read(start, stop).tolist() == whole[start:stop].tolist()
    assert not list(tmp_path.iterdir())  # it has no name
    view = file.view()
    view[3] = 77
    found = file.finish(5)
    assert found.dtype == np.int32 and found.tolist() == [*whole[:3], 77, whole[4]]
    assert isinstance(found.base, np.memmap) and not found.flags.writeable


def test_nothing(tmp_path):
    file = GrowingFile(np.int64, str(tmp_path))
    file.append(np.empty(0, np.int64))
    assert len(file.view()) == len(file.read(0, 0)) == len(file.finish()) == 0


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        GrowingFile(np.int32, str(tmp_path / "nowhere"))


def test_a_full_disk_names_the_folder(tmp_path, monkeypatch):
    full = lambda dir: open("/dev/full", "r+b", buffering=0)  # noqa: E731, SIM115
    monkeypatch.setattr(growing_file.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"):
        GrowingFile(np.int32, str(tmp_path)).append(np.arange(3, dtype=np.int32))


def test_what_is_not_there_is_not_read(tmp_path):
    """Garbage would be counted."""
    file = GrowingFile(np.int32, str(tmp_path))
    file.append(np.arange(3, dtype=np.int32))
    with pytest.raises(OSError, match=f"a temporary file ended early: '{tmp_path}'"):
        file.read(1, 5)


def test_the_folder_is_the_one_of_tmpdir(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert growing_file.temporary_folder() == str(tmp_path)
    for wrong in ("nowhere", __file__):
        monkeypatch.setenv("TMPDIR", wrong)
        with pytest.raises(ValueError, match=f"TMPDIR is '{wrong}'; it must name a folder to write in"):
            GrowingFile(np.int32, None)
    for none in ("", None):
        monkeypatch.setenv("TMPDIR", none) if none is not None else monkeypatch.delenv("TMPDIR")
        assert growing_file.temporary_folder() == growing_file.tempfile.gettempdir()


def test_given_back_pages_are_there_again(tmp_path):
    file = GrowingFile(np.int32, str(tmp_path))
    file.append(np.arange(10**6, dtype=np.int32))
    view = file.view()
    view[7] = -1
    give_back(view[5:], np.arange(3))
    assert view[:9].tolist() == [0, 1, 2, 3, 4, 5, 6, -1, 8] and view[-1] == 10**6 - 1


def resident():
    with open("/proc/self/statm") as statm:
        return 4096 * int(statm.read().split()[1])


def test_a_corpus_that_was_verified_has_left_the_memory(tmp_path):
    n = 4 << 20
    EncodedCorpus(np.zeros(n, np.int32), np.arange(n + 1), Vocab(["a"], [n])).save(tmp_path / "c")
    before = resident()
    corpus = EncodedCorpus.load(tmp_path / "c", mmap=True, verify=True)
    assert resident() - before < 16 << 20
    assert int(corpus.offsets[1:].max()) == n and resident() - before > 24 << 20  # the control


def test_they_leave_the_memory(tmp_path):
    file = GrowingFile(np.int8, str(tmp_path))
    file.append(np.ones(64 << 20, np.int8))
    found = file.finish()
    before = resident()
    assert int(found.max()) == 1
    assert resident() - before > 48 << 20  # the control
    give_back(found)
    assert resident() - before < 16 << 20


def test_changes_of_a_private_map_stay(tmp_path):
    np.zeros(10_000, np.int32).tofile(tmp_path / "a")
    private = np.memmap(tmp_path / "a", np.int32, "c")
    private[:] = 7
    give_back(private, private.view(np.ndarray)[3:])
    assert (private == 7).all()
