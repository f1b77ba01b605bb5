"""The neighbours of a word in two models."""

from __future__ import annotations

from .. import KeyedVectors, checks
from .fonts import drawn, families_for
from .picture import BLUE, QUIET, Axes, checked_vectors, known_words, new_axes


def plot_comparison(
    first: KeyedVectors,
    second: KeyedVectors,
    word: str,
    topn: int = 10,
    *,
    names: tuple[str, str] = ("first", "second"),
    ax: Axes | None = None,
) -> Axes:
    """The nearest words by both, best at the top, with lines between those that both have.

    Parameters
    ----------
    first, second : KeyedVectors    They may have other words, and other sizes.
    word : str                      In both.
    topn : int                      How many neighbours.
    names : two of str              What the models are called in the picture.
    ax : Axes                       Where to draw; by default on a new figure.

    Raises
    ------
    KeyError                        The word is not in one of them; the message suggests close ones.
    TypeError, ValueError           An argument is not as above; names it.
    ImportError                     matplotlib is not installed.
    """
    topn = checks.integer("topn", topn, 1)
    called = [str(name) for name in checks.listed("names", names)]
    if len(called) != 2:
        raise ValueError(f"names has {len(called)} names; it must have two")
    lists: list[list[tuple[str, float]]] = []
    for name, vectors in (("first", first), ("second", second)):
        checked_vectors(vectors, name)
        (word,) = known_words(vectors, [word])
        lists.append(vectors.most_similar(word, topn=topn))
    ranks = [{other: rank for rank, (other, _) in enumerate(near, 1)} for near in lists]
    shared = ranks[0].keys() & ranks[1].keys()
    most = max(map(len, lists))
    ax = new_axes(ax, 7, 1.5 + 0.33 * most)
    families = families_for([word, *called, *ranks[0], *ranks[1]])
    for other in shared:
        ends = ranks[0][other], ranks[1][other]
        ax.plot([0, 1], ends, color=BLUE, linewidth=1.5, marker="o", markersize=3)
    for x, side, near in ((-0.03, "right", lists[0]), (1.03, "left", lists[1])):
        for rank, (other, cosine) in enumerate(near, 1):
            ax.text(
                x,
                rank,
                f"{drawn(other)}  {cosine:.2f}" if x < 0 else f"{cosine:.2f}  {drawn(other)}",
                ha=side,
                va="center",
                color=BLUE if other in shared else QUIET,
                fontweight="bold" if other in shared else "normal",
                fontfamily=families,
                parse_math=False,
            )
    ax.set(xlim=(-0.9, 1.9), ylim=(most + 0.7, 0.3), yticks=range(1, most + 1))
    ax.set_ylabel("rank (1: nearest)")
    ax.set_xticks([0, 1], list(map(drawn, called)), fontfamily=families, parse_math=False)
    ax.set_xlabel("model; numbers are cosines, bold words are in both lists")
    title = f"Words nearest to {drawn(word)}: {len(shared)} of {most} in both"
    ax.set_title(title, fontfamily=families, parse_math=False)
    return ax
