"""What notebooks show: tables of results that are plain lists all the same, progress bars, the tutorial."""

import copy
import json
import pickle
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from commands import ROOT
from conftest import PROJECT, needs_checkout

from fastsg import Callback, CooccurrenceCounts, EncodedCorpus, KeyedVectors, SkipGram, Vocab
from fastsg.system.notebook import html_table, in_notebook
from fastsg.system.progress import is_shown
from fastsg.vectors import Ranking

SENTENCES = [["a", "b", "c", "<script>alert(1)</script>"], ["b", "a", "c"]] * 20
SCRIPT = SENTENCES[0][-1]


@pytest.fixture(scope="module")
def model():
    return SkipGram(SENTENCES, vector_size=4, min_count=1, epochs=2, validation=SENTENCES, sample=0.1)


def cells(table):
    """The text of the cells of each line of an HTML table."""
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]


# ---- results ----


def results(model):
    """What queries answer, with what their numbers are."""
    wv = model.wv
    return {
        "most_similar": (wv.most_similar("a"), "cosine"),
        "batch": (wv.most_similar_batch(["a", "b"])[1], "cosine"),
        "by vector": (wv.similar_by_vector(wv["a"], topn=2), "cosine"),
        "cosmul": (wv.most_similar_cosmul("a", "b"), "score"),
        "predict_context": (model.predict_context("a", 3), "probability"),
        "nothing": (wv.most_similar("a", topn=0), "cosine"),
        "nothing of many": (wv.most_similar_batch(["a"], topn=0)[0], "cosine"),
    }


@pytest.mark.parametrize("name", list(results(SkipGram(SENTENCES, vector_size=2, min_count=1, epochs=1))))
def test_results_are_lists_and_tables(model, name):
    found, measure = results(model)[name]
    plain = list(found)
    assert isinstance(found, list) and type(plain) is list
    assert found == plain and plain == found
    assert repr(found) == repr(plain) and json.dumps(found) == json.dumps(plain)
    assert all(type(pair) is tuple and type(pair[0]) is str and type(pair[1]) is float for pair in found)
    copies = pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)
    for again in (*copies, found[:], found + []):
        assert type(again) is list and again == plain
    head, *rows = cells(found._repr_html_())
    assert head == ["", "word", measure] and len(rows) == len(plain)
    for number, (row, (_, value)) in enumerate(zip(rows, plain, strict=True), 1):
        assert row[0] == str(number) and row[2] == f"{value:.4f}"


def test_a_pickle_needs_no_fastsg(model):
    assert b"fastsg" not in pickle.dumps(model.wv.most_similar("a"))


def test_all_cosines_are_no_table(model):
    assert type(model.wv.most_similar("a", topn=None)) is np.ndarray


# ---- words are text, never markup ----


def shown(model):
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(SENTENCES, min_count=1))
    return {
        "wv": model.wv,
        "vocab": model.vocab,
        "counts": counts,
        "ranking": model.wv.most_similar("a"),
        "contexts": model.predict_context("a"),
    }


@pytest.mark.parametrize("name", ["wv", "vocab", "counts", "ranking", "contexts"])
def test_a_word_is_no_markup(model, name):
    table = shown(model)[name]._repr_html_()
    assert SCRIPT not in table and "&lt;script&gt;alert(1)&lt;/script&gt;" in table


def test_control_markup_is_seen():
    assert SCRIPT in f"<td>{SCRIPT}</td>" and SCRIPT not in html_table(SCRIPT, [SCRIPT], [[SCRIPT]])


def test_cells():
    table = html_table("T", ["a", "b"], [["x & y", 12345], [None, 0.5], ["\ud800", 1e-9]], more=1200)
    assert "<caption>T</caption>" in table and "… and 1,200 more" in table
    assert cells(table)[:4] == [["a", "b"], ["x &amp; y", "12,345"], ["", "0.5000"], ["\\ud800", "1e-09"]]
    assert "more" not in html_table("T", ["a"], [["x"]]) and "caption" not in html_table("", ["a"], [])
    table.encode()  # a lone surrogate could not be


# ---- vectors, words, counts, history ----


def test_vectors():
    words = [f"w{i}" for i in range(12)]
    table = KeyedVectors(words, np.eye(12, dtype=np.float32) * 2, range(12, 0, -1))._repr_html_()
    assert "KeyedVectors: 12 words x 12, float32" in table and "… and 2 more" in table
    head, first, *_ = cells(table)
    assert head == ["row", "word", "count", "length"] and first == ["0", "w0", "12", "2.0000"]
    head, first = cells(KeyedVectors(["a"], np.ones((1, 1), np.float32))._repr_html_())
    assert head == ["row", "word", "length"] and first == ["0", "a", "1.0000"]
    assert cells(KeyedVectors([], np.ones((0, 1), np.float32))._repr_html_()) == [["row", "word", "length"]]


def test_vocabulary():
    table = Vocab(["x", "y"], [3, 1])._repr_html_()
    assert "Vocab: 2 words, 4 tokens" in table
    assert cells(table)[1:] == [["0", "x", "3", "0.7500"], ["1", "y", "1", "0.2500"]]


def test_counts():
    counts = CooccurrenceCounts.from_arrays([0, 0, 1], [0, 1, 0], [2.0, 1.0, 5.0], ["x", "y"])
    assert "CooccurrenceCounts: 2 words, 3 entries, 8 pairs" in counts._repr_html_()
    assert cells(counts._repr_html_())[1:] == [["y", "5.0000", "x 5.0"], ["x", "3.0000", "x 2.0, y 1.0"]]
    counted = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(SENTENCES, min_count=1), window=(2, 1))
    assert "window [2, 1]" in counted._repr_html_()


def test_history(model):
    head, *rows = cells(model.history._repr_html_())
    assert head[:3] == ["epoch", "text", "words"] and "held-out loss" in head
    assert [row[:3] for row in rows] == [["1", "thinned", "4"], ["2", "whole", "4"]]
    assert rows[1][head.index("held-out loss")] == f"{model.history[1]['valid_nll']:.4f}"
    assert model.history == list(model.history) and json.loads(json.dumps(model.history)) == model.history
    without = SkipGram(SENTENCES, vector_size=2, min_count=1, epochs=1).history
    del without[0]["thinned"], without[0]["alpha"]
    (head, row) = cells(without._repr_html_())
    assert "held-out loss" not in head and row[1] == "unknown"
    assert SkipGram().history == [] and "No epoch" in SkipGram().history._repr_html_()


def test_history_of_a_file_and_of_a_pickle(model, tmp_path):
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m")
    assert loaded.history._repr_html_() == model.history._repr_html_()
    again = pickle.loads(pickle.dumps(model.history))
    assert again == model.history and again._repr_html_() == model.history._repr_html_()


def test_control_a_plain_list_is_no_table(model):
    assert not hasattr(list(model.history), "_repr_html_") and hasattr(Ranking([], "x"), "_repr_html_")


# ---- progress ----


@pytest.mark.parametrize("config, expected", [({"IPKernelApp": {}}, True), ({}, False), (None, False)])
def test_bars_are_shown_in_a_notebook(monkeypatch, capsys, config, expected):
    """Where standard error is no terminal. IPython in a terminal has no kernel, nor has a program."""
    shell = None if config is None else SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook() is is_shown(None) is expected
    assert is_shown(False) is False


# ---- an interrupted cell ----


class Interrupt(Callback):
    """Ends a training as an interrupted cell does, after so many batches."""

    def __init__(self, batches):
        self.batches = batches

    def on_batch_end(self, model):
        self.batches -= 1
        if not self.batches:
            raise KeyboardInterrupt


