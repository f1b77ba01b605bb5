"""What a person at a terminal sees and sends: printable words, messages, prompts, SIGTERM."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence

from ..system import kept

#: Exit codes; argparse ends with 2 where the command line itself is wrong.
EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED = 0, 1, 130


def printable(text: str) -> str:
    """The text with control characters escaped: nothing in a file may reach the terminal as a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def error_text(error: BaseException) -> str:
    """An error as one printable line."""
    # str() of a KeyError is the repr of its message
    text = str(error.args[0]) if type(error) is KeyError and error.args else str(error)
    text = re.sub(r"^\[Errno \d+\] ", "", text)
    return printable(" ".join(text.split())) or type(error).__name__


def say(message: str) -> None:
    """A message on standard error, beside the results on standard output."""
    print(f"fastsg: {message}", file=sys.stderr)


def say_error(error: BaseException) -> None:
    """What went wrong, as one line on standard error."""
    say(f"error: {error_text(error)}")


def asked_words(words: Sequence[str], ask: str = "word? ") -> Iterator[str]:
    """The words given, or else the lines of standard input, with a prompt where a person types."""
    if words:
        yield from words
        return
    prompt = ask if sys.stdin.isatty() else ""
    while True:
        print(prompt, end="", flush=True)
        if not (line := sys.stdin.readline()):
            return
        if word := line.strip():
            yield word


def print_ranked(title: str, rows: Iterable[tuple[str, float]]) -> None:
    """A title, and below it a line for each word and its number."""
    print(printable(title))
    for word, value in rows:
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
