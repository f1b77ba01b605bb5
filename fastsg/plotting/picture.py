"""What all pictures share: matplotlib when it is needed, axes, colours, files."""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

from .. import KeyedVectors, checks
from ..system import atomic_write

#: Axes of matplotlib, which need not be installed; its types go by its version.
Axes: TypeAlias = Any

#: Suffixes of pictures: points, and twice lines and letters that stay sharp at any size.
SUFFIXES = (".png", ".svg", ".pdf")
#: Okabe and Ito's colours, which all kinds of colour-blindness tell apart.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
INK, QUIET = "#222222", "#8a8f98"
_DOTS_PER_INCH = 150
# The time of writing is left out, and ids in SVG files follow from this: the same picture, the same bytes.
_SALT = "fastsg"
_NO_DATE: dict[str, dict[str, Any]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None, "ModDate": None},
}


def matplotlib(module: str = "matplotlib") -> Any:
    """A module of matplotlib; ImportError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError('pictures need matplotlib: pip install "fastsg[plot]"') from None


def new_axes(ax: Axes | None, width: float = 7.0, height: float = 5.0) -> Axes:
    """The Axes given, or those of a new figure of so many inches."""
    axes, figure = matplotlib("matplotlib.axes"), matplotlib("matplotlib.figure")
    if ax is None:
        return figure.Figure(figsize=(width, height), layout="constrained").add_subplot()
    if not isinstance(ax, axes.Axes):
        raise TypeError(f"ax is a {type(ax).__name__}; it must be an Axes of matplotlib")
    return ax


def checked_vectors(vectors: KeyedVectors, name: str = "vectors") -> None:
    """TypeError unless they are KeyedVectors."""
    if not isinstance(vectors, KeyedVectors):
        raise TypeError(f"{name} is a {type(vectors).__name__}; it must be KeyedVectors, such as model.wv")


def known_words(vectors: KeyedVectors, words: object, least: int = 1) -> list[str]:
    """The words asked for, each once; KeyError for one that is not known, ValueError for too few."""
    asked = list(dict.fromkeys(checks.listed("words", words)))
    if len(asked) < least:
        raise ValueError(f"words has {len(asked)} different words; it must have at least {least}")
    return [vectors.index_to_key[vectors.get_index(word)] for word in asked]


def check_picture(path: str | os.PathLike[str], name: str = "path") -> str:
    """The suffix of a picture, in lower case; ValueError that names those allowed for any other."""
    path = checks.path(name, path)
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{name} is {path!r}; a picture must end in {', '.join(SUFFIXES)}")
    return suffix


def save_picture(ax: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure that Axes belong to, as a whole or not at all.

    What is drawn by the same calls, with the same matplotlib and fonts, gives the same bytes.

    Raises
    ------
    ValueError      The suffix is not one of ``fastsg.plotting.SUFFIXES``.
    OSError         Writing failed; the old file is untouched.
    """
    suffix = check_picture(path)
    figure = new_axes(ax).figure
    # letters of SVG stay text, which can be searched and copied
    settings = matplotlib().rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none"})
    with settings, told_letters(), atomic_write(path) as file:
        figure.savefig(file, format=suffix[1:], dpi=_DOTS_PER_INCH, metadata=_NO_DATE[suffix])


@contextlib.contextmanager
def told_letters() -> Iterator[None]:
    """Without matplotlib's warning for each letter that no font has: one message has told of all of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield
