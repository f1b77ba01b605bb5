"""Pictures: what is in them, not their pixels, which go by fonts; skipped without matplotlib.

The axes of a picture tell what was drawn. Pixels are looked at with a tolerance: whether something was drawn,
and nothing cut off.
"""

import io
import json
import logging
import math
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from fastsg import KeyedVectors, SkipGram, plotting
from fastsg.model.report import build_report, json_text
from fastsg.plotting import fonts, picture
from fastsg.plotting.labels import label_points

matplotlib = pytest.importorskip("matplotlib", reason="needs matplotlib")

SENTENCES = [["a", "b", "c", "d"], ["b", "a", "d"], ["e", "f", "a"]] * 30
SUFFIXES = (".png", ".svg", ".pdf")


@pytest.fixture
def wv(rng):
    return KeyedVectors([f"w{k}" for k in range(60)], rng.standard_normal((60, 8)).astype(np.float32))


@pytest.fixture(scope="module")
def model():
    return SkipGram(SENTENCES, vector_size=4, min_count=1, epochs=4, validation=SENTENCES[:5], progress=False)


def texts_of(ax):
    """Everything that is written on axes and their figure."""
    return [text.get_text() for text in ax.figure.findobj(matplotlib.text.Text) if text.get_text()]


def described(ax):
    """Whether a picture has a title and both axes have a name."""
    return bool(ax.get_title() and ax.get_xlabel() and ax.get_ylabel())


def every_picture(wv, model):
    return {
        "loss": plotting.plot_loss(model),
        "map": plotting.plot_map(wv),
        "neighbours": plotting.plot_neighbours(wv, "w3"),
        "analogy": plotting.plot_analogy(wv, [("w1", "w2", "w3")]),
        "heatmap": plotting.plot_heatmap(wv, ["w1", "w2", "w3"]),
        "comparison": plotting.plot_comparison(wv, wv, "w3"),
    }


# ---- what all have in common ----


def test_titles_axes_and_units(wv, model):
    found = every_picture(wv, model)
    assert [name for name, ax in found.items() if not described(ax)] == []
    assert "nats" in found["loss"].get_ylabel() and "cosine" in found["neighbours"].get_xlabel()
    assert "% of the variance" in found["map"].get_xlabel()


def test_control_a_missing_name_is_seen(wv):
    ax = plotting.plot_heatmap(wv, ["w1", "w2"])
    ax.set_xlabel("")
    assert not described(ax)


def test_drawn_on_the_axes_given(wv, model):
    figure = matplotlib.figure.Figure()
    ax, other = figure.subplots(1, 2)
    assert plotting.plot_loss(model, ax=ax) is ax and plotting.plot_map(wv, ax=other) is other
    assert plotting.plot_heatmap(wv, ["w1", "w2"]).figure is not figure
    with pytest.raises(TypeError, match="ax is a Figure; it must be an Axes"):
        plotting.plot_map(wv, ax=figure)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_and_the_same_bytes_again(wv, model, tmp_path, suffix):
    def written_anew(name):
        folder = tmp_path / name
        folder.mkdir()
        for kind, ax in every_picture(wv, model).items():
            plotting.save_picture(ax, folder / (kind + suffix))
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first, again = written_anew("first"), written_anew("again")
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert len(first) == 6 and first == again
    assert all(content.startswith(start) and len(content) > 2000 for content in first.values())


def test_words_that_cannot_be_drawn_as_they_are(rng, model, tmp_path, recwarn):
    """Control characters, which XML forbids, and a word as long as a page."""
    words = ["a\x01b", "\x1b[31m", "$x$", "y" * 3000, *(f"w{k}" for k in range(6))]
    odd = KeyedVectors(words, rng.standard_normal((10, 4)).astype(np.float32))
    pictures = every_picture(odd, model) | {
        "neighbours": plotting.plot_neighbours(odd, words[0]),
        "analogy": plotting.plot_analogy(odd, [words[:3]]),
        "heatmap": plotting.plot_heatmap(odd, words),
        "comparison": plotting.plot_comparison(odd, odd, words[3], names=words[:2]),
    }
    for kind, ax in pictures.items():
        plotting.save_picture(ax, path := tmp_path / f"{kind}.svg")
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert not recwarn.list


