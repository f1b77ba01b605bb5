"""fastsg demo, run as a newcomer would."""

import json

from commands import python

from fastsg.cli.demo import FILES
from fastsg.io.word2vec import load_word2vec


def test_demo_end_to_end(tmp_path):
    done = python("-m", "fastsg", "demo", folder=tmp_path, timeout=None)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / FILES["report"]).read_text())
    last = report["epochs"][-1]
    assert last["valid_nll"] < report["valid_unigram_nll"] - 0.15
    assert [epoch["valid_nll"] for epoch in report["epochs"]] == sorted(
        (epoch["valid_nll"] for epoch in report["epochs"]), reverse=True
    )
    words, I = load_word2vec(tmp_path / FILES["vectors"])
    assert len(words) == report["vocabulary_size"] == len(I)
    lines = [line.split(":", 1) for line in done.stdout.splitlines() if ", " in line and ":" in line]
    neighbours = {
        word.strip(): {near.strip() for near in near_words.split(",")} for word, near_words in lines
    }
    relatives = {  # which of them comes first depends on the Python whose documentation was read
        "list": {"tuple", "lists", "dict", "sequence", "dictionary"},
        "integer": {"int", "integers", "float"},
        "exception": {"error", "exceptions", "attributeerror", "runtimeerror"},
        "function": {"method", "functions", "callable"},
    }
    for word, some in relatives.items():
        assert neighbours[word] & some, word
    for file in FILES.values():
        assert (tmp_path / file).exists() and file in done.stdout
    assert "Traceback" not in done.stderr


def test_demo_says_where_it_cannot_write(tmp_path):
    done = python("-m", "fastsg", "demo", "--folder", tmp_path / "missing")
    assert done.returncode == 1 and "--folder" in done.stderr and len(done.stderr.strip().splitlines()) == 1
