"""Blocks of code in the documents: found, and carried out as they stand.

    python tests/page_blocks.py [PAGE...]       carry them out, and count what ran and what did not

``python`` is executed; behind prompts (``>>>``) what is shown is compared. ``console`` holds commands behind
``$``, each followed by what it prints. All blocks of a page run in their order, in one namespace and one
folder. What is shown is compared as doctest compares: ``...`` and ``…`` stand for anything, blanks at the end
of a line for nothing. ``<!-- not run: reason -->`` right before a fence excuses a block,
``<!-- run with: gensim, spacy -->`` does where one of these packages is missing. Blocks without a language,
and those of ``text``, are for reading.

Finding blocks imports nothing of fastsg; carrying them out does.
"""

from __future__ import annotations

import doctest
import importlib.util
import io
import logging
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

#: Languages whose blocks are carried out, and those whose blocks are only read; any other needs a reason.
EXECUTED, READ = {"python", "console"}, {"", "text"}
SECONDS = 120  # more than any command may take

_FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *([^`]*)$")
_MARK = re.compile(r"^ *<!-- (not run|run with): (.+?) -->$")
#: What a shell would not hand to a command as it stands.
_SHELL = re.compile(r"[|&;<>$`*?~(]")


class Block(NamedTuple):
    """A fenced block: its first line of code (from 1), and what the comment before it says."""

    page: str
    line: int
    language: str
    code: str
    mark: str = ""
    words: str = ""

    @property
    def reason(self) -> str:
        """Why it is not carried out here; empty if it is, or is only to be read."""
        if self.mark == "not run":
            return self.words
        missing = [name for name in re.findall(r"[\w.]+", self.words) if not _is_importable(name)]
        return f"needs {', '.join(missing)}" if missing else ""

    @property
    def runs(self) -> bool:
        """Whether it is carried out here."""
        return self.language in EXECUTED and not self.reason


class Outcome(NamedTuple):
    """What came of the blocks of a page."""

    ran: list[Block]
    left: list[Block]
    wrong: list[str]


def _is_importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


# ---- found -----------------------------------------------------------------------------------------------


def blocks_of(text: str, page: str = "page") -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found, lines = [], iter(enumerate(text.splitlines(), 1))
    before = ""
    for number, line in lines:
        if not (fence := _FENCE.match(line)):
            before = line if line.strip() else before
            continue
        indent, ticks, language = fence.groups()
        code = [line[len(indent) :] for line in _until_closed(lines, ticks)]
        mark = _MARK.match(before)
        marked = mark.groups() if mark else ()
        found.append(Block(page, number + 1, language.strip(), "\n".join([*code, ""]), *marked))
        before = ""
    return found


def _until_closed(lines: Iterator[tuple[int, str]], ticks: str) -> Iterator[str]:
    for _, line in lines:
        if line.strip().startswith(ticks) and not line.strip(f" {ticks[0]}"):
            return
        yield line


def language_complaints(blocks: list[Block]) -> list[str]:
    """Blocks of which nobody can tell whether they are true: of another language, without a reason."""
    return [
        f"{block.page}:{block.line}: {block.language!r} is neither executed nor marked 'not run'"
        for block in blocks
        if block.language not in EXECUTED | READ
        and not block.language.startswith("{")  # a directive
        and block.mark != "not run"
    ]


def commands_of(code: str) -> list[tuple[int, str, str]]:
    """Of a block of console: the line of each command (from 0), the command, and what is shown below it."""
    found: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(code.splitlines()):
        if found and not found[-1][2] and found[-1][1][-1].endswith("\\"):
            found[-1][1].append(line)
        elif line.startswith("$ "):
            found.append((number, [line[2:]], []))
        elif found:
            found[-1][2].append(line)
        elif line.strip():
            raise ValueError(f"the first line of a console is no command: {line!r}")
    return [(number, "\n".join(command), "\n".join(shown)) for number, command, shown in found]


# ---- carried out -----------------------------------------------------------------------------------------


def run_page(path: Path, folder: Path) -> Outcome:
    """Carry out the blocks of a page in a folder, up to the first that goes wrong."""
    text = path.read_text(encoding="utf-8")
    outcome = Outcome([], [], [])
    names: dict[str, Any] = {"__name__": "__main__"}
    with chdir(folder), mock.patch.dict(os.environ, COLUMNS="80"):
        for block in blocks_of(text, path.name):
            if block.language in EXECUTED and not block.runs:
                outcome.left.append(block)
            elif block.runs:
                outcome.wrong.extend(run_block(block, names))
                if outcome.wrong:
                    break
                outcome.ran.append(block)
    return outcome


def run_block(block: Block, names: dict[str, Any]) -> list[str]:
    """What is wrong with a block, which may use names of earlier ones and leaves its own."""
    if block.language == "console":
        return _console(block)
    return _prompts(block, names) if block.code.lstrip().startswith(">>> ") else _python(block, names)


def _python(block: Block, names: dict[str, Any]) -> list[str]:
    code = "\n" * (block.line - 1) + block.code  # so that lines are those of the page
    try:
        with redirect_stdout(io.StringIO()):
            exec(compile(code, block.page, "exec"), names)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever a page may raise)
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in frames if frame.filename == block.page), block.line)
        return [f"{block.page}:{line}: {type(error).__name__}: {error}"]
    return []


