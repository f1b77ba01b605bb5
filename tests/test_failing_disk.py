"""Disks that are full, break, or lose what was not synced: the old file or the new one, and an error.

Every saver of savers.py on the watched disk of disk.py.
"""

import contextlib
import errno
import itertools
import os
import subprocess

import pytest
from conftest import SLOW, kill_while
from disk import ERRORS, Disk, files_below, laid_out, states_after_power_loss
from savers import SAVERS, Saver, either

from fastsg import FormatError
from fastsg.system import atomic, folder

CALLS = ("open", "fdopen", "write", "chmod", "fsync", "replace", "rename", "link", "mkdir", "swapped")
#: Two files, of which one may be old and the other new: the format has no other way.
TWO_FILES = {"v.tsv"}


@pytest.fixture(params=SAVERS)
def saver(request):
    return SAVERS[request.param]


def named(saver, error):
    """Whether an error tells which file it is about; v.tsv has v.metadata.tsv beside it."""
    return saver.name.partition(".")[0] in os.path.basename(str(error.filename))


# ---- a process is killed ----


def lost(saver, inside, wanted, kills, rng):
    """How often neither content is there after kill -9 at a random moment of saving the one or the other."""
    path, found, contents = inside / saver.name, 0, itertools.cycle((0, 1))
    saver.save(path, next(contents))
    for _ in range(kills):
        kill_while(lambda: saver.save(path, next(contents)), rng.uniform(0, 0.02))
        try:
            found += saver.load(path) not in wanted
        except (FormatError, OSError):
            found += 1
    return found


def test_killed_while_saving(saver, tmp_path, rng):
    """What the dead ones left beside the file goes with the next save."""
    wanted = either(saver, tmp_path)
    inside = tmp_path / "here"
    inside.mkdir()
    for which in (1, 0):  # a checkpoint keeps the one before
        saver.save(inside / saver.name, which)
    before = files_below(inside)
    assert lost(saver, inside, wanted, 200 if SLOW else 4, rng) == 0
    saver.save(inside / saver.name, 0)
    assert files_below(inside).keys() == before.keys()


def test_control_killed_while_overwriting(tmp_path, rng):
    saver = Saver(overwrite, SAVERS["vocab"].load)
    assert lost(saver, tmp_path, [[3, 2, 1], [3, 2, 2]], 100, rng) > 0


# ---- the n-th call fails ----


def failures(saver, inside, wanted, calls=CALLS):
    """Fail every call of a save, one after the other; what the file is then, or that nothing was raised."""
    found = []
    for call in calls:
        for number in range(1, 100):
            path = inside / saver.name
            saver.save(path, 0)
            code = ERRORS[number % len(ERRORS)]
            disk = Disk(inside, {(call, number): code})
            error = None
            with disk.watched():
                try:
                    saver.save(path, 1)
                except OSError as caught:
                    error = caught
            if disk.calls.get(call, 0) < number:
                break
            left = [name for name in os.listdir(inside) if name.endswith((".tmp", ".old"))]
            found.append((call, number, error, wanted.index(saver.load(path)), left))
    return found


def test_every_failing_call(saver, tmp_path):
    wanted = either(saver, tmp_path)
    inside = tmp_path / "here"
    inside.mkdir()
    found = failures(saver, inside, wanted)
    assert {call for call, *_ in found} >= {"open", "fdopen", "write", "chmod", "fsync"}
    for call, number, error, which, left in found:
        if call == "link":  # a file system without links: there is another way
            assert error is None and which == 1
            continue
        assert error is not None, (call, number)
        assert error.errno == ERRORS[number % len(ERRORS)], (call, number, error)
        assert named(saver, error), (call, number, error)
        assert left == [], (call, number)
        last_sync = call == "fsync" and number == max(n for name, n, *_ in found if name == "fsync")
        assert which == int(last_sync) or saver.name in TWO_FILES, (call, number)


def test_control_a_sync_whose_failure_is_swallowed(tmp_path, monkeypatch):
    real = atomic._sync

    def swallow(descriptor):
        with contextlib.suppress(OSError):
            real(descriptor)

    monkeypatch.setattr(atomic, "_sync", swallow)
    inside = tmp_path / "here"
    inside.mkdir()
    wanted = either(SAVERS["vocab"], tmp_path)
    found = failures(SAVERS["vocab"], inside, wanted, ["fsync"])
    assert any(error is None for _, _, error, *_ in found)


