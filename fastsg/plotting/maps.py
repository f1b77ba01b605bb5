"""A map of words."""

from __future__ import annotations

from collections.abc import Iterable

from .. import KeyedVectors, checks
from ..vectors import Projection, project
from .fonts import drawn, families_for
from .labels import label_points
from .picture import BLUE, INK, RED, Axes, checked_vectors, known_words, new_axes

_TITLES = {"tsne": "t-SNE", "umap": "UMAP"}


def plot_map(
    vectors: KeyedVectors,
    words: Iterable[str] | None = None,
    *,
    around: str | None = None,
    topn: int = 150,
    projection: str = "pca",
    seed: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """Words as points of the plane, projected together; those that are written overlap nowhere.

    Parameters
    ----------
    words : iterable of str     Which ones; without them the `topn` first words, usually the most frequent.
    around : str                Instead: this word and the `topn` nearest ones.
    projection, seed            See :func:`fastsg.vectors.project`.
    ax : Axes                   Where to draw; by default on a new figure.

    Raises
    ------
    KeyError                    A word is not known; the message suggests close ones.
    TypeError, ValueError       An argument is not as above; names it.
    ImportError                 matplotlib, or what the projection needs, is not installed.
    """
    checked_vectors(vectors)
    topn = checks.integer("topn", topn, 1)
    if words is not None and around is not None:
        raise ValueError("words and around are two ways to say which words; give one of them")
    chosen, title = _chosen(vectors, words, around, topn)
    found = project(vectors[chosen], projection, seed)
    ax = new_axes(ax, 8, 7)
    colours = [RED if word == around else INK for word in chosen]
    dots = [RED if word == around else BLUE for word in chosen]
    ax.scatter(*found.points.T, s=10, c=dots, linewidths=0)
    ax.margins(0.08)
    describe_axes(ax, found)
    ax.set_title(title, fontfamily=families_for([title]), parse_math=False)
    label_points(ax, found.points, chosen, colours=colours, needed=int(around is not None))
    return ax


def describe_axes(ax: Axes, found: Projection) -> None:
    """What the two axes are. Equal lengths on them are equal distances."""
    ax.set_aspect("equal", adjustable="datalim")
    if found.shares is None:
        names = [f"{_TITLES[found.method]}, coordinate {i} (no unit)" for i in (1, 2)]
    else:
        names = [
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(found.shares, 1)
        ]
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])


def _chosen(
    vectors: KeyedVectors, words: Iterable[str] | None, around: str | None, topn: int
) -> tuple[list[str], str]:
    if words is not None:
        chosen = known_words(vectors, words)
        return chosen, f"{len(chosen)} words"
    if around is not None:
        (middle,) = known_words(vectors, [around])
        chosen = [middle, *(word for word, _ in vectors.most_similar(middle, topn=topn))]
        return chosen, f"{drawn(middle)} and the {len(chosen) - 1} words nearest to it"
    if not len(vectors):
        raise ValueError("vectors: there are no words")
    return vectors.index_to_key[:topn], f"The first {min(topn, len(vectors)):,} of {len(vectors):,} words"
