"""A line for each epoch: for people where no terminal shows a bar, for programs as JSON."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import sys
from io import FileIO

from ..model.skipgram import SkipGram
from ..training.callbacks import Callback
from ..training.history import TEXTS
from .terminal import error_text, say


class _EpochLines(Callback):
    """Says how each epoch went."""

    def on_epoch_end(self, model: SkipGram) -> None:
        """One line."""
        record, plan = model.history[-1], model.plan
        epoch = f"{plan.done}/{plan.epochs}" if plan else f"{len(model.history)}"
        parts = [f"loss {record['nll']:.4f} of the {TEXTS[record.get('thinned')]} text"]
        if record["valid_nll"] is not None:
            perplexity = math.exp(min(record["valid_nll"], 700.0))
            parts.append(f"held-out {record['valid_nll']:.4f} (perplexity {perplexity:,.1f})")
        say(f"epoch {epoch}: {', '.join(parts)}, {record['seconds']:.1f} s")


def epoch_lines(quiet: bool) -> list[Callback]:
    """The callback, one or none."""
    shown = not quiet and sys.stderr is not None and not sys.stderr.isatty()
    return [_EpochLines()] if shown else []


class EpochLog(Callback):
    """Writes a line of JSON at the end of each epoch to a file, or for '-' to standard output.

    The file is opened when an epoch is done: until then one of before stays. What cannot be written is said,
    and in a file made up for after the next epoch.

    Parameters
    ----------
    path : str
    append : bool               To a file that has the lines of earlier epochs, if there were any.

    Attributes
    ----------
    error : OSError or None     Why the lines so far are not all written, if they are not.
    """

    def __init__(self, path: str, append: bool) -> None:
        self.error: OSError | None = None
        self._path, self._append = path, append
        self._file: FileIO | None = None
        self._waiting = b""

    def on_epoch_end(self, model: SkipGram) -> None:
        """One line."""
        line = json.dumps({"epoch": len(model.history), **model.history[-1]}) + "\n"
        try:
            if self._path == "-":
                self._print(line)
            else:
                self._write(line.encode(), len(model.history))
        except OSError as error:
            self.error = error
            say(f"warning: --json-log is not written, and training goes on: {error_text(error)}")

    def _print(self, line: str) -> None:
        if self.error:
            return  # who read it has gone
        try:
            sys.stdout.write(line)
            sys.stdout.flush()
        except OSError:
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # for what else is printed, and what is held
            raise

    def _write(self, line: bytes, epoch: int) -> None:
        self._waiting += line
        if self._file is None:
            self._file = self._opened(epoch)
        while self._waiting:
            self._waiting = self._waiting[self._file.write(self._waiting) :]
        self.error = None

    def _opened(self, epoch: int) -> FileIO:
        """The file, with the lines of earlier epochs alone: a training goes on from a checkpoint, and that
        may be older than the last line.
        """
        if not self._append or epoch == 1:
            return FileIO(self._path, "w")
        if os.path.isfile(self._path):
            with open(self._path, "rb+") as file:
                file.truncate(sum(map(len, itertools.takewhile(lambda line: _epoch(line) < epoch, file))))
        return FileIO(self._path, "a")

    def close(self) -> None:
        """Nothing more comes."""
        if self._file is not None:
            self._file.close()


def _epoch(line: bytes) -> int:
    """The epoch that a line is about; 0 for a line of something else, which stays."""
    try:
        found = json.loads(line)["epoch"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return found if isinstance(found, int) else 0
