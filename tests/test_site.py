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
from conftest import needs_checkout, slow

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
    "conf.py": "import sys\nsys.path.insert(0, {ext!r})\n"
    "extensions = ['two_language_search', 'myst_parser']\nhtml_search_language = 'en-zh'\n",
    "index.md": "# Start\n\n```{toctree}\nstop\nzh\nforget\napi\ncosts\nlong\n```\n\nWords of a text.\n",
    "stop.md": "# Stopping\n\nGive it an EarlyStopping, or `min_count`.\n",
    "zh.md": "# 文档\n\n这里说明怎样训练词向量。\n",
    "forget.md": "# Updating\n\nA document goes.\n\n<!-- searched for: GDPR, warm,\nstart, deletion\n-->\n",
    "api.md": "# A list\n\n## Forecast\n\nBatches.\n",
    "costs.md": "# Costs\n\n## Forecast\n\nBatches.\n",
    "long.md": f"# Above\n\nA document: forecast, batches, {' '.join(f'x{i}y' for i in range(99))}.\n",
}


@pytest.fixture(scope="module")
def ask():
    """A function that asks the search of a site, opened as a file, for the addresses and titles it finds."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as play:
        page = chromium(play).new_page()

        def titles(site, query: str) -> list[tuple[str, str]]:
            page.goto(f"{(site / 'search.html').as_uri()}?q={quote(query)}")
            page.wait_for_function("document.querySelector('.search-summary')?.innerText")
            found = "all => all.map(a => [a.getAttribute('href'), a.innerText])"
            return [tuple(each) for each in page.eval_on_selector_all("ul.search > li > a", found)]

        yield titles


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory):
    """Where a site of some lines is built."""
    pytest.importorskip("myst_parser", reason="needs myst-parser")
    folder = tmp_path_factory.mktemp("site")
    for name, text in SMALL_SITE.items():
        (folder / name).write_text(text.replace("{ext!r}", repr(str(DOCS / "_ext"))), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "sphinx", "-qW", str(folder), str(folder / "out")]
    subprocess.run(command, check=True)
    return folder / "out"


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
        # keywords, by their stems and in any case
        ("gdpr", ["Updating"]),
        ("deleting", ["Updating"]),
        ("warm start", ["Updating"]),
        # a word that no page has, and one that another page has
        ("nowhere gdpr", ["Updating"]),
        ("gdpr document", ["Updating"]),
        ("gdpr early", ["Updating", "Stopping"]),
        ("gdpr early x5y", ["Updating", "Stopping", "Above"]),
        # headings before text, short pages before long ones, explanations before lists
        ("forecast batches", ["Costs", "A list", "Above"]),
        ("forecast early min_count", ["Stopping"]),
    ],
)
def test_the_search_finds_names_and_chinese(ask, small_site, query: str, titles: list[str]):
    assert [title for _, title in ask(small_site, query)] == titles


def test_keywords_are_not_shown(ask, small_site):
    page = (small_site / "forget.html").read_text(encoding="utf-8")
    assert "A document goes." in page and not re.search("gdpr|warm|deletion", page, re.IGNORECASE)


def test_keywords_are_single_words_that_are_read(extension):
    pytest.importorskip("sphinx", reason="needs sphinx")
    pattern = extension("two_language_search")._KEYWORDS
    for path in documents.pages():
        text = read(path)
        found = pattern.findall(text)
        assert len(found) == text.count("searched for:"), path
        assert all(re.fullmatch(r"\w+(,\s+\w+)*", words) for words in found), path


#: What readers asked for, and the page that answers.
QUESTIONS = {
    "continue training new files": "updating",
    "reproducible threads seed": "determinism",
    "probability bank near river": "probabilities",
    "GPU Windows macOS ARM": "limits",
    "limits longest word line": "limits",
    "training time memory estimate": "settings",
    "keep vectors comparable update": "updating",
    "stop words subsampling": "training",
    "map of words figure": "pictures",
    "bfloat16 float32": "determinism",
    "window right only": "settings",
    "mmap share memory workers": "training",
    "unseen words vectors": "limits",
    "loss gensim compare": "loss",
    "Chinese tokenizer": "tokenizers",
    "loss nats perplexity": "loss",
    "word senses": "limits",
    "Spearman word pairs": "vectors",
    "gensim Word2Vec arguments": "from_gensim",
    "early stopping": "training",
    "callbacks": "training",
    "logging progress bar": "training",
    "corpus larger than memory": "limits",
    "small corpus settings": "settings",
    "rare words neighbours stable": "settings",
    "exit codes": "training",
    "checkpoint resume": "training",
    "approximate nearest neighbours index": "vectors",
    "remove document counts": "updating",
    "product ids recommendations": "graphs",
}


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory):
    """Where the site is built, by its own tool."""
    for name in ("furo", "myst_parser", "numpydoc"):
        pytest.importorskip(name, reason=f"needs {name}")
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run([sys.executable, str(ROOT / "tools" / "docs"), str(out)], check=True)
    return out


@slow
@pytest.mark.parametrize("query", QUESTIONS)
def test_questions_lead_to_the_page_that_answers(ask, whole_site, query: str):
    assert ask(whole_site, query)[0][0].partition(".html")[0] == QUESTIONS[query]
