"""Every block of code in the documents does what it says: page_blocks.py carries them out."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from architecture import documents
from architecture.sources import ROOT, read
from conftest import needs_checkout
from page_blocks import EXECUTED, READ, Block, blocks_of, commands_of, is_shown, language_complaints, run_page

from fastsg.cli import parse

pytestmark = needs_checkout
DOCUMENTS = documents.documents()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks_in(path: Path) -> list[Block]:
    return blocks_of(read(path), name_of(path))


# ---- the documents as they are ----


#: Pages whose text is the documentation of the Python that runs them, by the version that they show.
OF_PYTHON = {"docs/tutorial.md": (3, 11)}
WITH_BLOCKS = [path for path in DOCUMENTS if EXECUTED & {block.language for block in blocks_in(path)}]


@pytest.mark.parametrize("path", WITH_BLOCKS, ids=name_of)
def test_blocks_do_what_they_say(path: Path, tmp_path: Path):
    version = OF_PYTHON.get(name_of(path), sys.version_info[:2])
    if version != sys.version_info[:2]:
        pytest.skip(f"its text is the documentation of Python {version[0]}.{version[1]}")
    outcome = run_page(path, tmp_path)
    assert not outcome.wrong, "\n".join(outcome.wrong)
    if not outcome.ran:
        pytest.skip("; ".join(block.reason for block in outcome.left))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_blocks_are_executed_or_say_why_not(path: Path):
    assert language_complaints(blocks_in(path)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_parse(path: Path):
    """Those that are not carried out: in blocks to be read, marked ones, and in the text with an output."""
    for line in commands_to_read(read(path)):
        parse(shlex.split(line, comments=True)[1:])


def commands_to_read(text: str) -> list[str]:
    """Command lines of fastsg that a page shows without carrying them out."""
    blocks = [block for block in blocks_of(text) if block.language in {"console"} | READ and not block.runs]
    code = "".join(block.code for block in blocks).replace("\\\n", " ")
    lines = [line.removeprefix("$ ") for line in code.splitlines()]
    inline = re.findall(r"`(fastsg [a-z][^`]* -o [^`]+)`", text)
    return [line.replace("\\|", "|") for line in lines + inline if re.match(r"fastsg [a-z]", line)]


# ---- planted slips ----


def outcome_of(text: str, folder: Path):
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return run_page(page, folder)


def test_control_what_is_right(tmp_path: Path):
    outcome = outcome_of(
        """
```python
x = 6
open("words", "w").write("one two\\n" * 5)
```

```python
>>> x * 7
42
>>> {"time": 1.25, "words": [1, 2, 3]}
{'time': …, 'words': [1, ... 3]}
```

```console
$ cat words | head -n 2
one two
one two
$ fastsg vocab words -o counts --quiet
$ cat counts
one 5
two 5
$ fastsg vocab nowhere \\
    -o counts
fastsg: error: ...nowhere...
```

```text
fastsg nonsense
```

<!-- not run: needs a cluster -->
```console
$ mpiexec -n 400 fastsg train
```

<!-- run with: a_package_that_is_nowhere -->

```python
import a_package_that_is_nowhere
```
""",
        tmp_path,
    )
    assert outcome.wrong == []
    assert len(outcome.ran) == 3
    assert [block.reason for block in outcome.left] == ["needs a cluster", "needs a_package_that_is_nowhere"]


@pytest.mark.parametrize(
    "language, code, says",
    [
        ("python", "x = 1\n1 / 0", "page.md:3: ZeroDivisionError"),
        ("python", "import a_package_that_is_nowhere", "page.md:2: ModuleNotFoundError"),
        ("python", "raise SystemExit", "page.md:2: SystemExit"),
        ("python", "def", "page.md:2: SyntaxError"),
        ("python", ">>> 6 * 7\n43", "Expected:\n    43\nGot:\n    42"),
        ("python", ">>> 6 * 7", "Got:\n    42"),
        ("python", ">>> print(6)\n>>> print(7)\n7", "Got:\n    6"),
        ("console", "$ printf 'a\\n'\nb", "page.md:2: $ printf 'a\\n'\nprinted\na"),
        ("console", "$ printf 'a\\n'", "the page shows"),
        ("console", "$ cat nowhere\n...", "ended with 1"),
        ("console", "$ fastsg vocab nowhere -o counts\n...", "ended with 1"),
        ("console", "$ printf a\na\n$ fastsg nn --gone v\n...", "page.md:4: $ fastsg nn --gone v\n"),
        ("console", "$ mpiexec_that_is_nowhere -n 4 fastsg\n...", "ended with 127"),
    ],
)  # fmt: skip
def test_control_what_is_wrong(tmp_path: Path, language: str, code: str, says: str):
    outcome = outcome_of(f"```{language}\n{code}\n```\n", tmp_path)
    assert len(outcome.wrong) == 1 and says in outcome.wrong[0]
    assert outcome.ran == []


def test_control_nothing_runs_after_what_is_wrong(tmp_path: Path):
    outcome = outcome_of("```python\n1 / 0\n```\n```python\nopen('b', 'w')\n```\n", tmp_path)
    assert len(outcome.wrong) == 1 and not (tmp_path / "b").exists()


def test_control_fences():
    text = (
        "````text\n```python\nno()\n```\n````\n"
        "- item\n\n  ```python\n  x = 1\n    y\n  ```\n\n"
        "<!-- not run: one -->\nwords between\n\n```python\n```\n"
        "~~~console\n$ a\n~~~\n"
    )
    found = [(block.line, block.language, block.code, block.mark) for block in blocks_of(text)]
    assert found == [
        (2, "text", "```python\nno()\n```\n", ""),
        (9, "python", "x = 1\n  y\n", ""),
        (17, "python", "", ""),
        (19, "console", "$ a\n", ""),
    ]


@pytest.mark.parametrize(
    "text, count",
    [
        ("```py\n```\n", 1),
        ("```sh\n```\n", 1),
        ("<!-- run with: bash -->\n```sh\n```\n", 1),
        ("<!-- not run: SLURM -->\n```sh\n```\n", 0),
        ("```python\n```\n```console\n```\n```text\n```\n```\n```\n```{toctree}\n```\n", 0),
    ],
)
def test_control_languages(text: str, count: int):
    assert len(language_complaints(blocks_of(text))) == count


def test_control_commands():
    assert commands_of("$ a \\\n  b\nc\n\nd\n$ e\n") == [(0, "a \\\n  b", "c\n\nd"), (5, "e", "")]
    with pytest.raises(ValueError, match="no command: 'a'"):
        commands_of("a\n$ b\n")


@pytest.mark.parametrize(
    "shown, printed, same",
    [
        ("a b", "a b  \n", True),
        ("a ... d", "a b c d\n", True),
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("", "", True),
        ("", "a\n", False),
        ("a  b", "a b\n", False),
        ("a\n...", "b\nc\n", False),
    ],
)
def test_control_comparison(shown: str, printed: str, same: bool):
    assert is_shown(shown, printed) == same


def test_control_commands_to_read():
    text = "```\nfastsg nn V \\\n  word\npip install\n```\n`fastsg plot map v -o m.svg`, `fastsg nn`\n"
    text += "```console\n$ fastsg gone\n```\n"
    text += "<!-- not run: far away -->\n```console\n$ fastsg info V\n```\n"
    assert [line.split()[1] for line in commands_to_read(text)] == ["nn", "info", "plot"]
