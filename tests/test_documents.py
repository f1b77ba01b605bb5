"""What README.md, CONTRIBUTING.md and docs/ say is so: paths, tables, walks, switches, terms."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest
from architecture import documents, rules
from architecture.sources import PACKAGE, ROOT, files, read

import fastsg
from fastsg.cli.main import build_parser

#: Where the package under test is: an installed one need not be that of the checkout.
PACKAGE_USED = Path(fastsg.__file__).parent
DOCUMENTS = documents.documents()
CONTRIBUTING = read(ROOT / "CONTRIBUTING.md")


def name_of(path: Path) -> str:
    """For the names of tests: two pages may be called alike in two folders."""
    return str(path.relative_to(ROOT))


# ---- the documents as they are ----


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_paths_and_links_lead_somewhere(path: Path):
    assert documents.path_complaints(read(path), path.parent) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_anchors_are_there(path: Path):
    assert documents.anchor_complaints(read(path), path) == []


@pytest.mark.parametrize("path", documents.pages(), ids=name_of)
def test_pages_say_for_whom_they_are(path: Path):
    assert documents.opening_complaint(read(path)) == ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_switches_are_read(path: Path):
    readers = [
        *ROOT.glob("*.py"),
        ROOT / ".ci/run",
        *files(PACKAGE, ".py", ".pyx", ".pxi"),
        *ROOT.glob("tests/*.py"),
    ]
    assert documents.switch_complaints(read(path), "".join(map(read, readers))) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_options_exist(path: Path):
    parsers = [build_parser()]
    for parser in parsers:
        commands = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        parsers += [command for choices in commands for command in choices.values()]
    options = {option for parser in parsers for option in parser._option_string_actions}
    scripts = [*ROOT.glob("bench/*.py"), ROOT / "tests/golden.py", *ROOT.glob("tools/*")]
    for script in scripts:
        options |= set(re.findall(r"--[a-z][a-z-]*", read(script)))
    assert documents.option_complaints(read(path), options) == []


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=name_of)
def test_no_placeholder_is_left(path: Path):
    assert "@@" not in read(path)


def test_contributing_shows_the_table_of_imports():
    shown = {room: sorted(words.split()) for room, words in documents.rule_rows(CONTRIBUTING).items()}
    assert shown == {room: sorted(words.split()) for room, words in rules.MAY_IMPORT.items()}


def test_contributing_shows_the_sizes():
    for kind, lines in rules.MOST_LINES.items():
        assert f"{kind} {lines}" in CONTRIBUTING


def test_contributing_draws_the_house():
    there = {path.name + "/" for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    there |= {
        path.name for path in files(PACKAGE, ".py", ".pyx", ".pxi", ".h", ".c") if path.parent == PACKAGE
    }
    assert documents.tree_complaints(documents.tree_names(CONTRIBUTING), there) == []


@pytest.mark.parametrize(
    "title, most", [("From a text file to vectors", 9), ("From most_similar to its answer", 3)]
)
def test_walks_can_be_walked(title: str, most: int):
    walk = documents.walk_files(documents.section(CONTRIBUTING, title))
    assert documents.walk_complaints(walk, most, PACKAGE) == []


def folders_entered(code: str, tmp_path: Path) -> set[str]:
    """Folders of the package whose Python code runs while some code does, in a process of its own."""
    trace = f"""
