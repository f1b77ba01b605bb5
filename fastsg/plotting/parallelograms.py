"""Analogies as parallelograms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .. import KeyedVectors, checks
from ..vectors import project
from .fonts import drawn, families_for
from .labels import label_points
from .maps import describe_axes
from .picture import BLUE, GREEN, INK, QUIET, RED, Axes, checked_vectors, known_words, new_axes


def plot_analogy(
    vectors: KeyedVectors,
    questions: Iterable[tuple[str, str, str]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Answers to "a is to b as c is to": b - a and d - c as arrows, where d is the word found (3CosAdd).

    Parameters
    ----------
    questions : iterable of (a, b, c)   Such as [("man", "king", "woman")]; all are projected together.
    ax : Axes                           Where to draw; by default on a new figure.

    Raises
    ------
    KeyError                            A word is not known; the message suggests close ones.
    TypeError, ValueError               An argument is not as above; names it.
    ImportError                         matplotlib is not installed.
    """
    checked_vectors(vectors)
    rows = [_answered(vectors, question) for question in checks.listed("questions", questions)]
    if not rows:
        raise ValueError("questions is empty; it must have at least one (a, b, c)")
    words = list(dict.fromkeys(word for row in rows for word in row))
    found = project(vectors[words])
    place = dict(zip(words, found.points, strict=True))
    ax = new_axes(ax)
    ax.scatter(*found.points.T, s=18, c=BLUE, linewidths=0, zorder=3)
    for a, b, c, d in rows:
        _arrow(ax, place[a], place[b], BLUE, "-")
        _arrow(ax, place[c], place[d], RED, "-")
        for one, other in ((a, c), (b, d)):
            ax.plot(*np.transpose([place[one], place[other]]), color=QUIET, linestyle=":", linewidth=1)
    ax.margins(0.18)
    describe_axes(ax, found)
    shown = ["{} : {} = {} : {}".format(*map(drawn, row)) for row in rows[:3]]
    title = "; ".join(shown) + ", …" * (len(rows) > 3)
    ax.set_title(f"{title}\n(last words are the answers)", fontfamily=families_for([title]), parse_math=False)
    answers = {row[3] for row in rows}
    colours = [GREEN if word in answers else INK for word in words]
    label_points(ax, found.points, words, colours=colours, needed=len(words))
    return ax


def _answered(vectors: KeyedVectors, question: object) -> tuple[str, str, str, str]:
    """The three words of a question and the answer."""
    asked = checks.listed("questions", question)
    if len(asked) != 3:
        raise ValueError(f"questions: {checks.shown(question)} has {len(asked)} words; each must have three")
    a, b, c = known_words(vectors, asked, 3)
    answers = vectors.most_similar(positive=[b, c], negative=[a], topn=1)
    if not answers:
        raise ValueError(f"questions: there is no word besides {a}, {b} and {c}")
    return a, b, c, answers[0][0]


def _arrow(ax: Axes, start: NDArray[np.float64], end: NDArray[np.float64], colour: str, style: str) -> None:
    ax.annotate(
        "",
        xy=tuple(end),
        xytext=tuple(start),
        arrowprops={"arrowstyle": "-|>", "color": colour, "linestyle": style, "shrinkA": 3, "shrinkB": 3},
    )
