"""fastsg eval and analogies, and many words in one call of nn."""

import json
import math

import numpy as np
import pytest
from commands import TEXT, fails, python, run

from fastsg import EncodedCorpus, KeyedVectors, SkipGram
from fastsg.cli import main
from fastsg.cli import query as query_module
from fastsg.io.word2vec import load_word2vec

PAIRS = "cat\tdog\t9\nfish\tmeat\t8\ncat\tmeat\t1\nsees\tnowhere\t5\n"
QUESTIONS = ": one\ncat dog fish meat\ncat dog fish nowhere\n: two\nfish meat cat dog\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, capsys):
    """A folder with a text, a model, its vectors, word pairs and analogies."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("text.txt", TEXT), ("pairs", PAIRS), ("questions", QUESTIONS)):
        (tmp_path / name).write_text(content)
    (tmp_path / "spaced").write_text(PAIRS.replace("\t", " "))
    (tmp_path / "commas").write_text(PAIRS.replace("\t", ","))
    run(capsys, "train text.txt -o v.vec --save-model m --min-count 1 --vector-size 8 --epochs 5 --quiet")
    return tmp_path


def vectors():
    return KeyedVectors(*load_word2vec("v.vec"))


def test_pairs_and_analogies_are_those_of_python(capsys):
    found = json.loads(run(capsys, "eval v.vec --pairs pairs spaced commas --analogies questions --json"))
    (pearson, _), (spearman, p), oov = vectors().evaluate_word_pairs("pairs")
    assert oov == 25 and len(found["pairs"]) == 3
    for row in found["pairs"]:
        assert row["pearson"] == pytest.approx(pearson) and row["spearman"] == pytest.approx(spearman)
        assert row["spearman_p"] == pytest.approx(p) and row["unknown_percent"] == oov
    score, _ = vectors().evaluate_word_analogies("questions")
    (table,) = found["analogies"]
    assert table["correct"] / table["asked"] == score and (table["asked"], table["questions"]) == (2, 3)
    assert [(part["section"], part["asked"]) for part in table["sections"]] == [("one", 1), ("two", 1)]
    assert found["words"] == 8


def test_a_flag_given_again_adds_its_files(capsys):
    line = "eval m --pairs pairs --pairs spaced --analogies questions --analogies questions"
    found = json.loads(run(capsys, f"{line} --perplexity text.txt --perplexity text.txt --json"))
    assert [len(found[name]) for name in ("pairs", "analogies", "perplexity")] == [2, 2, 2]
    reports = [
        json.loads(run(capsys, f"train -o w.vec --quiet --vector-size 4 --json {line}"))
        for line in (
            "--input text.txt --input text.txt --valid text.txt --valid questions",
            "--input text.txt text.txt --valid text.txt questions",
            "--input text.txt --valid questions",
        )
    ]
    tokens = [report["tokens"] for report in reports]
    losses = [report["epochs"][-1]["valid_nll"] for report in reports]
    assert tokens[0] == tokens[1] == 2 * tokens[2] and losses[0] == losses[1] != losses[2]


def test_tables(capsys):
    out = run(capsys, "eval v.vec --pairs pairs --analogies questions --method mul --unknown-is-wrong")
    assert "8 words considered" in out and "25.0 %" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == ["one", "two"]
    assert max(map(len, out.splitlines())) <= 80
    assert "one" not in run(capsys, "eval v.vec --analogies questions --quiet")
    *_, head, _, _, total = run(capsys, "eval v.vec --analogies questions").splitlines()
    assert head.split()[-1] == "unknown" and total.split()[0] == "questions" and total.split()[-1] == "1"


def test_perplexity_of_a_model(capsys):
    (found,) = json.loads(run(capsys, "eval m --perplexity text.txt --json"))["perplexity"]
    model = SkipGram.load("m")
    assert found["nll"] == model.nll(EncodedCorpus.from_files("text.txt", vocab=model.vocab)).nll
    assert found["perplexity"] == pytest.approx(math.exp(found["nll"])) and found["unknown_percent"] == 0
    assert "held-out text" in run(capsys, "eval m --perplexity text.txt")


@pytest.mark.parametrize(
    "line, says",
    [
        ("v.vec", "nothing to judge by"),
        ("v.vec --pairs nowhere", "nowhere"),
        ("v.vec --pairs questions", "questions"),
        ("v.vec --analogies pairs", "pairs"),
        ("v.vec --pairs pairs --restrict-vocab -1", "--restrict-vocab is -1"),
        ("v.vec --pairs pairs --restrict-vocab 1", "of 4 pairs are known"),
        ("v.vec --perplexity text.txt", "no model file"),
        ("nowhere --pairs pairs", "nowhere"),
    ],
)
def test_eval_refuses(capsys, line, says):
    assert says in fails(capsys, f"eval {line}")


# ---- analogies -------------------------------------------------------------------------------------------


def test_analogies_are_most_similar(capsys):
    out = run(capsys, "analogies v.vec cat dog fish fish meat cat -k 2").splitlines()
    assert out[0] == "cat : dog = fish : ?" and out[3] == "fish : meat = cat : ?"
    want = vectors().most_similar(positive=["dog", "fish"], negative=["cat"], topn=2)
    assert [line.split()[1] for line in out[1:3]] == [word for word, _ in want]
    out = run(capsys, "analogies v.vec cat dog fish -k 1 --method mul").split()
    assert out[-1] == vectors().most_similar_cosmul(positive=["dog", "fish"], negative=["cat"], topn=1)[0][0]


def test_analogies_of_standard_input(folder):
    done = python("-m", "fastsg", "analogies", "v.vec", "-k", "1", folder=folder,
                  input="cat dog fish\ncat dog\ncat dog nowhere\n\nfish meat cat\n")  # fmt: skip
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if ":" in line] == [
        "cat : dog = fish : ?",
        "fish : meat = cat : ?",
    ]
    assert "has 2" in done.stderr and "nowhere" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words, says", [("cat dog", "there are 2 words"), ("cat dog fish -k 0", "--topn is 0")]
)
def test_analogies_refuse(capsys, words, says):
    assert says in fails(capsys, f"analogies v.vec {words}")


# ---- many words ------------------------------------------------------------------------------------------


def test_nn_of_many_words_loads_once_and_goes_on(capsys, monkeypatch):
    loads = []
    load = query_module.load_table
    monkeypatch.setattr(query_module, "load_table", lambda *args: loads.append(args) or load(*args))
    assert main(["nn", "v.vec", "cat", "nowhere", "dog", "nosuch", "fish", "-k", "1"]) == 1
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if line[0] != " "] == ["cat", "dog", "fish"]
    assert len(err.splitlines()) == 2 and "nowhere" in err and "nosuch" in err and len(loads) == 1
    assert np.isfinite([float(line.split()[0]) for line in out.splitlines() if line[0] == " "]).all()
