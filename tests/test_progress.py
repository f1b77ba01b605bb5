"""Progress bars: shown where wanted, by default on a terminal, and no trace of them elsewhere."""

import io
import subprocess
import sys

import pytest

from fastsg.system import progress
from fastsg.system.progress import advancing_bar, is_shown, progress_bar


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("stderr, expected", [(Terminal(), True), (io.StringIO(), False), (None, False)])
def test_shown_by_default_on_a_terminal(monkeypatch, stderr, expected):
    monkeypatch.setattr(sys, "stderr", stderr)
    assert is_shown(None) is expected
    assert is_shown(True) is (stderr is not None) and is_shown(False) is False


def test_progress_bar(capsys):
    with progress_bar(10, "B", True, desc="reading") as bar:
        assert not bar.disable
        bar.update(10)
    assert "reading: 100%" in capsys.readouterr().err
    with progress_bar(10, "B", False, desc="reading") as bar:
        assert bar.disable
        bar.update(10)
    assert capsys.readouterr().err == ""


def test_advancing_bar(capsys):
    with advancing_bar(4, "B", True, desc="reading") as advance:
        advance(4)
    assert "4.00/4.00" in capsys.readouterr().err
    with advancing_bar(4, "B", False, desc="reading") as advance:
        advance(4)
    assert capsys.readouterr().err == ""


def test_a_bar_whose_total_was_only_foreseen_ends_full(monkeypatch, capsys):
    bars = []

    def kept(*args, **options):
        bars.append(progress_bar(*args, **options))
        return bars[0]

    monkeypatch.setattr(progress, "progress_bar", kept)
    with advancing_bar(4, "B", True) as advance:
        advance(3)
    assert bars[0].n == 4
    bars.clear()
    with pytest.raises(KeyError), advancing_bar(4, "B", True) as advance:
        advance(3)
        raise KeyError
    assert bars[0].n == 3


@pytest.mark.parametrize("shown, threads", [(False, 1), (True, 2)])
def test_a_bar_that_is_not_shown_leaves_no_thread(shown, threads):
    """With a bar tqdm's own thread stays: the control."""
    code = f"""
import threading
from fastsg.system.progress import advancing_bar
with advancing_bar(4, "B", {shown}) as advance:
    advance(4)
print(threading.active_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(threads)