# ---- power loss ----


def recorded(saver, inside):
    """(the disk before the second save, what that did)"""
    saver.save(inside / saver.name, 0)
    before, disk = files_below(inside), Disk(inside)
    with disk.watched():
        saver.save(inside / saver.name, 1)
    return before, disk.operations


def bad_states(saver, wanted, before, operations):
    """(how many states there are, those in which neither the old nor the new content is loaded)"""
    states, bad = states_after_power_loss(before, operations), []
    for state in states:
        with laid_out(state) as place:
            try:
                if saver.load(place / saver.name) not in wanted:
                    bad.append(sorted(state))
            except (FormatError, OSError, ValueError) as error:
                bad.append((sorted(state), error))
    return len(states), bad


def test_power_loss(saver, tmp_path):
    wanted = either(saver, tmp_path)
    inside = tmp_path / "here"
    inside.mkdir()
    before, operations = recorded(saver, inside)
    count, bad = bad_states(saver, wanted, before, operations)
    assert count >= 5
    assert bad == []
    for state in states_after_power_loss(before, operations, amid=False):  # a save that is done is done
        with laid_out(state) as place:
            assert saver.load(place / saver.name) == wanted[1]


def test_power_loss_where_nothing_exchanges_folders(tmp_path, monkeypatch):
    """Between two renames there is none: the old one stands beside it, and goes when a new one is there."""
    monkeypatch.setattr(folder, "swapped", lambda first, second: False)
    saver, wanted, inside = SAVERS["folder"], either(SAVERS["folder"], tmp_path), tmp_path / "here"
    inside.mkdir()
    _, bad = bad_states(saver, wanted, *recorded(saver, inside))
    assert bad and all(any(".old.tmp/" in path for path in case[0]) for case in bad)
    found = failures(saver, inside, wanted, ["rename"])
    assert found and all(error is not None and which == 0 and not left for _, _, error, which, left in found)
    (inside / "folder").rename(inside / f".folder.{atomic._host_tag()}-999999999-abcdefgh.old.tmp")
    saver.save(inside / saver.name, 1)
    assert os.listdir(inside) == ["folder"]


@pytest.mark.parametrize("name", ["model", "v.vec", "checkpoint", "corpus"])
def test_control_no_sync(name, tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_sync", lambda descriptor: None)
    wanted = either(SAVERS[name], tmp_path)
    inside = tmp_path / "here"
    inside.mkdir()
    count, bad = bad_states(SAVERS[name], wanted, *recorded(SAVERS[name], inside))
    assert bad or name == "checkpoint"  # which keeps the one before
    assert len(bad) < count


def overwrite(path, which):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"the 3\ncat 2\nsat %d\n" % (1 + which))
        os.fsync(file.fileno())


def test_control_overwriting(tmp_path):
    saver = Saver(overwrite, SAVERS["vocab"].load)
    wanted = either(saver, tmp_path)
    inside = tmp_path / "here"
    inside.mkdir()
    _, bad = bad_states(saver, wanted, *recorded(saver, inside))
    assert bad


def test_control_a_folder_that_is_not_synced(tmp_path, monkeypatch):
    """Control: as it was, a folder of vectors could be the old one after all."""
    monkeypatch.setattr(atomic, "_sync_folder", lambda folder: None)
    saver, inside = SAVERS["folder"], tmp_path / "here"
    inside.mkdir()
    before, operations = recorded(saver, inside)
    states = states_after_power_loss(before, operations, amid=False)
    assert any("folder/model.safetensors" in state and state == before for state in states)


# ---- a disk that is full ----


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount")
    if done.returncode:
        pytest.skip("may not mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_full_disk(saver, tmp_path, small_disk):
    wanted = either(saver, tmp_path)
    path = small_disk / saver.name
    saver.save(path, 0)
    with contextlib.suppress(OSError), open(small_disk / "rest", "wb", buffering=0) as file:
        while True:  # all that is left
            file.write(bytes(4096))
    with pytest.raises(OSError) as caught:
        saver.save(path, 1)
    assert caught.value.errno == errno.ENOSPC
    assert named(saver, caught.value)
    assert saver.load(path) == wanted[0]
    (small_disk / "rest").unlink()
    saver.save(path, 1)
    assert saver.load(path) == wanted[1]
    assert not [name for name in os.listdir(small_disk) if name.endswith(".tmp")]
