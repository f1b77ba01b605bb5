"""The documentation site without building it: what is on it, and the small extensions in docs/_ext."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from urllib.parse import quote

import pytest
from architecture import documents
from architecture.sources import ROOT, read
from browsers import chromium
from conftest import needs_checkout

import fastsg
from fastsg import KeyedVectors
from fastsg.cli import parse
from fastsg.cli.completion import flags_of

pytestmark = needs_checkout
DOCS = ROOT / "docs"
COMMANDS = parse(["completion", "bash"]).commands.choices


def toctree(path) -> list[str]:
    """What the toctrees of a page name."""
    blocks = re.findall(r"^```\{toctree\}\n(.*?)^```", read(path), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]


def undocumented(names: Iterable[str], text: str) -> list[str]:
    """Names that no directive of autodoc is about, itself or as a member of its module."""
    listed = set(re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.MULTILINE))
    return [name for name in names if not {name, name.rpartition(".")[0]} & listed]


def public_names() -> list[str]:
    """The names of the package, those of files by tests/golden.json, and what smaller modules hand out."""
    names = [f"fastsg.{name}" for name in fastsg.__all__ if name != "__version__"]
    golden = json.loads(read(ROOT / "tests" / "golden.json"))["names"]
    names += ["fastsg.io." + name.rpartition(".")[2] for name in golden if name.startswith("io.")]
    for module in ("compat", "graph", "plotting", "explorer", "datasets"):
        names += [f"fastsg.{module}.{name}" for name in importlib.import_module(f"fastsg.{module}").__all__]
    return [*names, "fastsg.sklearn.SkipGramVectorizer", "fastsg.vectors.UsearchIndexer"]


def test_every_page_is_in_one_toctree():
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in documents.pages()]
    named = [name for path in documents.pages() for name in toctree(path)]
    assert sorted([*named, "index"]) == sorted(pages)


def test_the_first_page_links_every_page_of_its_toctree():
    links = set(documents.LINK.findall(read(DOCS / "index.md")))
    assert {f"{name}.md" for name in toctree(DOCS / "index.md")} <= links


def test_every_command_has_its_place():
    page = read(DOCS / "commands.md")
    assert re.findall(r"^## fastsg (\S+)\n\n```\{command\} (\S+)\n```$", page, re.MULTILINE) == [
        (name, name) for name in COMMANDS
    ]


def test_every_public_name_is_described():
    text = "\n".join(map(read, (DOCS / "api").glob("*.md")))
    assert undocumented(public_names(), text) == []


def test_control_undocumented_names():
    text = ".. autoclass:: fastsg.A\n.. automodule:: fastsg.b\n"
    names = ["fastsg.A", "fastsg.b.C", "fastsg.D", "fastsg.c.A"]
    assert undocumented(names, text) == ["fastsg.D", "fastsg.c.A"]


# ---- docs/_ext -------------------------------------------------------------------------------------------


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch):
    """Modules of docs/_ext by name."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return importlib.import_module


def test_docstrings_in_one_column(extension):
    lines = """\
About it.

Parameters
----------
path : str                  A file,
                            or a folder.
a, b,
c
    As there.
n : int

Returns
-------
list of words, best first; or
None
""".splitlines()
    assert (
        "\n".join(extension("two_columns").one_column(lines))
        == """\
About it.

Parameters
----------
path : str
    A file,
    or a folder.
a, b, c
    As there.
n : int

Returns
-------
list of words, best first; or None"""
    )


def test_a_docstring_of_ours_has_no_second_column_left(extension):
    lines = extension("two_columns").one_column(inspect.getdoc(KeyedVectors.most_similar).splitlines())
    assert "topn : int or None" in lines and "    How many; None returns all similarities instead." in lines
    assert not [line for line in lines if re.search(r"\S {4,}\S", line)]


def test_drawings_are_literal(extension):
    lines = ["About it.", "", "    a -> b", "", "    c", "", "More::", "", "    d"]
    drawn = ["About it.", "", "::", "", "    a -> b", "", "    c", "", "More::", "", "    d"]
    assert extension("two_columns").with_drawings(lines) == drawn


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_all_its_flags_on_the_site(extension, name: str):
    pytest.importorskip("sphinx", reason="needs sphinx")
    flags = {flag for known in flags_of(COMMANDS[name]) for flag in known.names} - {"-h", "--help"}
    text = extension("command_pages").page(COMMANDS[name])
    shown = re.findall(r"^````\{option\} (.*)$", text, re.MULTILINE)
    assert flags and flags <= {word for names in shown for word in re.split(r"[, ]+", names)}
    assert "%(" not in text and text.count("```text") == 1


@pytest.mark.parametrize(
    "text, terms",
    [
        ("词向量, vectors", ["词", "向", "量", "词向", "向量", "vectors"]),
        ("min_count EarlyStopping", ["min_count", "min", "count", "EarlyStopping", "Early", "Stopping"]),
        ("P(n|m) .vec 2026", ["P", "n", "m", "vec", "2026"]),
    ],
)
def test_search_terms(extension, text: str, terms: list[str]):
    pytest.importorskip("sphinx", reason="needs sphinx")
    assert extension("two_language_search").EnglishAndChinese({}).split(text) == terms


SMALL_SITE = {
    "conf.py": "import sys\nsys.path.insert(0, {ext!r})\nextensions = ['two_language_search']\n"
    "html_search_language = 'en-zh'\n",
    "index.rst": "Start\n=====\n\n.. toctree::\n\n   stop\n   zh\n\nWords of a text.\n",
    "stop.rst": "Stopping\n========\n\nGive it an EarlyStopping, or ``min_count``.\n",
    "zh.rst": "文档\n====\n\n这里说明怎样训练词向量。\n",
}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory):
    """A function that asks the search of a small site, opened as a file, for the titles it finds."""
    pytest.importorskip("sphinx", reason="needs sphinx")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    folder = tmp_path_factory.mktemp("site")
    for name, text in SMALL_SITE.items():
        (folder / name).write_text(text.replace("{ext!r}", repr(str(DOCS / "_ext"))), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "sphinx", "-qW", str(folder), str(folder / "out")]
    subprocess.run(command, check=True)
    with api.sync_playwright() as play:
        page = chromium(play).new_page()

        def ask(query: str) -> list[str]:
            page.goto(f"{(folder / 'out' / 'search.html').as_uri()}?q={quote(query)}")
            page.wait_for_function("document.querySelector('.search-summary')?.innerText")
            return sorted(page.eval_on_selector_all("ul.search > li > a", "all => all.map(a => a.innerText)"))

        yield ask


@pytest.mark.parametrize(
    "query, titles",
    [
        ("early stopping", ["Stopping"]),
        ("EarlyStopping", ["Stopping"]),
        ("min-count", ["Stopping"]),
        ("min_count", ["Stopping"]),
        ("词向量", ["文档"]),
        ("训练词向量", ["文档"]),
        ("向词", []),
        ("nowhere", []),
    ],
)
def test_the_search_finds_names_and_chinese(search, query: str, titles: list[str]):
    assert search(query) == titles
