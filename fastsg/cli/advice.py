"""What is there when a command is done: the files it has written, and commands that go on from them."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable, Sequence

from ..checks import printable
from ..io.formats import format_of_file
from .columns import lines_of
from .outputs import OUTPUTS, VECTOR_FILES, is_stream

#: What stands before a line without a head of its own; as long as the heads of the summary.
HEAD = " " * 11
#: Of the words by frequency the place from which on one is taken as an example: earlier ones say little.
_EXAMPLE = 300


def files_and_commands(files: Iterable[str], commands: Iterable[Sequence[str]]) -> str:
    """Lines for files, and for commands as a shell takes them.

    Parameters
    ----------
    files : iterable of str     Paths, with what is to be said of them.
    commands : iterable of lists of words
    """
    head = f"{'written':<{len(HEAD)}}"
    listed = [printable(file) for file in files]
    lines = lines_of([f"{file}," for file in listed[:-1]] + listed[-1:], head) if listed else []
    head = f"{'next':<{len(HEAD)}}"
    for command in commands:
        # pasted, a line that goes on after its backslash is one command
        lines += lines_of(_quoted(["fastsg", *command]), head, more=" \\")
        head = HEAD
    return "\n".join(lines)


def _quoted(command: Iterable[str]) -> list[str]:
    """The words of a command as a shell takes them, flags together with their values."""
    words: list[str] = []
    for word in command:
        quoted = printable(shlex.quote(word))
        if words and words[-1].startswith("-") and " " not in words[-1]:
            words[-1] += f" {quoted}"
        else:
            words.append(quoted)
    return words


def after_training(args: argparse.Namespace, words: Sequence[str]) -> str:
    """What fastsg train has written, and what to ask it; empty if that is nothing."""
    written = {name: path for name in OUTPUTS if (path := getattr(args, name)) and not is_stream(path)}
    files = [_described(name, path, args.format) for name, path in written.items()]
    return files_and_commands(files, _questions(args, written, words))


def _described(name: str, path: str, format: str | None) -> str:
    return f"{path} ({format or format_of_file(path).name})" if name in VECTOR_FILES else path


def _questions(
    args: argparse.Namespace, written: dict[str, str], words: Sequence[str]
) -> Iterable[Sequence[str]]:
    """Commands that ask the files."""
    files = {name: f"./{path}" if path.startswith("-") else path for name, path in written.items()}
    vectors, model = files.get("output"), files.get("save_model") or files.get("checkpoint")
    source = vectors or model
    if source is None:
        return
    word = example(words)
    yield ["nn", source, *word, *(_format_flag(args.format, source) if vectors else [])]
    if model:
        yield ["predict", model, *word]
    elif files.keys() >= {"save_output", "save_bias"} and args.vectors == "input":
        pair = [source, files["save_output"]]
        yield ["predict", *pair, *word, "--bias", files["save_bias"], *_format_flag(args.format, *pair)]
    page = os.path.splitext(source.rstrip(os.sep))[0] + ".html"
    yield ["explore", model or source, "-o", page, *([] if model else _format_flag(args.format, source))]


def _format_flag(format: str | None, *paths: str) -> list[str]:
    """What a command must be told to read vectors, one of which does not look like the format it is in."""
    return ["--format", format] if format and any(format_of_file(p).name != format for p in paths) else []


def example(words: Sequence[str]) -> list[str]:
    """A word to ask for, of letters alone; none if there is none, since commands ask for words then."""
    start = min(_EXAMPLE, len(words) // 2)
    return [word for word in [*words[start : start + 100], *words[:100]] if word.isalpha()][:1]