@pytest.mark.parametrize("solver", ["counts", "sgd"])
@pytest.mark.parametrize("batches", [1, 4])
def test_an_interrupted_model_answers_and_goes_on(solver, batches):
    options = {
        "vector_size": 4,
        "min_count": 1,
        "epochs": 3,
        "solver": solver,
        "batch_size": 2,
        "progress": True,
    }
    model = SkipGram(**options)
    model.build_vocab(SENTENCES)
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[Interrupt(batches)])
    done = len(model.history)
    assert len(model.wv.most_similar("a")) == 3 and len(cells(model.wv._repr_html_())) == 5
    assert sum(p for _, p in model.predict_context("a")) == pytest.approx(1)
    assert model.perplexity(SENTENCES) > 1 and model.history._repr_html_()
    model.train(resume=True)
    assert len(model.history) == 3 > done
    assert np.array_equal(model.I, SkipGram(SENTENCES, **options).I)


# ---- the tutorial ----

TUTORIAL = PROJECT / "docs" / "tutorial.ipynb"


@needs_checkout
def test_the_tutorial_is_kept_without_outputs():
    cells_of = json.loads(TUTORIAL.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells_of if cell["cell_type"] == "code"]
    assert len(code) >= 8
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.fixture
def jupyter(monkeypatch):
    """Lets kernels find the package under test; skips without the extra `notebook`."""
    for name in ("nbclient", "ipykernel", "ipywidgets", "matplotlib"):
        pytest.importorskip(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def outputs(cell):
    """What a cell shows, by type."""
    found = {}
    for output in cell["outputs"]:
        for kind, data in output.get("data", {"text": output.get("text", "")}).items():
            found.setdefault(kind, []).append(data)
    return found


@needs_checkout
def test_the_tutorial_runs(jupyter, tmp_path):
    import nbclient
    import nbformat

    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbclient.execute(notebook, cwd=str(tmp_path), timeout=200)
    found = {cell["source"]: outputs(cell) for cell in notebook.cells if cell["cell_type"] == "code"}
    training = found["model.train()"]
    assert "application/vnd.jupyter.widget-view+json" in training and "text" not in training
    assert any("epoch" in text for text in training["text/plain"])
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values()
    bars = [state.state for state in states if state.model_name == "FloatProgressModel"]
    assert bars and {bar.bar_style for bar in bars} <= {"success", ""}  # "danger" is red
    assert any(bar.bar_style == "success" and bar.value >= bar.max * 0.999 for bar in bars)
    for source, kinds in found.items():
        is_table = source.startswith(("model.history", "model.wv", "model.predict"))
        assert not is_table or "<table>" in kinds["text/html"][0], source
        if source.startswith("%matplotlib"):
            assert "image/png" in kinds
    assert (tmp_path / "model").exists()


LONG = """
from fastsg import SkipGram
model = SkipGram(vector_size=64, min_count=1, epochs=10_000, solver="sgd")
model.build_vocab([[f"w{i}" for i in range(j, j + 20)] for j in range(500)])
model.train()
"""
ASKED = "assert model.history and model.wv.most_similar('w1') and model.predict_context('w2')"


def reply_to(client, asked):
    """What a kernel says when a cell is done."""
    while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != asked:
        pass
    return reply["content"]


def test_an_interrupted_cell_leaves_a_model(jupyter, tmp_path):
    """By the signal that a notebook sends, when its bar has been seen."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(tmp_path))  # a kernel forgets the folder it starts in
    try:
        asked = client.execute(LONG, stop_on_error=False)  # or the kernel may drop what comes right behind
        while "3/10000" not in str(client.get_iopub_msg(timeout=60)["content"]):
            pass
        manager.interrupt_kernel()
        assert reply_to(client, asked)["ename"] == "KeyboardInterrupt"
        assert reply_to(client, client.execute(ASKED))["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_numbers_of_numpy_are_numbers():
    table = html_table("", ["a"], [[np.float32(1.5)], [np.int64(3000)], [-0.0], [Ellipsis]])
    assert "1.5000" in table and "3,000" in table and "0.0000" in table and "Ellipsis" in table
    assert "-0.0000" not in table


@pytest.mark.parametrize("stub", [SimpleNamespace(), None])
def test_half_an_ipython_is_none(monkeypatch, stub):
    monkeypatch.setitem(sys.modules, "IPython", stub)
    assert not in_notebook()
