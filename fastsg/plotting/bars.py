"""Neighbours of a word as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import KeyedVectors, checks
from .fonts import drawn, families_for
from .picture import BLUE, ORANGE, Axes, checked_vectors, known_words, new_axes


class Predicts(Protocol):
    """What tells P(context|center): SkipGram and SoftmaxModel."""

    def predict_proba(self, centers: Sequence[str | int]) -> NDArray[np.float64]:
        """P(context|center), (n, K)."""


def plot_neighbours(
    vectors: KeyedVectors,
    word: str,
    topn: int = 10,
    *,
    model: Predicts | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The nearest words as bars of their cosines; beside these P(n|m), how likely each is around the word.

    Parameters
    ----------
    word : str                      m, the center.
    topn : int                      How many neighbours n.
    model : SkipGram, SoftmaxModel  Of the same words in the same order; without it there is no P(n|m).
    ax : Axes                       Where to draw; by default on a new figure.

    Raises
    ------
    KeyError                        The word is not known; the message suggests close ones.
    TypeError, ValueError           An argument is not as above; names it.
    ImportError                     matplotlib is not installed.
    """
    checked_vectors(vectors)
    (word,) = known_words(vectors, [word])
    near = vectors.most_similar(word, topn=checks.integer("topn", topn, 1))
    if not near:
        raise ValueError(f"word: there is no other word than {word!r}")
    probabilities = None if model is None else _probabilities(vectors, model, word)
    ax = new_axes(ax, 7, 1.5 + 0.35 * len(near))
    words, families = [other for other, _ in near], families_for([word, *(other for other, _ in near)])
    places, height = np.arange(len(near)), 0.7 if model is None else 0.38
    upper = places if model is None else places - height / 2
    ax.barh(upper, [cosine for _, cosine in near], height, color=BLUE, label="cosine (lower axis)")
    ax.set_yticks(places, list(map(drawn, words)), fontfamily=families, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel("cosine")
    ax.set_ylabel("nearest words")
    title = f"Words nearest to {drawn(word)}"
    if probabilities is not None:
        title += ", and how likely each is around it"
        values = [float(probabilities[vectors.get_index(other)]) for other in words]
        _draw_probabilities(ax, places + height / 2, values, height)
    ax.set_title(title, fontfamily=families, parse_math=False)
    return ax


def _probabilities(vectors: KeyedVectors, model: Predicts, word: str) -> NDArray[np.float64]:
    if not callable(getattr(model, "predict_proba", None)):
        raise TypeError(f"model is a {type(model).__name__}; it must be a SkipGram or a SoftmaxModel")
    found: NDArray[np.float64] = model.predict_proba([word])[0]
    if len(found) != len(vectors):
        raise ValueError(f"model has {len(found)} words and vectors {len(vectors)}; they must be the same")
    return found


def _draw_probabilities(
    ax: Axes, places: NDArray[np.floating[Any]], values: list[float], height: float
) -> None:
    """Bars on an axis of their own above: probabilities are thousandths where cosines are halves."""
    above = ax.twiny()
    bars = above.barh(
        places,
        [100 * value for value in values],
        height,
        color=ORANGE,
        hatch="//",
        edgecolor="white",
        linewidth=0,
        label="P(n|m) (upper axis)",
    )
    above.set_xlabel("P(n|m), %")
    ax.set_ylim(len(values) + 0.3, -0.7)  # room for the legend
    ax.legend(handles=[ax.containers[0], bars], loc="lower center", ncols=2)
