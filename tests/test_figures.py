"""Tables of measurements are what bench/figures.py writes from bench/results/: a number typed in is seen."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from architecture import documents
from architecture.sources import ROOT, read
from conftest import needs_checkout

pytestmark = needs_checkout


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/figures.py."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("figures")


def loose_tables(text: str) -> list[str]:
    """Rows of tables with a digit that stand between no marks."""
    outside = re.sub(r"<!-- figures: \w+ -->.*?<!-- end -->", "", text, flags=re.DOTALL)
    return [line for line in outside.splitlines() if line.startswith("|") and re.search(r"\d", line)]


def test_pages_are_what_the_files_give(figures):
    pages = figures.pages()
    assert ROOT / "README.md" in pages
    for page in pages:
        assert figures.rewritten(read(page)) == read(page), f"{page.name}: run python bench/figures.py"


def test_every_table_measured_in_the_readme_comes_from_a_file():
    assert loose_tables(documents.section(read(ROOT / "README.md"), "Measured")) == []


def test_every_file_is_shown(figures):
    shown = {name for page in figures.pages() for name in re.findall(r"<!-- figures: (\w+) -->", read(page))}
    files = {path.stem for path in figures.RESULTS.glob("*.json")}
    assert shown == {name for name in files if name.partition("_")[0] in figures.WRITERS}


def test_control_a_typed_number_is_seen(figures):
    text = read(ROOT / "README.md")
    number = re.search(r"<!-- figures: step -->\n.*?(\d) s \|", text, re.DOTALL)
    typed = text[: number.start(1)] + str((int(number[1]) + 1) % 10) + text[number.end(1) :]
    assert figures.rewritten(typed) == text != typed


def test_control_tables_outside(figures):
    text = "| a |\n|---|\n| 1 |\n<!-- figures: x -->\n| 2 |\n<!-- end -->\n"
    assert loose_tables(text) == ["| 1 |"]


MACHINE = {
    "cpu": "a CPU",
    "cores": 2,
    "threads": 2,
    "compiler": "gcc",
    "python": "3",
    "numpy": "2",
}


def test_means_over_seeds_and_how_far_they_are_apart(figures, tmp_path: Path):
    row = {"seconds": 4.0, "peak_rss_bytes": 2**30, "K": 1234, "kind": "fastsg", "name": "fastsg"}
    rows = [
        row | {"WS-353": 0.6, "analogies": 0.4, "nll": 6.9},
        row | {"WS-353": 0.61, "analogies": 0.41, "nll": 6.7},
        row | {"kind": "gensim", "name": "gensim", "RG-65": 0.5},
        {"kind": "gensim", "name": "gensim, broken", "error": "exit code 1"},
    ]
    (tmp_path / "quality_x.json").write_text(json.dumps({"machine": MACHINE, "rows": rows}))
    marked = "before\n<!-- figures: quality_x -->\nold\n<!-- end -->\nafter\n"
    text = figures.rewritten(marked, tmp_path)
    assert text.startswith("before\n<!-- figures: quality_x -->\n\n| ")
    assert text.endswith("\n\n<!-- end -->\nafter\n")
    assert "|  | time | peak memory | analogies | WS-353 | RG-65 | held-out |" in text
    assert "| fastsg | 4.0 s | 1,024 MiB | 40.5 % | .605 |  | 6.800 |" in text
    assert "| gensim | 4.0 s | 1,024 MiB |  |  | .500 |  |" in text
    words = " ".join(text.split())
    assert "Means over runs with different seeds: 2 of fastsg; 1 of gensim. From the lowest to" in words
    assert "the highest of fastsg: time 0.0 s, peak memory 0 MiB, analogies 1.0 %, WS-353 .010" in words
    assert "2 cores of a CPU" in text and "broken" not in text
    assert figures.rewritten(text, tmp_path) == text
