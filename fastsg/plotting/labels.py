"""Labels beside points, where no other label is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fonts import drawn, families_for
from .picture import INK, Axes, matplotlib, told_letters

#: Where a label may be, in points from its own: beside, above, below, at the corners; and how it is aligned.
_PLACES = (
    (4, 0, "left", "center"), (-4, 0, "right", "center"), (0, 4, "center", "bottom"),
    (0, -4, "center", "top"), (4, 4, "left", "bottom"), (4, -4, "left", "top"), (-4, 4, "right", "bottom"),
    (-4, -4, "right", "top"),
)  # fmt: skip
_PADDING = 1.0  # pixels around a label


def label_points(
    ax: Axes,
    points: NDArray[np.float64],
    words: Sequence[str],
    *,
    size: float = 9.0,
    colours: Sequence[str] | None = None,
    needed: int = 0,
) -> list[str]:
    """Write words beside their points, the first ones first; one that fits nowhere is left out.

    Parameters
    ----------
    points : ndarray (n, 2)     In data coordinates. The limits of the axes must be those of the picture.
    size : float                Of letters, in points.
    colours : sequence of str   One for each word.
    needed : int                So many of the first words are written even where they overlap others.

    Returns
    -------
    list of str                 The words that were written.
    """
    with told_letters():
        ax.figure.draw_without_rendering()  # the layout must be what it will be: sizes are in pixels
    backend = matplotlib("matplotlib.backends.backend_agg")
    renderer = backend.RendererAgg(ax.figure.bbox.width, ax.figure.bbox.height, ax.figure.dpi)
    families, taken, written = families_for(words), [ax.get_window_extent(renderer)], []
    for i, word in enumerate(words):
        colour = INK if colours is None else colours[i]
        label = ax.annotate(
            drawn(word).replace("$", r"\$"),  # no word is a formula
            tuple(points[i]),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=size,
            color=colour,
            fontfamily=families,
        )
        with told_letters():
            is_put = _put(label, taken, renderer)
        if is_put or i < needed:
            written.append(word)
        else:
            label.remove()
    return written


def _put(label: Any, taken: list[Any], renderer: Any) -> bool:
    """Move a label to the first place that is free, and inside the axes, the first of those taken."""
    axes, *others = taken
    for dx, dy, side, height in _PLACES:
        label.set(position=(dx, dy), ha=side, va=height)
        box = label.get_window_extent(renderer).padded(_PADDING)
        is_inside = axes.x0 <= box.x0 and box.x1 <= axes.x1 and axes.y0 <= box.y0 and box.y1 <= axes.y1
        if is_inside and not any(box.overlaps(other) for other in others):
            taken.append(box)
            return True
    dx, dy, side, height = _PLACES[0]
    label.set(position=(dx, dy), ha=side, va=height)
    return False
