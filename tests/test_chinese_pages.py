"""The Chinese pages say what the English ones say: same rows, headings, code and formulas; their typography.

Their blocks run with those of the other pages.
"""

import json
import re
from pathlib import Path

import pytest
from architecture import documents
from architecture.sources import ROOT, read
from conftest import needs_checkout

pytestmark = needs_checkout
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.zh.md", *sorted((DOCS / "zh").glob("*.md"))]
HAN = "\u4e00-\u9fff"


def pair(name: str) -> tuple[str, str]:
    """The English and the Chinese page of a name."""
    return read(DOCS / name), read(DOCS / "zh" / name)


def headings(text: str) -> list[str]:
    """Headings of a page, without those in blocks of code."""
    return re.findall(r"^#+ .*", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)


def tables(text: str) -> list[list[str]]:
    """For each heading with a table below it, the first cells of its rows."""
    titles = [heading.lstrip("# ") for heading in headings(text)]
    found = ([row[0] for row in documents.table(text, title)[1:]] for title in titles)
    return [rows for rows in found if rows]


def formulas(text: str) -> list[set[str]]:
    """The parts of formulas in each indented line: what no word of a language is."""
    lines = re.findall(r"^    (.*)", text, re.M)
    sign = rf"[^\s{HAN}，（）：,()\[\]]"
    parts = re.compile(rf"{sign}*[_Σ∂√·←∝²]{sign}*")
    return [set(parts.findall(line)) for line in lines]


def code(text: str) -> set[str]:
    """What stands in code spans."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)))


def prose_complaints(text: str) -> list[str]:
    """Half-width punctuation at a Chinese character, and paragraphs of several lines.

    A line break in a paragraph is shown as a blank, which Chinese does not have.
    """
    text = re.sub(r"^```.*?^```|^    .*?$|<!--.*?-->", "", text, flags=re.M | re.S)
    text = re.sub(r"`[^`\n]+`|(?<=\])\([^)\n]*\)", "_", text)
    found = re.findall(rf"[{HAN}][,.;:!?(]|[,;:!?)][{HAN}]|[，。；：！？（）、] [{HAN}]", text)
    plain = rf"(?![#|\-\d<>\s]).*[{HAN}].*"
    return found + re.findall(rf"^{plain}\n{plain}$", text[text.index("写给") :].split("\n\n", 1)[-1], re.M)


# ---- the pages as they are ----


def test_every_difference_from_gensim_stands_in_both():
    ours, theirs = map(tables, pair("from_gensim.md"))
    assert sum(map(len, ours)) >= 100
    assert theirs == ours


def test_the_model_is_the_same():
    ours, theirs = pair("model.md")
    levels = [[heading.split()[0] for heading in headings(text)] for text in (ours, theirs)]
    assert levels[0] == levels[1]
    assert len(formulas(ours)) >= 12 and formulas(theirs) == formulas(ours)
    assert code(theirs) == code(ours)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_typography(path: Path):
    assert prose_complaints(read(path)) == []


def test_readmes_name_each_other():
    assert "](README.zh.md)" in read(ROOT / "README.md") and "](README.md)" in read(ROOT / "README.zh.md")


@pytest.mark.parametrize("language, page", [("en", "tokenizers.md"), ("zh", "zh/tutorial.md")])
def test_the_table_of_tokenizers_is_the_one_measured(monkeypatch, language: str, page: str):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from tokenizing import table

    measured = json.loads(read(ROOT / "bench" / "results" / "tokenizers.json"))
    assert table(measured, language) in read(DOCS / page)


# ---- planted slips ----


def test_control_a_row_that_is_missing_is_seen():
    text = "# T\n\n| call | why |\n|---|---|\n| `a` | 1 |\n| `b` | 2 |\n"
    assert tables(text) == [["`a`", "`b`"]] and tables(text.replace("| `a` | 1 |\n", "")) == [["`b`"]]


def test_control_a_sign_that_differs_is_seen():
    line = "    ∂ log P(n|m) / ∂ I_m = O_n − Σ_j P(j|m) O_j          {}\n"
    assert formulas(line.format("for each")) == formulas(line.format("对每一行"))
    assert formulas(line) != formulas(line.replace("Σ_j", "Σ_n"))


@pytest.mark.parametrize(
    "text, complaints",
    [
        ("# 题\n\n写给\n读者。\n\n一句话，两句话。`a,b`（c）\n\n- 一\n- 二\n", 0),
        ("# 题\n\n写给谁\n\n一句话,两句话。\n", 1),
        ("# 题\n\n写给谁\n\n一句话 (说明)。\n", 0),
        ("# 题\n\n写给谁\n\n一句话(说明)，\n", 1),
        ("# 题\n\n写给谁\n\n一段话，\n写成两行。\n", 1),
        ("# 题\n\n写给谁\n\n```\n一段,\n两行\n```\n", 0),
    ],
)
def test_control_typography(text: str, complaints: int):
    assert len(prose_complaints(text)) == complaints
