"""Atomic writing: the old file or the new one, never a third thing."""

import errno
import itertools
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from conftest import file_size_limit, fsync, kill_while

from fastsg.system import atomic
from fastsg.system.atomic import atomic_write, check_writable, remove_stale_temporaries


def write(path, content=b"new"):
    with atomic_write(path) as file:
        file.write(content)


@pytest.fixture(autouse=True)
def disk_that_is_waited_for(monkeypatch):
    monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def umask():
    old = os.umask(0o022)
    yield os.umask
    os.umask(old)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "x"
    write(path, b"one")
    write(str(path), b"two")
    assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["x"]


def test_large_content(tmp_path):
    with atomic_write(tmp_path / "x") as file:
        for _ in range(5):
            file.write(memoryview(bytes(1 << 20)))
        file.seek(0)
        file.write(b"head")
    assert (tmp_path / "x").read_bytes() == b"head" + bytes((5 << 20) - 4)


@pytest.mark.parametrize(("mask", "expected"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_mode_follows_umask(tmp_path, umask, mask, expected):
    umask(mask)
    write(tmp_path / "x")
    assert mode(tmp_path / "x") == expected
    assert os.umask(mask) == mask


def test_mode_of_the_old_file_stays(tmp_path, umask):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(path)
    assert mode(path) == 0o640


def test_temporary_is_private_and_named_after_its_writer(tmp_path):
    with atomic_write(tmp_path / "x"):
        (name,) = os.listdir(tmp_path)
        assert name.startswith(".x.") and f"-{os.getpid()}-" in name and name.endswith(".tmp")
        assert mode(tmp_path / name) == 0o600


def test_symbolic_link_is_replaced_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"target")
    link.symlink_to(target)
    write(link)
    assert target.read_bytes() == b"target" and link.read_bytes() == b"new" and not link.is_symlink()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_error_in_the_block(tmp_path, error):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(bytes(3 << 20))
        raise error
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "chmod", "replace", "fdopen"])
def test_failing_call(tmp_path, monkeypatch, call, code):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError) as caught:
        write(path)
    assert (
        caught.value.errno == code and caught.value.filename == str(path) and str(path) in str(caught.value)
    )
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_failing_folder_sync_is_reported(tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def fail_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "io")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_second)
    with pytest.raises(OSError, match="x"):
        write(tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]


def test_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def refuse_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EINVAL, "not here")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_second)
    write(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"new"


def test_file_size_limit(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with file_size_limit(1 << 20), pytest.raises(OSError) as caught:
        write(path, bytes(3 << 20))
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_killed_while_saving(tmp_path):
    """kill -9 at random moments leaves a whole file; the next save removes what the dead ones left."""
    path, numbers = tmp_path / "x", itertools.count(1)
    for trial in range(8):
        kill_while(lambda: write(path, bytes([next(numbers) % 256]) * 300_000), 0.005 + 0.007 * trial)
        content = path.read_bytes() if path.exists() else b""
        assert len(content) in (0, 300_000) and len(set(content)) <= 1
    write(path)
    assert os.listdir(tmp_path) == ["x"]


def dead_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_stale_temporaries(tmp_path):
    tag, dead, old = atomic._host_tag(), dead_pid(), time.time() - 7200
    ours = [
        f".x.{tag}-{dead}-abcdefgh.tmp",
        f".x.{tag}-{os.getpid()}-oldoldol.tmp",
        ".x.00000000-1-abcdefgh.tmp",
    ]
    others = [
        f".x.{tag}-{os.getpid()}-abcdefgh.tmp",  # alive and fresh
        f".x.00000001-{dead}-abcdefgh.tmp",  # another host's process, fresh
        f".y.{tag}-{dead}-abcdefgh.tmp",
        ".x.abcdefgh.tmp",
        "x.tmp",
        ".x.swp",
        f".x.{tag}-{dead}-abcdefgh.tmp.keep",
    ]
    for name in ours + others:
        (tmp_path / name).write_bytes(b"")
    for name in ours[1:]:
        os.utime(tmp_path / name, (old, old))
    assert sorted(remove_stale_temporaries(tmp_path / "x")) == sorted(ours)
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_stale_temporary_that_is_a_folder_or_a_link(tmp_path):
    start = f".x.{atomic._host_tag()}-{dead_pid()}-"
    (tmp_path / f"{start}aaaaaaaa.tmp").mkdir()
    (tmp_path / f"{start}bbbbbbbb.tmp").symlink_to(tmp_path)
    assert remove_stale_temporaries(tmp_path / "x") == []


def test_long_name(tmp_path):
    path = tmp_path / ("é" * 127)
    write(path)
    assert path.read_bytes() == b"new"


def test_bare_file_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("x")
    check_writable("x", "output")
    assert os.listdir(tmp_path) == ["x"]


def test_fifo_is_written_to_directly(tmp_path):
    path, got = tmp_path / "fifo", []
    os.mkfifo(path)
    check_writable(path, "output")
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join()
    assert got == [b"new"] and stat.S_ISFIFO(path.stat().st_mode)


def test_standard_output_redirected_to_a_file(tmp_path):
    code = "from fastsg.system.atomic import atomic_write\n"
    code += "with atomic_write('/dev/stdout') as file: file.write(b'new')"
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"new" and os.path.islink("/dev/stdout")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_device():
    with pytest.raises(OSError, match="/dev/full") as caught:
        write("/dev/full")
    assert caught.value.errno == errno.ENOSPC


def test_folder_as_target(tmp_path):
    with pytest.raises(IsADirectoryError):
        write(tmp_path)
    assert os.listdir(tmp_path) == []


def test_missing_folder_names_the_target(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "no" / "x")
    assert caught.value.filename == str(tmp_path / "no" / "x")


def test_check_writable_leaves_nothing(tmp_path):
    path = tmp_path / "x"
    check_writable(path, "output")
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"old")
    check_writable(path, "output")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (".", IsADirectoryError, "output names a folder"),
        ("no/x", FileNotFoundError, "output: there is no folder"),
        ("file/x", NotADirectoryError, "output: there is no folder"),
    ],
)
def test_check_writable_refuses(tmp_path, name, error, message):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error, match=message) as caught:
        check_writable(tmp_path / name, "output")
    assert caught.value.filename == str(tmp_path / name)


def test_check_writable_tries_for_real(tmp_path, monkeypatch):
    def read_only(*args):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(atomic.tempfile, "mkstemp", read_only)
    with pytest.raises(OSError, match=r"output: cannot write in folder .*Read-only") as caught:
        check_writable(tmp_path / "x", "output")
    assert caught.value.errno == errno.EROFS


@pytest.mark.parametrize(
    ("path", "error"), [("", ValueError), ("a\0b", ValueError), (None, TypeError), (3, TypeError)]
)
def test_check_writable_no_path(path, error):
    with pytest.raises(error, match="output must be"):
        check_writable(path, "output")


@pytest.mark.parametrize("error", [PermissionError(13, "x"), None])
def test_a_folder_that_cannot_be_read(error, tmp_path, monkeypatch):
    """In a folder of mode -wx files can be made, but it cannot be opened to be synced."""
    real = os.open

    def refuse(path, *args, **options):
        if os.path.isdir(path):
            raise error or OSError(5, "x")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    if error:
        with atomic_write(tmp_path / "f") as file:
            file.write(b"new")
    else:  # control: other errors are told
        with pytest.raises(OSError, match="x"), atomic_write(tmp_path / "f") as file:
            file.write(b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
