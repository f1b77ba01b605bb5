"""The explorer's page: what is in it, that nothing leaves it, what twelve bits cost."""

import os
import re

import numpy as np
import pytest
from conftest import PROJECT, needs_checkout
from pages import block, matrix_of, network_complaints, numbers, words_of

from fastsg import KeyedVectors
from fastsg.explorer import make_page, page, quantised

#: Words that would end a block, begin one, or be a command, if they were taken for more than text.
HOSTILE = ["</script><script>alert(1)</script>", "<!--<script>", "{{style}}", '"\\', "&lt;", "京都", "\u2028"]


def vectors(rng, K=40, H=7, counts=None, words=None):
    words = words or [f"w{k}" for k in range(K)]
    return KeyedVectors(words, rng.standard_normal((K, H)).astype(np.float32), counts)


def text_of(*args, **given):
    return make_page(*args, **given).html.decode()


# ---- what is in it ----


@pytest.mark.parametrize("K, H", [(40, 7), (1, 1), (3, 5)])
def test_vectors_in_twelve_bits(rng, K, H):
    wv, outputs = vectors(rng, K, H), rng.standard_normal((K, H)).astype(np.float32) * 100
    bias = rng.standard_normal(K).astype(np.float32)
    text = text_of(wv, outputs, bias)
    for name, matrix in (("vectors", wv.vectors), ("outputs", outputs)):
        step = np.abs(matrix).max(axis=1, keepdims=True) / 2047
        assert (np.abs(matrix_of(text, name) - matrix) <= 0.51 * step).all()
    assert np.array_equal(numbers(text, "bias", "<f4"), bias)
    assert words_of(text)["words"] == wv.index_to_key and words_of(text)["hasContexts"]


def test_control_eight_bits_are_seen(rng, monkeypatch):
    wv = vectors(rng)
    monkeypatch.setattr(quantised, "_MOST", 127)
    found = matrix_of(text_of(wv), "vectors")
    assert np.abs(found - wv.vectors).max() > np.abs(wv.vectors).max() / 2047


def test_points_keep_their_shape(rng):
    wv = vectors(rng)
    places = numbers(text_of(wv), "points", "<u2").reshape(-1, 2).astype(float)
    extents = np.ptp(places, axis=0)
    assert extents.max() == 65535 and places.min() >= 0
    found = np.ptp(page.project(wv.vectors).points, axis=0)
    assert abs(extents.min() / extents.max() - found.min() / found.max()) < 1e-3


def test_without_outputs_there_are_no_probabilities(rng):
    made = make_page(vectors(rng))
    assert not made.has_contexts and block(made.html.decode(), "outputs") is None


def test_the_most_frequent_words_come_first_and_stay(rng):
    wv = vectors(rng, 5, counts=[1, 5, 3, 5, 2])
    outputs = np.arange(35, dtype=np.float32).reshape(5, 7)
    text = text_of(wv, outputs, np.arange(5, dtype=np.float32), limit=3)
    about = words_of(text)
    assert about["words"] == ["w1", "w3", "w2"] and about["counts"] == [5, 5, 3] and not about["isWhole"]
    assert numbers(text, "bias", "<f4").tolist() == [1, 3, 2]
    assert np.abs(matrix_of(text, "outputs") - outputs[[1, 3, 2]]).max() < 0.01
    assert words_of(text_of(wv, limit=None))["isWhole"]
    assert words_of(text_of(vectors(rng), limit=2))["words"] == ["w0", "w1"]


def test_float64_and_zero_rows(rng):
    matrix = rng.standard_normal((3, 4))
    matrix[1] = 0
    found = matrix_of(text_of(KeyedVectors(["a", "b", "c"], matrix)), "vectors")
    assert np.abs(found - matrix).max() < 2e-3 and not found[1].any()


def test_neighbours_of_twelve_bits(rng):
    """More than 99 of 100 stay; eight bits lose some, and of vectors that are others few are the same."""
    wv = vectors(rng, 3000, 100)
    assert quantised.same_neighbours(wv, quantised.quantise(wv.vectors)) > 0.99
    coarse = quantised.Quantised(np.rint(wv.vectors * 3).astype(np.int16), np.ones(3000, np.float32))
    assert quantised.same_neighbours(wv, coarse) < 0.9
    other = quantised.quantise(vectors(rng, 3000, 100).vectors)
    assert quantised.same_neighbours(wv, other) < 0.1
    assert quantised.same_neighbours(vectors(rng, 1), other) == 1


