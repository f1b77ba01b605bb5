"""Cosines of words with each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import KeyedVectors
from ..vectors import unit_rows
from .fonts import drawn, families_for
from .picture import Axes, checked_vectors, known_words, new_axes

_WITH_NUMBERS = 15  # more words leave no room for them


def plot_heatmap(vectors: KeyedVectors, words: Iterable[str], *, ax: Axes | None = None) -> Axes:
    """Cosines of some words with each other as colours, and as numbers where there are at most 15 words.

    Parameters
    ----------
    words : iterable of str     At least two.
    ax : Axes                   Where to draw; by default on a new figure.

    Raises
    ------
    KeyError                    A word is not known; the message suggests close ones.
    TypeError, ValueError       An argument is not as above; names it.
    ImportError                 matplotlib is not installed.
    """
    checked_vectors(vectors)
    chosen = known_words(vectors, words, 2)
    unit = unit_rows(vectors[chosen]).astype(np.float64)
    cosines = unit @ unit.T
    side = max(4.0, 1.5 + 0.42 * len(chosen))
    ax = new_axes(ax, side + 1, side)
    image = ax.imshow(cosines, cmap="cividis", vmin=min(0.0, float(cosines.min())), vmax=1.0)
    families, places, shown = families_for(chosen), range(len(chosen)), list(map(drawn, chosen))
    ax.set_xticks(places, shown, rotation=45, ha="right", rotation_mode="anchor", fontfamily=families)
    ax.set_yticks(places, shown, fontfamily=families)
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_parse_math(False)
    if len(chosen) <= _WITH_NUMBERS:
        for (i, j), cosine in np.ndenumerate(cosines):
            dark = image.norm(cosine) < 0.55
            text = f"{cosine:.2f}".replace("-0.00", "0.00")
            ax.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ax.set_title(f"Cosines of {len(chosen)} words")
    ax.set_xlabel("word")
    ax.set_ylabel("word")
    ax.figure.colorbar(image, ax=ax, label="cosine")
    return ax