def _prompts(block: Block, names: dict[str, Any]) -> list[str]:
    test = doctest.DocTestParser().get_doctest(block.code, {}, block.page, block.page, block.line - 1)
    test.globs = names
    said: list[str] = []
    runner = doctest.DocTestRunner(_Checker(), verbose=False, optionflags=doctest.ELLIPSIS)
    failed = runner.run(test, out=said.append, clear_globs=False).failed
    return ["".join(said)] if failed else []


class _Checker(doctest.OutputChecker):
    """Compares as :func:`is_shown` does."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Whether it is what is shown."""
        return super().check_output(_plain(want), _plain(got), optionflags)


def _plain(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("…", "...").splitlines()]
    return "\n".join([*lines, ""]) if lines else ""


def is_shown(shown: str, printed: str) -> bool:
    """Whether that is what a page shows: ``...`` and ``…`` stand for anything."""
    return _Checker().check_output(shown.strip("\n"), printed.strip("\n"), doctest.ELLIPSIS)


def _console(block: Block) -> list[str]:
    for number, command, shown in commands_of(block.code):
        code, printed = run_command(command)
        place = f"{block.page}:{block.line + number}: $ {command}"
        if code and "error" not in shown:
            return [f"{place}\nended with {code} and printed\n{printed}"]
        if not is_shown(shown, printed):
            return [f"{place}\nprinted\n{printed}\nand the page shows\n{shown}"]
    return []


def run_command(command: str) -> tuple[int, str]:
    """The exit code of a command, and what it prints on both streams; fastsg alone runs in this process."""
    if command.startswith("fastsg ") and not _SHELL.search(command):
        return _fastsg(shlex.split(command.replace("\\\n", " "), comments=True)[1:])
    script = f'fastsg() {{ {shlex.quote(sys.executable)} -m fastsg "$@"; }}\nexport -f fastsg\n{command}'
    import fastsg

    paths = [str(Path(fastsg.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def _fastsg(argv: list[str]) -> tuple[int, str]:
    from fastsg.cli import main

    printed = io.BytesIO()
    with _streams_of_a_process(printed):
        try:
            code = main(argv)
        except SystemExit as error:  # of a command line that is wrong, or asks for help
            code = int(error.code or 0)
    return code, printed.getvalue().decode()


@contextmanager
def _streams_of_a_process(printed: io.BytesIO) -> Iterator[None]:
    """Standard output and error in one, as on a terminal; warnings and logs appear there, as of a fresh
    process, and not where a test runner takes them.
    """
    stream = io.TextIOWrapper(printed, encoding="utf-8", write_through=True)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def shown(message: Any, category: Any, filename: str, lineno: int, *others: object) -> None:
        stream.write(warnings.formatwarning(message, category, filename, lineno))

    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stream))
        stack.enter_context(redirect_stderr(stream))
        stack.enter_context(mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO())))
        stack.enter_context(warnings.catch_warnings())
        warnings.showwarning = shown
        root.handlers = []
        try:
            yield
        finally:
            root.handlers = handlers
            root.setLevel(level)
            stream.flush()
            stream.detach()


# ---- counted ---------------------------------------------------------------------------------------------


def main(paths: list[str]) -> int:
    """Carry out the pages named, or all; the exit code says whether one went wrong."""
    from architecture.documents import documents
    from architecture.sources import ROOT

    ran, left, wrong = 0, Counter[str](), []
    for path in map(Path, paths) if paths else documents():
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_page(path.resolve(), Path(folder))
        if outcome.ran or outcome.left or outcome.wrong:
            shown = os.path.relpath(path.resolve(), ROOT)
            print(f"{shown}: {len(outcome.ran)} ran, {len(outcome.left)} not run, {len(outcome.wrong)} wrong")
        ran += len(outcome.ran)
        left.update(block.reason for block in outcome.left)
        wrong += outcome.wrong
    print(f"{ran} blocks ran; {sum(left.values())} did not:")
    print("".join(f"  {count:3} {reason}\n" for reason, count in left.most_common()), end="")
    print("\n\n".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
