"""fastsg explore."""

import shlex

import pytest
from commands import TEXT
from pages import network_complaints, words_of

from fastsg.cli import explore, main


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, capsys):
    """Each test works in a folder with a model and its parts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    line = (
        "train text.txt -o v.vec --save-output o.vec --save-bias bias --save-model m "
        "--quiet --vector-size 8 --min-count 1 --epochs 1"
    )
    assert main(line.split()) == 0
    capsys.readouterr()
    return tmp_path


def run(line):
    return main(["explore", *shlex.split(line)])


def test_a_model_and_its_parts_give_the_same_page(place, capsys):
    assert run("m -o a.html --title x") == 0
    assert run("v.vec --output-vectors o.vec --bias bias -o b.html --title x") == 0
    a, b = ((place / name).read_text(encoding="utf-8") for name in ("a.html", "b.html"))
    assert network_complaints(a) == [] and words_of(a)["hasContexts"]
    assert words_of(a).pop("counts") and not words_of(b)["counts"]
    assert a[a.index("vectors-scales") :] == b[b.index("vectors-scales") :]
    out = capsys.readouterr().out
    assert out.startswith("a.html: ") and "P(context|center)" in out and " MiB; " in out


def test_what_is_said_is_said_before_the_page_is_written(place, capsys, monkeypatch):
    def broken(self, path):
        raise OSError("planted")

    monkeypatch.setattr(explore.Page, "save", broken)
    assert run("m -o a.html") == 1
    said = capsys.readouterr()
    assert said.out.startswith("a.html: ") and "planted" in said.err


def test_quiet_and_title_and_limit(place, capsys):
    assert run("v.vec -o a.html --limit 3 --quiet") == 0
    assert capsys.readouterr().out == ""
    text = (place / "a.html").read_text(encoding="utf-8")
    assert "<h1>v.vec</h1>" in text and len(words_of(text)["words"]) == 3
    assert not words_of(text)["hasContexts"]


def test_a_model_of_other_vectors_has_no_contexts(place, capsys):
    line = "train text.txt --save-model s --vectors sum --quiet --vector-size 8 --min-count 1"
    assert main(line.split()) == 0
    assert run("s -o a.html") == 0
    assert "its sum vectors" in capsys.readouterr().err
    assert not words_of((place / "a.html").read_text(encoding="utf-8"))["hasContexts"]


@pytest.mark.parametrize(
    "line, says",
    [
        ("missing -o a.html", "missing"),
        ("v.vec -o no/a.html", "--output: there is no folder"),
        ("v.vec -o v.vec", "--output and vectors name the same file"),
        ("v.vec -o -", "--output is '-'"),
        ("v.vec -o a.html.gz", "--output"),
        ("v.vec -o a.html --bias bias", "--bias is for P(context|center), which needs --output-vectors"),
        ("v.vec -o a.html --output-vectors o.vec", "need the constants added to the logits: --bias F"),
        ("m -o a.html --bias bias", "the model m has its own"),
        ("v.vec -o a.html --limit 0", "limit is 0"),
        ("v.vec -o a.html --seed -1", "seed is -1"),
    ],
)
def test_errors(place, capsys, line, says):
    assert run(line) == 1
    assert says in capsys.readouterr().err and not (place / "a.html").exists()
