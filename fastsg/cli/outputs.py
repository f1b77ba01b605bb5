"""The files that a command writes: checked before the work begins, written when it is done."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..io.bias import save_bias
from ..io.word2vec import check_words, save_word2vec
from ..model.skipgram import SkipGram
from ..system.atomic import check_writable
from ..training.callbacks import Callback
from .flags import flag

#: A flag, or another name for what the user gave, and a path.
NamedPath = tuple[str, str]

# Arguments of fastsg train that name files to write; those of the second line list the words.
_OUTPUTS = (
    "output",
    "save_output",
    "save_vocab",
    "save_bias",
    "save_model",
    "report",
    "json_log",
    "checkpoint",
)
_WORD_FILES = ("output", "save_output", "save_vocab", "save_bias")


def outputs_of(args: argparse.Namespace) -> list[NamedPath]:
    """The files that fastsg train was asked to write."""
    return [(flag(name), path) for name in _OUTPUTS if (path := getattr(args, name)) is not None]


def check_can_be_written(outputs: Iterable[NamedPath], stream: str | None = None) -> None:
    """Error unless every file can be written; only the flag `stream` may be '-', standard output."""
    for name, path in outputs:
        if path != "-":
            check_writable(path, name)
        elif name != stream:
            only = f", but only {stream} can write to standard output" if stream else ", which is not a file"
            raise ValueError(f"{name} is '-'{only}; name a file")


def check_no_overwriting(outputs: Iterable[NamedPath], inputs: Iterable[NamedPath]) -> None:
    """ValueError if an output is another output or an input; but the checkpoint resumed may be replaced."""
    owners = {place: name for name, path in inputs if (place := _place(path))}
    for name, path in outputs:
        if (place := _place(path)) is None:
            continue
        owner = owners.setdefault(place, name)
        if owner != name and (name, owner) != ("--checkpoint", "--resume"):
            raise ValueError(f"{name} and {owner} name the same file, {path}; one would overwrite the other")


def _place(path: str) -> str | None:
    """The file that a path leads to; None for a stream or a device, to which many may write."""
    place = os.path.realpath(path)
    special = (
        path == "-"
        or os.path.abspath(path).startswith(("/dev/", "/proc/"))
        or (os.path.exists(place) and not os.path.isfile(place))
    )
    return None if special else place


def check_words_can_be_written(args: argparse.Namespace, words: Sequence[str]) -> None:
    """ValueError if a file that was asked for cannot hold every word. Needs the text to have been read."""
    if wanted := next((flag(name) for name in _WORD_FILES if getattr(args, name)), None):
        try:
            check_words(words)
        except ValueError as error:
            raise ValueError(f"{wanted}: {error}; --save-model can hold any word") from None


def save_all(model: SkipGram, args: argparse.Namespace) -> None:
    """Write every file that was asked for and that holds the model or a part of it."""
    words, binary = model.vocab.words, None if args.format is None else args.format == "binary"
    if args.output:
        save_word2vec(args.output, words, model.wv.vectors, binary=binary)
    if args.save_output:
        save_word2vec(args.save_output, words, model.O, binary=binary)
    if args.save_vocab:
        model.vocab.save(args.save_vocab)
    if args.save_bias:
        save_bias(args.save_bias, words, model.real_bias())
    if args.save_model:
        model.save(args.save_model)


class _EpochLog(Callback):
    """Writes a line of JSON at the end of each epoch."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def on_epoch_end(self, model: SkipGram) -> None:
        self._write(json.dumps({"epoch": len(model.history), **model.history[-1]}) + "\n")


@contextlib.contextmanager
def epoch_log(path: str | None, append: bool) -> Iterator[list[Callback]]:
    """The callbacks, one or none, that log the epochs to a file; '-' is standard output."""
    if path is None:
        yield []
    elif path == "-":
        yield [_EpochLog(sys.stdout.write)]
    else:
        with open(path, "a" if append else "w", encoding="utf-8", buffering=1) as file:
            yield [_EpochLog(file.write)]