# ---- nothing leaves it, no word is a command ----


def test_no_network(rng):
    wv = vectors(rng)
    assert network_complaints(text_of(wv, wv.vectors, title="a <b> title")) == []


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("<header>", '<header><img src="https://example.org/x.png">', "address https"),
        ("<header>", "<header><img src=x.png>", "reference to x.png"),
        ("function main()", "fetch('x'); function main()", "fetch()"),
        ("default-src 'none'", "default-src *", "policy"),
        ("<meta http-equiv", "<meta name", "no policy"),
        ("function main()", " function main()", "script that the policy refuses"),
        (":root {", ":root{", "style that the policy refuses"),
        ("* { box-sizing", "@import 'x'; * { box-sizing", "@import"),
    ],
)
def test_control_network(rng, old, new, complaint):
    text = text_of(vectors(rng))
    assert old in text
    assert any(said.startswith(complaint) for said in network_complaints(text.replace(old, new, 1)))


def test_words_are_text(rng):
    wv = vectors(rng, len(HOSTILE), words=HOSTILE)
    plain, text = text_of(vectors(rng, len(HOSTILE))), text_of(wv, title="</title><script>alert(1)</script>")
    assert words_of(text)["words"] == HOSTILE
    assert re.findall(r"<\s*/?script\b[^>]*>", text) == re.findall(r"<\s*/?script\b[^>]*>", plain)
    assert "<title>&lt;/title&gt;" in text and "<!--" not in text


# ---- errors, and the file ----


@pytest.mark.parametrize(
    "given, error, says",
    [
        ({"vectors": [1]}, TypeError, "vectors is a list; it must be KeyedVectors"),
        ({"vectors": KeyedVectors([], np.zeros((0, 7), np.float32))}, ValueError, "there are no words"),
        ({"outputs": np.zeros((2, 7), np.float32)}, ValueError, r"outputs has shape \(2, 7\); it must be"),
        ({"outputs": [1]}, TypeError, "outputs is a list"),
        ({"outputs": np.full((40, 7), np.inf, np.float32)}, ValueError, "outputs: the row of 'w0'"),
        ({"bias": np.zeros(40, np.float32)}, ValueError, "bias needs outputs"),
        (
            {"outputs": np.zeros((40, 7), np.float32), "bias": np.zeros(3, np.float32)},
            ValueError,
            r"bias has shape \(3,\)",
        ),
        (
            {"outputs": np.zeros((40, 7), np.float32), "bias": np.full(40, np.nan, np.float32)},
            ValueError,
            "bias holds numbers that are not finite",
        ),
        ({"limit": 0}, ValueError, "limit is 0"),
        ({"limit": 2.5}, TypeError, "limit is 2.5"),
        ({"title": 5}, TypeError, "title is a int"),
        ({"projection": "mds"}, ValueError, "projection is 'mds'; allowed are 'pca', 'tsne', 'umap'"),
    ],
)
def test_wrong_arguments(rng, given, error, says):
    with pytest.raises(error, match=says):
        make_page(**({"vectors": vectors(rng)} | given))


def test_vectors_that_cannot_be_shown(rng):
    wv = vectors(rng)
    wv.vectors[3, 2] = np.nan
    with pytest.raises(ValueError, match="the vector of word 'w3'"):
        make_page(wv)
    with pytest.raises(ValueError, match="cannot be encoded"):
        make_page(vectors(rng, 1, words=["\ud800"]))


def test_written_whole(rng, tmp_path):
    made = make_page(vectors(rng))
    made.save(tmp_path / "map.html")
    assert (tmp_path / "map.html").read_bytes() == made.html
    with pytest.raises(OSError):
        made.save(tmp_path / "no" / "map.html")
    assert os.listdir(tmp_path) == ["map.html"]


@needs_checkout
def test_the_parts_of_the_page_are_packed():
    folder = PROJECT / "fastsg" / "explorer"
    parts = {path.suffix for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}
    for packing in ("pyproject.toml", "MANIFEST.in"):
        lines = (PROJECT / packing).read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if re.search(r"fastsg.explorer\W", line)]
        assert parts == set(re.findall(r"\*(\.\w+)", line)), packing
