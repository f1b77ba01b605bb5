"""docs/features.md: what is claimed is tested, and what is lacking has its reason."""

from __future__ import annotations

import ast
import re

import pytest
from architecture import documents
from architecture.sources import ROOT, read

TITLES = ("Objective and corpus", "Training and measurement", "Output, queries, packaging")
MARKS = {"Y", "N", "~", "–"}
TEST = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def names_of_tests(source: str) -> set[str]:
    """Names of the tests in a file."""
    nodes = ast.walk(ast.parse(source))
    return {
        node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def known_tests() -> dict[str, set[str]]:
    """The tests of each file."""
    return {path.name: names_of_tests(read(path)) for path in (ROOT / "tests").glob("test_*.py")}


def complaints(table: list[list[str]], known: dict[str, set[str]]) -> list[str]:
    """Rows with a cell too few or an empty one, tests that do not exist, claims without test or reason."""
    head, *rows = table
    found = []
    for row in rows:
        feature, mark, evidence = row[0], row[1], row[-1]
        named = TEST.findall(evidence)
        words = re.findall(r"\w+", TEST.sub("", evidence))
        if len(row) != len(head) or not all(row):
            found.append(f"{feature}: a cell is missing")
        if mark not in MARKS:
            found.append(f"{feature}: {mark} is no mark")
        if mark in "Y~" and not named:
            found.append(f"{feature}: no test")
        if mark in "N~" and len(words) < 5:
            found.append(f"{feature}: no reason")
        found += [
            f"{feature}: there is no {name}::{test}"
            for name, test in named
            if test not in known.get(name, ())
        ]
        if evidence.count("::") != len(named):
            found.append(f"{feature}: a test that cannot be read")
    return found


@pytest.mark.parametrize("title", TITLES)
def test_claims_are_tested_and_gaps_have_reasons(title: str):
    table = documents.table(read(ROOT / "docs" / "features.md"), title)
    assert table[0][0] == "Feature" and table[0][1] == "fastsg" and len(table) >= 15
    assert complaints(table, known_tests()) == []


def test_every_feature_stands_once():
    page = read(ROOT / "docs" / "features.md")
    features = [row[0] for title in TITLES for row in documents.table(page, title)[1:]]
    assert len(features) == len(set(features)) >= 50


@pytest.mark.parametrize(
    "row, says",
    [
        ("| a | Y | Y | `test_x.py::test_b` |", ""),
        ("| a | N | N | since b is c, d and e |", ""),
        ("| a | ~ | Y | as far as b goes, and no further: `test_x.py::test_b` |", ""),
        ("| a | Y | Y | it is plain that it does |", "a: no test"),
        ("| a | Y | Y | `test_x.py::test_gone` |", "a: there is no test_x.py::test_gone"),
        ("| a | Y | Y | `test_y.py::test_b` |", "a: there is no test_y.py::test_b"),
        ("| a | Y | Y | `test_x.py::test_b`, test_x.py::test_c |", "a: a test that cannot be read"),
        ("| a | N | Y | not yet |", "a: no reason"),
        ("| a | ~ | Y | `test_x.py::test_b` |", "a: no reason"),
        ("| a | yes | Y | `test_x.py::test_b` |", "a: yes is no mark"),
        ("| a | Y |  | `test_x.py::test_b` |", "a: a cell is missing"),
        ("| a | Y | `test_x.py::test_b` |", "a: a cell is missing"),
    ],
)
def test_control_complaints(row: str, says: str):
    page = f"## T\n\n| Feature | fastsg | gensim | why |\n|---|---|---|---|\n{row}\n"
    found = complaints(
        documents.table(page, "T"), {"test_x.py": names_of_tests("def test_b(): ...\ndef c(): ...")}
    )
    assert (found == []) if not says else (says in found)
