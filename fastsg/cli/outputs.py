"""The files that a command writes: checked before the work begins, written when it is done."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ..checks import printable
from ..io.bias import save_bias
from ..io.formats import check_words_fit, format_to_write, save_vectors, writable_formats
from ..io.static_folder import STATIC_FILES
from ..io.word2vec import check_words
from ..model.skipgram import SkipGram
from ..system.atomic import check_writable
from ..system.compression import refuse_compression
from ..system.folder import check_replaceable
from .flags import Group, flag
from .terminal import EXPECTED, say, say_error

#: A flag, or another name for what the user gave, and a path.
NamedPath = tuple[str, str]

#: Arguments of fastsg train that name files to write.
OUTPUTS = (
    "output",
    "save_output",
    "save_vocab",
    "save_bias",
    "save_model",
    "report",
    "json_log",
    "checkpoint",
)
#: Those of them that hold vectors.
VECTOR_FILES = ("output", "save_output")
_MAY_BE_FOLDERS = ("--output", "--save-output", "OUT")
_NOT_COMPRESSED = ("--save-model", "--report", "--json-log", "--checkpoint")
_WORD_FILES = ("save_vocab", "save_bias")


def outputs_of(args: argparse.Namespace) -> list[NamedPath]:
    """The files that fastsg train was asked to write; ValueError if one cannot be as named."""
    vectors = [
        (flag(name), path) for name in VECTOR_FILES if (path := getattr(args, name)) not in (None, "-")
    ]
    check_vector_files(vectors, args.format)
    outputs = [(flag(name), path) for name in OUTPUTS if (path := getattr(args, name)) is not None]
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
            file = found.files_of(path)[0]
            is_new_folder = file != path and not os.path.isdir(path)
            check_writable(path.rstrip(os.sep) if is_new_folder else file, name)


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


def files_written(outputs: Iterable[NamedPath], format: str | None) -> Iterator[NamedPath]:
    """The outputs, and in place of those that hold vectors each file that they become."""
    for name, path in outputs:
        has_vectors = name in _MAY_BE_FOLDERS and path != "-"
        files = format_to_write(path, format).files_of(path) if has_vectors else [path]
        yield from ((name, file) for file in files)


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
    return None if is_stream(path) else place


def is_stream(path: str) -> bool:
    """Whether a path is '-', or names a device or a pipe."""
    if path == "-" or os.path.abspath(path).startswith(("/dev/fd/", "/dev/std", "/proc/")):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def check_words_can_be_written(args: argparse.Namespace, words: Sequence[str]) -> None:
    """ValueError if a file that was asked for cannot hold every word. Needs the text to have been read."""
    wanted = [(name, getattr(args, name)) for name in (*VECTOR_FILES, *_WORD_FILES) if getattr(args, name)]
    for name, path in wanted:
        try:
            if name in VECTOR_FILES:
                check_words_fit(format_to_write(path, args.format), words)
            else:
                check_words(words)
        except ValueError as error:
            raise ValueError(f"{flag(name)}: {error}; --save-model can hold any word") from None


def save_all(model: SkipGram, args: argparse.Namespace) -> bool:
    """Write every file that was asked for and that holds the model or a part of it.

    Each is tried, whatever became of the others. A line on standard error tells of each that failed; False if
    one did.
    """
    words, counts = model.vocab.words, model.vocab.counts
    writers: dict[str, Callable[[str], object]] = {
        "output": lambda path: save_vectors(path, words, model.wv.vectors, args.format, counts=counts),
        "save_output": lambda path: save_vectors(path, words, model.O, args.format, counts=counts),
        "save_vocab": model.vocab.save,
        "save_bias": lambda path: save_bias(path, words, model.real_bias()),
        "save_model": model.save,
    }
    wanted = {name: path for name in writers if (path := getattr(args, name))}
    written = [is_written(flag(name), partial(writers[name], path)) for name, path in wanted.items()]
    return all(written)


def is_written(name: str, write: Callable[[], object]) -> bool:
    """Whether writing what the flag `name` asks for went well; if not, a line on standard error tells why."""
    try:
        write()
    except EXPECTED as error:
        say_error(error, f"{name}: ")
        return False
    return True


def save_diverged(model: SkipGram, path: str) -> None:
    """Write the last finite state of a model to `path`, and say where.

    A file that is there may be the model of a better training: it stays, and the state goes beside it.
    """
    if _place(path) and os.path.exists(path):
        path += ".diverged"
    if is_written("--save-model", lambda: model.save(path)):
        say(f"the last finite state of the model is in {printable(path)}; the other outputs were not written")
