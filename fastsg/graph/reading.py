"""Graphs as text: the lines are read as those of a corpus, by compiled code, and their words are nodes."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..checks import number_in
from ..text.corpus import EncodedCorpus
from ..text.files import PathLike
from .edges import Edges, Node, wrong_weights

_WHOLE = re.compile(r"-?[1-9][0-9]{0,17}|0")


def read_edges(path: PathLike, weighted: bool | None, workers: int | None) -> tuple[Edges, list[Node]]:
    """The edges of lines ``node node`` and ``node node weight``; see :meth:`.graph.Graph.from_file`."""
    corpus = _read(path, workers)
    starts = _starts(corpus)
    words = np.diff(corpus.offsets)[starts[1]]
    if (wrong := np.flatnonzero((words < 2) | (words > 3))).size:
        raise _line_error(
            corpus,
            starts,
            int(wrong[0]),
            "'node node' or 'node node weight' (layout 'adjacency': a node and its neighbours)",
        )
    if weighted and (wrong := np.flatnonzero(words < 3)).size:
        raise _line_error(corpus, starts, int(wrong[0]), "'node node weight', as weighted is True")
    first = starts[0]
    a, b = corpus.tokens[first], corpus.tokens[first + 1]
    weights = None
    if weighted is not False and (words == 3).any():
        weights = np.ones(len(first))
        has = np.flatnonzero(words == 3)
        weights[has] = _weights(corpus, starts, has)
    sources, targets, nodes = _nodes(corpus.vocab.words, a, b)
    return (sources, targets, weights), nodes


def read_adjacency(path: PathLike, workers: int | None) -> tuple[Edges, list[Node]]:
    """The edges of lines that hold a node and its neighbours; a node alone has none."""
    corpus = _read(path, workers)
    first, lines = _starts(corpus)
    others = np.diff(corpus.offsets)[lines] - 1
    sources = np.repeat(corpus.tokens[first], others)
    heads = np.repeat(first + 1 - np.cumsum(others) + others, others)
    targets = corpus.tokens[heads + np.arange(len(heads))]
    # A node may stand alone: the pairs of the heads with themselves number it, and are no edges.
    alone = corpus.tokens[first]
    a, b, nodes = _nodes(
        corpus.vocab.words, np.concatenate([sources, alone]), np.concatenate([targets, alone])
    )
    return (a[: len(sources)], b[: len(sources)], None), nodes


def _read(path: PathLike, workers: int | None) -> EncodedCorpus:
    return EncodedCorpus.from_files([path], min_count=1, errors="strict", workers=workers, progress=False)


def _starts(corpus: EncodedCorpus) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the lines that are no comments start in the tokens, and their numbers among the lines."""
    comment = np.array([word.startswith("#") for word in corpus.vocab.words])
    first = corpus.offsets[:-1]
    lines = np.flatnonzero(~comment[corpus.tokens[first]])
    if not len(lines):
        raise ValueError("the file has nothing but comments")
    return first[lines], lines


def _line_error(
    corpus: EncodedCorpus, starts: tuple[NDArray[np.int64], NDArray[np.int64]], i: int, form: str
) -> ValueError:
    line = int(starts[1][i])
    tokens = corpus.tokens[corpus.offsets[line] : corpus.offsets[line + 1]][:10]
    shown = " ".join(corpus.vocab.words[k] for k in tokens.tolist())[:80]
    return ValueError(f"line {line + 1} (empty ones not counted) is {shown!r}; a line must be {form}")


def _weights(
    corpus: EncodedCorpus, starts: tuple[NDArray[np.int64], NDArray[np.int64]], has: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The third words of the lines `has`, as numbers."""
    ids = corpus.tokens[starts[0][has] + 2]
    value = np.full(len(corpus.vocab), np.nan)
    for k in np.unique(ids).tolist():
        if (read := number_in(corpus.vocab.words[k])) is None:
            i = int(has[np.flatnonzero(ids == k)[0]])
            raise _line_error(corpus, starts, i, "'node node weight', with a number for the weight")
        value[k] = read
    found = value[ids]
    if (wrong := wrong_weights(found)).size:
        i = int(has[wrong[0]])
        raise _line_error(corpus, starts, i, "'node node weight', with a finite weight above 0")
    return found


def _nodes(
    words: list[str], a: NDArray[np.int32], b: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Node]]:
    """Both ends of edges, as word ids, numbered by the nodes in rising order; and these."""
    used = np.zeros(len(words), bool)
    used[a] = used[b] = True
    ids = np.flatnonzero(used)
    names = [words[k] for k in ids.tolist()]
    if all(map(_WHOLE.fullmatch, names)):
        numbers = np.array(list(map(int, names)), np.int64)
        order = np.argsort(numbers)
        nodes: list[Node] = numbers[order].tolist()
    else:
        order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
        nodes = [names[i] for i in order.tolist()]
    row = np.empty(len(words), np.int64)
    row[ids[order]] = np.arange(len(ids))
    return row[a], row[b], nodes