import sys
import fastsg
[getattr(fastsg, name) for name in fastsg.__all__]  # loaded before anything is followed
seen = set()
sys.setprofile(lambda frame, event, arg: seen.add(frame.f_code.co_filename) if event == "call" else None)
{code}
sys.setprofile(None)
print("\\n".join(seen))
"""
    done = subprocess.run(
        [sys.executable, "-c", trace], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    inside = [Path(name).relative_to(PACKAGE_USED) for name in done.stdout.splitlines() if is_ours(name)]
    return {path.parts[0] for path in inside if len(path.parts) > 1}


def is_ours(name: str) -> bool:
    """Whether a file belongs to the package under test."""
    return Path(name).is_relative_to(PACKAGE_USED)


def test_walks_enter_the_folders_that_are_drawn(tmp_path: Path):
    (tmp_path / "text").write_text("a b c a b\nb c a\n" * 50, encoding="utf-8")
    train = (
        "model = fastsg.SkipGram(corpus_file='text', min_count=1, vector_size=4, progress=False); model.wv"
    )
    walk = documents.walk_files(documents.section(CONTRIBUTING, "From a text file to vectors"))
    assert folders_entered(train, tmp_path) == {Path(name).parts[0] for name in walk if "/" in name}
    query = "import numpy; fastsg.KeyedVectors(['a', 'b'], numpy.eye(2)).most_similar('a')"
    assert folders_entered(query, tmp_path) == {"vectors"}


def test_control_a_folder_that_is_not_drawn_is_seen(tmp_path: Path):
    write = "import numpy; fastsg.KeyedVectors(['a'], numpy.eye(1)).save_word2vec_format('v')"
    assert "io" in folders_entered(write, tmp_path)


def test_glossary_holds_words_of_the_project():
    glossary = ROOT / "docs" / "glossary.md"
    users = [*files(PACKAGE, ".py", ".pyx", ".pxi", ".c", ".h"), *(ROOT / "docs").glob("*.md")]
    text = "\n".join(read(path) for path in users if path != glossary)
    assert len(list(documents.terms(read(glossary)))) >= 30
    assert documents.term_complaints(read(glossary), text) == []


# ---- planted slips ----


@pytest.mark.parametrize(
    "text, complaints",
    [
        ("[one](docs/a.md) and [two](docs/gone.md)\n", 1),
        ("see docs/gone.md, and `fastsg/io/native.py`\n", 2),
        ("`io/vec.py`, `fastsg/io/`, docs/a.md, vec.py, `isa_*.c` and `kernels/isa_*.c`\n", 0),
        ("`fastsg/gone/`, `isb_*.c`, gone.py\n", 3),
        (
            "[paper](https://example.org/a/b.c) https://example.org/docs/gone.md, word2vec.c, 3.py/x\n",
            0,
        ),
        ("[a heading](#measured) [another](docs/a.md#x)", 0),
    ],
)
def test_control_paths(tmp_path: Path, text: str, complaints: int):
    for name in ("docs/a.md", "fastsg/io/vec.py", "fastsg/kernels/isa_avx2.c"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert len(documents.path_complaints(text, tmp_path, tmp_path)) == complaints


def test_control_anchors(tmp_path: Path):
    other = "# Two words, `code` & *more*\n\n```\n# a comment\n```\n## Again\n## Again\n## 数 [a](b)\n"
    (tmp_path / "b.md").write_text(other, encoding="utf-8")
    there = {"two-words-code--more", "again", "again-1", "数-a"}
    assert documents.anchors(other) == there
    text = "# Here\n[a](#here) [b](b.md) [c](https://x/b.md#gone) [d](gone.md#gone)" + "".join(
        f"[x](b.md#{name})" for name in there
    )
    assert documents.anchor_complaints(text, tmp_path / "a.md") == []
    slips = "# Here\n[a](#gone) [b](b.md#again-2) [c](b.md#a-comment)"
    assert len(documents.anchor_complaints(slips, tmp_path / "a.md")) == 3


@pytest.mark.parametrize(
    "text, says",
    [
        ("# A\n\nFor people who count.\nThey find numbers.\n", ""),
        ("# A\n\nNumbers. For\npeople who count.\n", ""),
        ("# 甲\n\n给会数数的人。\n", ""),
        ("# A\n\nNumbers.\nMore.\n\nFor people who count.\n", "for whom is it? Numbers. More."),
        ("For people.\n", "there is no title"),
        ("", "there is no title"),
    ],
)
def test_control_openings(text: str, says: str):
    assert documents.opening_complaint(text) == says


def test_control_switches():
    code = 'os.environ.get("FASTSG_ISA")\n${FASTSG_DATA:-x}\n'
    assert documents.switch_complaints("FASTSG_ISA=avx2, FASTSG_DATA, FASTSG_GONE", code) == ["FASTSG_GONE"]


def test_control_options():
    assert documents.option_complaints("`--sample`, a--b, |---|, `--gone`", {"--sample"}) == ["--gone"]


def test_control_table():
    text = "| room | may import | |\n|---|---|---|\n| `io` | `system`, `_text` | words |\n| `base`: x | | |\n"
    assert documents.rule_rows(text) == {"io": "system _text", "base": ""}


def test_control_tree():
    assert documents.tree_names(
        "```\nfastsg/\n  a.py   one\n         more\n  b/     two\ntests/\n  c\n```\n"
    ) == ["a.py", "b/"]


def test_control_walks(tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "a.py").write_text("from .b import x\nfrom .text import y\n")
    for name in ("b.py", "c.py", "text/__init__.py", "text/d.py"):
        (tmp_path / name).touch()
    drawn = "```\na.py        one\n  -> b.py   two\n            more\n     -> text/d.py\n```\n"
    walk = documents.walk_files(drawn)
    assert walk == ["a.py", "b.py", "text/d.py"]
    assert documents.walk_complaints(walk, 3, tmp_path) == []
    assert len(documents.walk_complaints(walk, 2, tmp_path)) == 1
    assert documents.walk_complaints(["a.py", "c.py"], 3, tmp_path) == [
        "nothing before it in the walk imports c.py"
    ]
    assert documents.walk_complaints(["a.py", "gone.py"], 3, tmp_path) == ["there is no gone.py"]
    assert len(documents.walk_complaints([], 3, tmp_path)) == 1


@pytest.mark.parametrize(
    "text, complaints",
    [
        ("- **batch**: some rows.\n- **head**, **heads of words**: frequent.\n- **a body**: some.\n", 0),
        ("- **thing**: unused.\n", 1),
        ("- **batch**: one\n  two\n  three\n", 1),
        ("- **batch**: once.\n- **batch**: twice.\n", 1),
    ],
)
def test_control_terms(text: str, complaints: int):
    assert (
        len(documents.term_complaints(text, "batches of the head, _heads_of_words, a bodies")) == complaints
    )


def test_control_sections():
    assert documents.section("# A\n\none\n## B\ntwo\n", "A") == "\none\n"
    with pytest.raises(LookupError, match="no heading 'C'"):
        documents.section("# A\n", "C")
