"""What a person at a terminal sees and sends: printable words, messages, answers, prompts, SIGTERM."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence

from ..checks import printable
from ..system import kept
from .columns import BOLD, RED, styled

#: Exit codes; argparse ends with 2 where the command line itself is wrong.
EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED = 0, 1, 130
#: Of a rank that has waited too long for another, which hangs: as timeout ends what takes too long.
EXIT_HUNG = 124
#: What bad input, a full disk or a missing package raises. Anything else is a bug, and shows where it is.
EXPECTED = (
    ValueError, TypeError, KeyError, OSError, MemoryError, ArithmeticError, ImportError, RuntimeError,
)  # fmt: skip


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """The null device in place of standard output and error where the process has none.

    A free descriptor is taken too: the next file to open would get it, and whatever compiled code prints.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as sink:
        sys.stdout, sys.stderr = (sink if _is_missing(stream) else stream for stream in before)
        _escape_what_has_no_code(sys.stdout)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _escape_what_has_no_code(stream: object) -> None:
    """Let a name that the terminal's encoding lacks come out as numbers: it is no reason to fail."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")


def _is_missing(stream: object) -> bool:
    return stream is None or getattr(stream, "closed", False)


def error_text(error: BaseException) -> str:
    """An error as one printable line."""
    # str() of a KeyError is the repr of its message
    text = str(error.args[0]) if type(error) is KeyError and error.args else str(error)
    text = re.sub(r"^\[Errno \d+\] ", "", text)
    return printable(" ".join(text.split())) or type(error).__name__


def say(message: str) -> None:
    """A message on standard error, beside the results on standard output."""
    print(f"fastsg: {message}", file=sys.stderr)


def say_error(error: BaseException, what: str = "") -> None:
    """What went wrong, as one line on standard error; `what` was being done, with a colon behind it."""
    say(f"{styled('error:', RED, sys.stderr)} {what}{error_text(error)}")


def asked_words(words: Sequence[str], ask: str = "word? ") -> Iterator[str]:
    """The words given, or else the lines of standard input; a person who types them sees prompts."""
    if words:
        yield from words
        return
    if sys.stdin is None:
        return
    is_person = sys.stdin.isatty()
    while True:
        if is_person:  # beside the answers, which may go to a file
            print(ask, end="", file=sys.stderr, flush=True)
        if not (line := sys.stdin.readline()):
            break
        if word := line.strip():
            yield word
    if is_person:
        print(file=sys.stderr)  # Ctrl-D leaves the prompt's line unfinished


def print_ranked(
    asked: str, answers: Iterable[tuple[str, float]], measure: str, as_json: bool, title: str = ""
) -> None:
    """What was asked, or a title, and below it a line for each word and its number; or a line of JSON.

    `measure` is what the numbers are.
    """
    if as_json:
        found = [{"word": word, measure: value} for word, value in answers]
        is_unicode = str(getattr(sys.stdout, "encoding", "")).lower().startswith("utf")
        print(json.dumps({"asked": asked, "answers": found}, ensure_ascii=not is_unicode))
    else:
        print(styled(printable(title or asked), BOLD))
        for word, value in answers:
            print(f"  {value:8.4f}  {printable(word)}")
    sys.stdout.flush()


@contextlib.contextmanager
def termination_as_interruption() -> Iterator[None]:
    """SIGTERM, which batch systems send before they kill, becomes KeyboardInterrupt, as Ctrl-C is."""
    if threading.current_thread() is not threading.main_thread():  # others may not set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with kept():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
