"""What bench/tokenizing.py makes of a segmented text and of answers. Nothing is trained."""

import importlib

import pytest
from architecture.sources import ROOT
from conftest import needs_checkout

pytestmark = needs_checkout


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("tokenizing")


@pytest.mark.parametrize(
    "line, expected",
    [
        ("我 来到 北京 。\n", "我来到北京。\n"),
        ("2015 年 5 月 23 : 40\n", "2015年5月23:40\n"),
        ("乐队 The Who 的 CD 8 张\n", "乐队The Who的CD 8张\n"),
        ("  一  二 \n", "一二\n"),
        ("Ｗｅｂ ２ ０\n", "Ｗｅｂ２０\n"),
    ],
)
def test_raw_text(bench, line, expected):
    assert bench.raw(line) == expected


def test_a_part_of_the_text(bench, tmp_path):
    (tmp_path / "text").write_text("我 来到 北京\n" * 9, encoding="utf-8")
    segmented, joined = bench.write_texts(tmp_path / "text", tmp_path, 20)
    assert joined.read_text(encoding="utf-8") == "我来到北京\n" * 2
    assert segmented.read_text(encoding="utf-8") == "我 来到 北京\n" * 2


def test_rho_is_of_the_pairs_chosen(bench):
    found = {("a", "b"): 0.1, ("a", "c"): 0.2, ("b", "c"): 0.9, ("x", "y"): -1.0}
    scores = {("a", "b"): 1.0, ("a", "c"): 2.0, ("b", "c"): 3.0, ("x", "y"): 9.0}
    assert bench.rho(found, scores, list(found)[:3]) == pytest.approx(1)
    assert bench.rho(found, scores, found) == pytest.approx(-0.2)


def test_the_table(bench):
    row = {"name": "char", "mb_per_s": 123.4, "tokens": 12345, "types": 99, "K": 88, "pairs": 7}
    result = {"common_pairs": 5, "rows": [row | {"rho": 0.25, "rho_common": 0.5}]}
    head, _, line = bench.table(result).splitlines()
    assert "rho of the 5 pairs that all know" in head
    assert line == "| `char` | 123 | 12,345 | 88 | 7 | 0.250 | 0.500 |"
    assert bench.table(result, "zh").splitlines()[2] == line and "5 对" in bench.table(result, "zh")
