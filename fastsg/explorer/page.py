"""The page: data, style and scripts put into one HTML file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..io.vector_table import check_finite, utf8_words
from ..system.atomic import atomic_write
from ..vectors import KeyedVectors, Projection, project
from .quantised import Quantised, quantise, same_neighbours

#: Words of a page unless told otherwise; the browser searches all of them for each answer.
MOST_WORDS = 100_000
_SCRIPTS = ("store.js", "search.js", "map.js", "panel.js")
_GRID = 65535  # places of a word on each axis of the map
_METHODS = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}


class Page(NamedTuple):
    """A page that was made, and not yet written.

    Attributes
    ----------
    html : bytes                    All of it.
    words, size : int               K and H of what is in it.
    same_neighbours : float         The part of the ten nearest words that the page gives as float32 does,
                                    measured on up to 500 words; the numbers in it have twelve bits.
    has_contexts : bool             It tells P(context|center).
    """

    html: bytes
    words: int
    size: int
    same_neighbours: float
    has_contexts: bool

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, as a whole or not at all."""
        with atomic_write(path) as file:
            file.write(self.html)


def make_page(
    vectors: KeyedVectors,
    outputs: NDArray[np.float32] | None = None,
    bias: NDArray[np.float32] | None = None,
    *,
    title: str = "Words",
    projection: str = "pca",
    limit: int | None = MOST_WORDS,
    seed: int = 1,
) -> Page:
    """A page to look at vectors: a map of the words, neighbours, similarities, analogies, contexts.

    Parameters
    ----------
    vectors : KeyedVectors              At least one word, finite, words that UTF-8 can hold.
    outputs : ndarray (K, H), float32   Output vectors of the same words; `vectors` are then the input
                                        vectors. The page tells P(context|center) with them.
    bias : ndarray (K,) or (0,), float32    Constants added to the logits; none by default.
    title : str                         Heading of the page.
    projection, seed                    See :func:`fastsg.vectors.project`.
    limit : int or None                 The most frequent words, that many; None: all. Probabilities are those
                                        among the words of the page.

    Raises
    ------
    TypeError, ValueError               An argument is not as above; names it.
    ImportError                         The projection needs a package that is not installed.
    """
    if not isinstance(vectors, KeyedVectors):
        raise TypeError(f"vectors is a {type(vectors).__name__}; it must be KeyedVectors")
    if not isinstance(title, str):
        raise TypeError(f"title is a {type(title).__name__}; it must be a str")
    checks.choice("projection", projection, tuple(_METHODS))
    outputs, bias = _checked_outputs(vectors, outputs, bias)
    rows = _first_rows(vectors, limit)
    shown, counts = _shown(vectors, rows)
    quantised, points = quantise(shown.vectors), project(shown.vectors, projection, seed)
    same = same_neighbours(shown, quantised)
    data = {
        "words": shown.index_to_key,
        "size": shown.vector_size,
        "counts": counts,
        "hasContexts": outputs is not None,
        "isWhole": len(rows) == len(vectors),
    }
    blocks = _matrix_blocks("vectors", quantised) + _block("points", _on_grid(points))
    if outputs is not None:
        kept = np.zeros(len(rows), np.float32) if not len(bias) else bias[rows]
        blocks += _matrix_blocks("outputs", quantise(outputs[rows])) + _block("bias", kept)
    text = _filled(
        title=html.escape(title.encode("utf-8", "replace").decode()),
        about=f"{len(rows):,} words, {shown.vector_size} coordinates each",
        notes=_notes(points, same),
        words=_json(data),
        blocks=blocks,
    )
    return Page(text.encode(), len(rows), shown.vector_size, same, outputs is not None)


def _checked_outputs(
    vectors: KeyedVectors, outputs: NDArray[np.float32] | None, bias: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
    nothing = np.zeros(0, np.float32)
    if outputs is None:
        if bias is not None:
            raise ValueError("bias needs outputs, the output vectors that it belongs to")
        return None, nothing
    if checks.matrix("outputs", outputs).shape != vectors.vectors.shape:
        raise ValueError(
            f"outputs has shape {outputs.shape}; it must be that of the vectors, {vectors.vectors.shape}"
        )
    bias = nothing if bias is None else checks.bias("bias", bias, len(vectors))
    check_finite(outputs, lambda row: f"outputs: the row of {vectors.index_to_key[row]!r}", ValueError)
    if not np.isfinite(bias).all():
        raise ValueError("bias holds numbers that are not finite")
    return outputs, bias


def _first_rows(vectors: KeyedVectors, limit: int | None) -> NDArray[np.int64]:
    """Rows of the most frequent words, these first; the first rows where there are no counts."""
    if not len(vectors):
        raise ValueError("vectors: there are no words")
    most = len(vectors) if limit is None else checks.integer("limit", limit, 1)
    if vectors.counts is None:
        return np.arange(min(most, len(vectors)))
    rows: NDArray[np.int64] = np.argsort(-vectors.counts, kind="stable")[:most]
    return rows


def _shown(vectors: KeyedVectors, rows: NDArray[np.int64]) -> tuple[KeyedVectors, list[int] | None]:
    """The vectors of some rows, in float32, and their counts."""
    words = [vectors.index_to_key[row] for row in rows]
    utf8_words(words)
    with np.errstate(over="ignore"):  # what overflows is not finite
        matrix = np.ascontiguousarray(vectors.vectors[rows], np.float32)
    check_finite(matrix, lambda row: f"vectors: the vector of word {words[row]!r}", ValueError)
    counts = None if vectors.counts is None else vectors.counts[rows].tolist()
    return KeyedVectors(words, matrix), counts


# ---- what is in the file ----


def _on_grid(points: Projection) -> NDArray[np.uint16]:
    """Points (K, 2) as integers: the larger extent fills the grid, the other one is in the middle."""
    low, high = points.points.min(axis=0), points.points.max(axis=0)
    extent = float((high - low).max()) or 1.0
    places = np.rint(((points.points - (low + high) / 2) / extent + 0.5) * _GRID)
    return np.asarray(places, np.uint16)


def _matrix_blocks(name: str, quantised: Quantised) -> str:
    return _block(name, quantised.packed()) + _block(f"{name}-scales", quantised.scales)


def _block(name: str, values: bytes | NDArray[np.generic]) -> str:
    """Bytes, or numbers with the least significant byte first, as a block that a script reads."""
    if not isinstance(values, bytes):
        values = values.astype(values.dtype.newbyteorder("<")).tobytes()
    text = base64.b64encode(values).decode()
    return f'<script type="application/octet-stream" id="{name}">{text}</script>\n'


def _json(data: object) -> str:
    """JSON in which nothing can end the block that it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _notes(points: Projection, same: float) -> str:
    method = _METHODS[points.method]
    if points.shares:
        method += f", which show {sum(points.shares):.0%} of the variance of the vectors at length 1"
    return (
        f"Map: {method}. The vectors are kept in twelve bits a number: {same:.1%} of the ten nearest words "
        "are those of float32, in a sample."
    )


def _filled(**parts: str) -> str:
    """The template with its parts; the policy allows this style and this script, and nothing else."""
    folder = resources.files(__package__)
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    scripts = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{scripts}}})();\n'
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:"
    parts |= {"style": style, "script": script, "policy": policy + "; base-uri 'none'; form-action 'none'"}
    template = folder.joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
