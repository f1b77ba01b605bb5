"""The files that a command writes: checked before the work begins, written when it is done."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence

from ..io.bias import save_bias
from ..io.formats import check_words_fit, format_to_write, save_vectors, writable_formats
from ..io.static_folder import STATIC_FILES
from ..io.word2vec import check_words
from ..model.skipgram import SkipGram
from ..system.atomic import check_writable
from ..system.compression import refuse_compression
from ..system.folder import check_replaceable
from .flags import Group, flag

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
_VECTOR_FILES = ("output", "save_output")
_MAY_BE_FOLDERS = ("--output", "--save-output", "OUT")
_NOT_COMPRESSED = ("--save-model", "--report", "--json-log", "--checkpoint")
_WORD_FILES = ("save_vocab", "save_bias")


def outputs_of(args: argparse.Namespace) -> list[NamedPath]:
    """The files that fastsg train was asked to write; ValueError if one cannot be as named."""
    vectors = [
        (flag(name), path) for name in _VECTOR_FILES if (path := getattr(args, name)) not in (None, "-")
    ]
    check_vector_files(vectors, args.format)
    outputs = [(flag(name), path) for name in _OUTPUTS if (path := getattr(args, name)) is not None]
    check_not_compressed(output for output in outputs if output[0] in _NOT_COMPRESSED)
    return outputs


def add_write_format(group: Group, file: str) -> None:
    """Declare --format, which names the format of a `file` to write."""
    group.add_argument(
        "--format",
        choices=writable_formats(),
        metavar="FORMAT",
        help=f"of {file}: {', '.join(writable_formats())}; by default from the suffix, else text",
    )


def check_vector_files(outputs: Iterable[NamedPath], format: str | None) -> None:
    """Error unless vectors can be written to every file, in the format given or that of its suffix."""
    for name, path in outputs:
        try:
            found = format_to_write(path, format)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if found.is_folder:
            try:
                check_replaceable(path.rstrip(os.sep), STATIC_FILES)
            except OSError as error:
                error.strerror = f"{name}: {error.strerror}"
                raise
            check_writable(path.rstrip(os.sep) + ".tmp", name)
        elif path != "-":
            check_writable(path, name)


def check_can_be_written(outputs: Iterable[NamedPath], stream: str | None = None) -> None:
    """Error unless every file can be written; only the flag `stream` may be '-', standard output."""
    for name, path in outputs:
        if name in _MAY_BE_FOLDERS and os.path.isdir(path):
            continue  # check_vector_files has looked
        if path != "-":
            check_writable(path, name)
        elif name != stream:
            only = f", but only {stream} can write to standard output" if stream else ", which is not a file"
            raise ValueError(f"{name} is '-'{only}; name a file")


def check_not_compressed(outputs: Iterable[NamedPath]) -> None:
    """ValueError if a name asks for a compression that a file of its kind never has."""
    for name, path in outputs:
        refuse_compression(path, name)


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
    wanted = [(name, getattr(args, name)) for name in (*_VECTOR_FILES, *_WORD_FILES) if getattr(args, name)]
    for name, path in wanted:
        try:
            if name in _VECTOR_FILES:
                check_words_fit(format_to_write(path, args.format), words)
            else:
                check_words(words)
        except ValueError as error:
            raise ValueError(f"{flag(name)}: {error}; --save-model can hold any word") from None


def save_all(model: SkipGram, args: argparse.Namespace) -> None:
    """Write every file that was asked for and that holds the model or a part of it."""
    words, counts = model.vocab.words, model.vocab.counts
    if args.output:
        save_vectors(args.output, words, model.wv.vectors, args.format, counts=counts)
    if args.save_output:
        save_vectors(args.save_output, words, model.O, args.format, counts=counts)
    if args.save_vocab:
        model.vocab.save(args.save_vocab)
    if args.save_bias:
        save_bias(args.save_bias, words, model.real_bias())
    if args.save_model:
        model.save(args.save_model)
