"""Commands on a terminal of their own: helpers of tests."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

from commands import ROOT

#: What a terminal takes for a change of style, and not for text.
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*arguments, columns=80, typed="", until=None, output=None, **environment):
    """Run `fastsg` on a terminal of so many columns.

    Parameters
    ----------
    typed : str             What a person types, at once.
    until : str             When what this pattern matches has been shown, Ctrl-C.
    output : file           Takes standard output in place of the terminal.
    environment             Variables; None takes one out.

    Returns
    -------
    code : int              Exit code.
    text : str              All that was shown, with what a terminal takes for commands.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    wanted = inherited | {"TERM": "xterm", "PYTHONPATH": str(ROOT)} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "fastsg", *map(str, arguments)],
        env={name: value for name, value in wanted.items() if value is not None},
        stdin=theirs,
        stdout=output or theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    shown = b""
    try:
        while part := _read(ours):
            shown += part
            if until and re.search(until.encode(), shown):
                until = None
                process.send_signal(signal.SIGINT)
    finally:
        os.close(ours)
    return process.wait(timeout=60), shown.decode("utf-8", "replace").replace("\r\n", "\n")


def _read(terminal):
    """The next bytes; none when the last process has closed its end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def lines(text):
    """What stays on the screen: of a line that is written over, the last state; no styles."""
    return [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in STYLE.sub("", text).split("\n")]
