"""Waiting for other ranks has a limit, and time in which a process does not run itself is not part of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fastsg.cli import main
from fastsg.distributed.patience import Patience

SCRIPT = """
import sys, time
from fastsg.distributed.patience import Patience
with Patience(0.6, lambda: print("gave up", flush=True)):
    print("waiting", flush=True)
    sys.stdin.readline()
"""


def test_one_long_wait_is_given_up_once():
    gave_up = []
    with Patience(0.1, lambda: gave_up.append(threading.current_thread().name)):
        time.sleep(0.6)
    assert gave_up == ["fastsg patience"]


def test_many_short_waits_are_not_one_long_one():
    """Nor is the time between them one. Control: the same time in one wait."""
    gave_up = []
    short = Patience(0.4, lambda: gave_up.append(1))
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        with short:
            time.sleep(0.01)
    time.sleep(0.8)
    assert not gave_up
    with short:
        time.sleep(1.2)
    assert gave_up


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_process_that_was_stopped_itself_does_not_blame_others():
    """Control: it does after as long a wait of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "waiting\n"
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1.2)
    os.kill(process.pid, signal.SIGCONT)
    time.sleep(0.2)
    out, _ = process.communicate("\n", timeout=30)
    assert out == ""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(1.4 + 0.6)
    out, _ = process.communicate("\n", timeout=30)
    assert out == "waiting\ngave up\n"


def test_the_limit_is_a_time(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "text", "-o", "v.vec", "--hang-limit", "10"])
    assert stop.value.code == 2
    assert "'10' is no time; allowed are those such as '30s', '5m' and '1h'" in capsys.readouterr().err