@pytest.mark.parametrize("path", ["a.jpg", "a", "a.png.gz", "png"])
def test_other_suffixes_are_refused(wv, tmp_path, path):
    with pytest.raises(ValueError, match=r"a picture must end in \.png, \.svg, \.pdf"):
        plotting.save_picture(plotting.plot_heatmap(wv, ["w1", "w2"]), tmp_path / path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_picture(wv, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    ax = plotting.plot_heatmap(wv, ["w1", "w2"])
    monkeypatch.setattr(type(ax.figure), "savefig", lambda self, file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plotting.save_picture(ax, path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_without_matplotlib_the_extra_is_named():
    code = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
from fastsg import KeyedVectors, plotting
try:
    plotting.plot_map(KeyedVectors(["a", "b"], np.eye(2)))
except ImportError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == 'pictures need matplotlib: pip install "fastsg[plot]"'


def test_matplotlib_comes_with_the_first_picture():
    code = "import sys, fastsg.plotting, fastsg.cli; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_colours_can_be_told_apart():
    """By lightness too, which nobody fails to see: of any two at least a tenth apart, but one pair."""
    colours = [getattr(picture, name) for name in ("BLUE", "ORANGE", "GREEN", "RED", "PURPLE", "INK")]
    parts = [matplotlib.colors.to_rgb(colour) for colour in colours]
    light = sorted(0.2126 * r**2.2 + 0.7152 * g**2.2 + 0.0722 * b**2.2 for r, g, b in parts)
    assert light[0] < 0.05 and light[-1] > 0.4 and len(set(colours)) == 6


# ---- losses ----


def test_losses_of_a_model_and_of_its_report(model):
    for source in (model, build_report(model), json.loads(json_text(build_report(model)))):
        ax = plotting.plot_loss(source)
        lines = {line.get_label(): line for line in ax.get_lines()}
        K = len(model.vocab)
        assert lines[f"ln K, K = {K:,}: all words equally likely"].get_ydata()[0] == math.log(K)
        held_out = lines["held-out text"].get_ydata()
        assert list(held_out) == [record["valid_nll"] for record in model.history]
        shown = [y for name, line in lines.items() if name.startswith("pairs") for y in line.get_ydata()]
        assert set(shown) <= {record["nll"] for record in model.history}
        (unigram,) = (line for name, line in lines.items() if name.startswith("unigram, held-out"))
        assert unigram.get_ydata()[0] == model.history[-1]["valid_unigram_nll"]


def test_the_kind_of_text_is_marked_and_kinds_are_not_joined():
    kinds = [(True, 9), (True, 5), (True, 5), (False, 5), (False, 9), (None, 9)]
    epochs = [{"nll": 3.0 + n, "thinned": t, "words": w} for n, (t, w) in enumerate(kinds)]
    ax = plotting.plot_loss({"epochs": epochs, "vocabulary_size": 9})
    said = [" ".join(text.get_text().split()) for text in ax.texts]
    assert said == [
        "thinned text all words",
        "thinned text 5 words",
        "whole text 5 words",
        "whole text all words",
        "text not known all words",
    ]
    groups = [list(line.get_xdata()) for line in ax.get_lines() if line.get_label().startswith("pairs")]
    assert groups == [[1], [2, 3], [4], [5], [6]]


def test_what_is_not_there_is_left_out():
    epochs = [{"nll": None, "words": 5}, {"nll": 2.0, "valid_nll": None}]
    ax = plotting.plot_loss({"epochs": epochs, "vocabulary_size": 9, "restored_epoch": 1})
    assert any("put back" in text for text in texts_of(ax))
    assert not any("held-out" in text for text in texts_of(ax))


@pytest.mark.parametrize(
    "source, error, says",
    [
        (5, TypeError, "source is a int; it must be a SkipGram or a report"),
        ({}, ValueError, "no report of a training: KeyError"),
        ({"epochs": [], "vocabulary_size": 5}, ValueError, "source tells of no epoch"),
        ({"epochs": [{"nll": "x"}], "vocabulary_size": 5}, ValueError, "'x' is no number"),
        ({"epochs": 5, "vocabulary_size": 5}, ValueError, "no report"),
        ({"epochs": [{"nll": 1}], "vocabulary_size": 0}, ValueError, "no epoch"),
        (SkipGram(), ValueError, "source tells of no epoch"),
    ],
)
def test_sources_that_are_no_training(source, error, says):
    with pytest.raises(error, match=says):
        plotting.plot_loss(source)


# ---- maps and their labels ----


def written(ax):
    return [text.get_text() for text in ax.texts]


def test_maps_of_frequent_words_of_a_list_and_of_a_neighbourhood(wv):
    assert set(written(plotting.plot_map(wv, topn=5))) <= set(wv.index_to_key[:5])
    assert set(written(plotting.plot_map(wv, ["w9", "w50", "w9"]))) == {"w9", "w50"}
    near = plotting.plot_map(wv, around="w7", topn=4)
    assert set(written(near)) <= {"w7", *(word for word, _ in wv.most_similar("w7", topn=4))}
    assert "w7" in written(near) and len(near.collections[0].get_offsets()) == 5


def overlaps(ax):
    """Pairs of labels that overlap, in the picture as it is drawn."""
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    return [(i, j) for i in range(len(boxes)) for j in range(i) if boxes[i].overlaps(boxes[j])]


def test_labels_do_not_overlap(rng):
    wv = KeyedVectors(["word" * (k % 3 + 1) + str(k) for k in range(400)], rng.standard_normal((400, 3)))
    ax = plotting.plot_map(wv, topn=400)
    assert 40 < len(ax.texts) < 400 and overlaps(ax) == []
    assert written(ax)[:2] == wv.index_to_key[:2]  # the frequent ones first


def test_control_overlapping_labels_are_seen(rng):
    ax = matplotlib.figure.Figure().add_subplot()
    points = rng.random((100, 2))
    assert len(label_points(ax, points, [f"word{k}" for k in range(100)], needed=100)) == 100
    assert overlaps(ax)


# ---- neighbours, analogies, cosines ----


def test_bars_are_cosines_and_probabilities(model):
    word = "a"
    ax = plotting.plot_neighbours(model.wv, word, 3, model=model)
    near = model.wv.most_similar(word, topn=3)
    assert [label.get_text() for label in ax.get_yticklabels()] == [other for other, _ in near]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([cosine for _, cosine in near])
    (above,) = (other for other in ax.figure.axes if other is not ax)
    P = model.predict_proba([word])[0]
    wanted = [100 * P[model.vocab.index[other]] for other, _ in near]
    assert [bar.get_width() for bar in above.patches] == pytest.approx(wanted)
    assert above.get_xlabel() == "P(n|m), %"
    assert len(plotting.plot_neighbours(model.wv, word).figure.axes) == 1


def test_analogies_are_parallelograms(wv):
    questions = [("w1", "w2", "w3"), ("w4", "w5", "w6")]
    ax = plotting.plot_analogy(wv, questions)
    answers = [wv.most_similar([b, c], [a], topn=1)[0][0] for a, b, c in questions]
    assert set(written(ax)) - {""} == {word for row in questions for word in row} | set(answers)
    assert len(ax.get_lines()) == 4 and all(answer in ax.get_title() for answer in answers)


def test_cosines_as_colours_and_numbers(wv):
    ax = plotting.plot_heatmap(wv, ["w1", "w2", "w3"])
    cosines = ax.images[0].get_array()
    assert cosines[0, 2] == pytest.approx(wv.similarity("w1", "w3"), abs=1e-6)
    assert written(ax)[1] == f"{wv.similarity('w1', 'w2'):.2f}" and len(ax.texts) == 9
    assert len(plotting.plot_heatmap(wv, wv.index_to_key[:20]).texts) == 0


def test_shared_neighbours_are_joined(wv, rng):
    other = KeyedVectors(wv.index_to_key, wv.vectors + 1.5 * rng.standard_normal((60, 8)).astype(np.float32))
    ax = plotting.plot_comparison(wv, other, "w3", names=("one", "two"))
    near = [{word for word, _ in vectors.most_similar("w3")} for vectors in (wv, other)]
    assert 0 < len(ax.get_lines()) == len(near[0] & near[1]) < 10
    assert f"{len(near[0] & near[1])} of 10 in both" in ax.get_title()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two"]


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda wv: plotting.plot_map([1]), TypeError, "vectors is a list; it must be KeyedVectors"),
        (lambda wv: plotting.plot_map(wv, ["nowhere"]), KeyError, "nowhere"),
        (lambda wv: plotting.plot_map(wv, "w1"), TypeError, "words is 'w1'"),
        (lambda wv: plotting.plot_map(wv, []), ValueError, "words has 0 different words"),
        (lambda wv: plotting.plot_map(wv, ["w1"], around="w2"), ValueError, "words and around"),
        (lambda wv: plotting.plot_map(wv, topn=0), ValueError, "topn is 0"),
        (lambda wv: plotting.plot_map(wv, projection="x"), ValueError, "method is 'x'; allowed are"),
        (lambda wv: plotting.plot_neighbours(wv, "nowhere"), KeyError, "nowhere"),
        (lambda wv: plotting.plot_neighbours(wv, "w1", model=5), TypeError, "model is a int"),
        (lambda wv: plotting.plot_analogy(wv, []), ValueError, "questions is empty"),
        (lambda wv: plotting.plot_analogy(wv, [("w1", "w2")]), ValueError, "2 words; each must have three"),
        (lambda wv: plotting.plot_analogy(wv, [("w1", "w1", "w2")]), ValueError, "at least 3"),
        (lambda wv: plotting.plot_heatmap(wv, ["w1", "w1"]), ValueError, "words has 1 different words"),
        (lambda wv: plotting.plot_comparison(wv, 5, "w1"), TypeError, "second is a int"),
        (lambda wv: plotting.plot_comparison(wv, wv, "w1", names=("a",)), ValueError, "names has 1 names"),
    ],
)
def test_wrong_arguments(wv, call, error, says):
    with pytest.raises(error, match=says):
        call(wv)


def test_a_model_of_other_words_is_refused(wv, model):
    words = KeyedVectors(["a", "b"], np.eye(2))
    with pytest.raises(ValueError, match="model has 6 words and vectors 2"):
        plotting.plot_neighbours(words, "a", model=model)


# ---- letters ----


def test_words_are_no_formulas(wv, tmp_path):
    odd = KeyedVectors(["$x$", "a_b^c", "\\frac", "$", "#%&"], np.eye(5, 8, dtype=np.float32) + 0.1)
    for n, ax in enumerate(
        (
            plotting.plot_map(odd),
            plotting.plot_neighbours(odd, "$x$"),
            plotting.plot_heatmap(odd, odd.index_to_key),
            plotting.plot_analogy(odd, [("$x$", "$", "#%&")]),
            plotting.plot_comparison(odd, odd, "$x$", names=("$x$", "$")),
        )
    ):
        plotting.save_picture(ax, tmp_path / f"{n}.png")


def test_letters_of_other_fonts(caplog, monkeypatch):
    """A font that has them is found if there is one, and otherwise a message says what to install."""
    assert fonts.families_for(["plain", "naïve", "Ωж"]) == ["DejaVu Sans"] and not caplog.records
    letters = {"own": frozenset("ab"), "zh": frozenset("京"), "x": frozenset("都x"), "dir": frozenset()}
    files = {"DejaVu Sans": "own", "Zh": "zh", "WenQuanYi Zen Hei": "x", "Empty": "dir"}
    monkeypatch.setattr(fonts, "_letters", letters.__getitem__)
    monkeypatch.setattr(fonts, "_files", lambda: files)
    monkeypatch.setattr(fonts, "_look_for_new_fonts", lambda: None)
    with caplog.at_level(logging.WARNING):
        assert fonts.families_for(["a京 都\n"]) == ["DejaVu Sans", "WenQuanYi Zen Hei", "Zh"]
        assert not caplog.records
        assert fonts.families_for(["a京字"]) == ["DejaVu Sans", "Zh"]
    assert "no font of this machine has 字: install one" in caplog.text and "fonts-noto-cjk" in caplog.text


def test_fonts_of_this_machine(monkeypatch):
    """Files of fonts are found and read; the font that has a box for every letter is none of them."""
    files = fonts._files()
    assert "DejaVu Sans" in files and not any(name.startswith("Last Resort") for name in files)
    letters = fonts._letters(files["DejaVu Sans"])
    assert {"a", "é"} <= letters and "京" not in letters
    assert fonts._letters(__file__) == frozenset()
    fonts._look_for_new_fonts()


# ---- pixels ----


def pixels(ax):
    """A picture as drawn: (height, width, 3), from 0 to 1."""
    file = io.BytesIO()
    ax.figure.savefig(file, format="png", dpi=60)
    file.seek(0)
    return matplotlib.image.imread(file)[..., :3]


def test_what_is_drawn_is_seen(wv, model):
    """Ink between a hundredth and most of a picture, and none at its border: nothing is cut off."""
    for name, ax in every_picture(wv, model).items():
        image = pixels(ax)
        ink = (image < 0.9).any(axis=2)
        assert 0.01 < ink.mean() < 0.9, name
        assert not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any()), name


def test_control_what_is_cut_off_is_seen(wv):
    ax = plotting.plot_neighbours(wv, "w3")
    ax.figure.set_layout_engine("none")
    ax.set_position((0, 0, 1, 1))
    ink = (pixels(ax) < 0.9).any(axis=2)
    assert ink[:, 0].any()
