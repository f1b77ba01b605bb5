"""Edges to rows: nodes numbered, equal edges added up, each row rising. Plain arrays, no class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import checks

Node: TypeAlias = int | str

#: row_ptr (n + 1,), neighbours (edges,), weights (edges,) or None.
Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32] | None]

#: Sources and targets as places in a list of nodes; weights.
Edges: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]


def checked_node(node: object) -> Node:
    """The node as an int or a str; an error if it can be neither, or its word cannot be one."""
    if isinstance(node, str):
        if not node:
            raise ValueError("the empty string cannot be a node")
        return str(node)
    if isinstance(node, bool) or not isinstance(node, Integral):
        raise TypeError(f"nodes must be integers or str; got {node!r} of type {type(node).__name__}")
    return int(node)


def checked_nodes(nodes: Iterable[object]) -> list[Node]:
    """The nodes as a list; an error if two of them have the same word."""
    if isinstance(nodes, str):
        raise TypeError(f"nodes is the str {nodes!r}; it must be a list of nodes")
    found = [checked_node(node) for node in nodes]
    words: dict[str, Node] = {}
    for node in found:
        if (word := str(node)) in words:
            raise ValueError(f"nodes holds {words[word]!r} and {node!r}; the word of both would be {word!r}")
        words[word] = node
    if len(found) > checks.MAX_WORDS:
        raise ValueError(f"nodes holds {len(found)} nodes; there may be {checks.MAX_WORDS}")
    return found


def split_edges(edges: object) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
    """Sources and targets (integers, or objects) and weights of what users hand in as edges."""
    if isinstance(edges, (str, bytes)):
        raise TypeError(f"edges is a {type(edges).__name__}; for a file use Graph.from_file")
    if hasattr(edges, "columns"):
        raise TypeError(
            f"edges is a {type(edges).__name__}; give its rows, as edges.itertuples(index=False) or "
            "zip(sources, targets, weights)"
        )
    if isinstance(edges, np.ndarray):
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iuUO":
            raise TypeError(
                f"edges has shape {edges.shape} and type {edges.dtype}; as an array it must be (n, 2) and of "
                "integers or strings (give the weights apart)"
            )
        return edges[:, 0], edges[:, 1], None
    if not isinstance(edges, Iterable):
        raise TypeError(f"edges is a {type(edges).__name__}; it must be an (n, 2) array or a list of pairs")
    pairs: tuple[list[Node], list[Node], list[float]] = ([], [], [])
    n, weighted = 0, 0
    for n, edge in enumerate(edges, 1):
        weighted += _split_edge(n - 1, edge, pairs)
    if 0 < weighted < n:
        raise ValueError(f"{weighted} of {n} edges have a weight; all must have one, or none")
    weights = np.array(pairs[2]) if weighted else None
    return _as_array(pairs[0]), _as_array(pairs[1]), weights


def _split_edge(i: int, edge: Any, pairs: tuple[list[Node], list[Node], list[float]]) -> bool:
    """Add an edge to the lists; returns whether it has a weight."""
    if isinstance(edge, str) or not isinstance(edge, (Sequence, np.ndarray)) or len(edge) not in (2, 3):
        raise TypeError(f"edges[{i}] is {edge!r}; it must be a pair of nodes, or two nodes and a weight")
    try:
        pairs[0].append(checked_node(edge[0]))
        pairs[1].append(checked_node(edge[1]))
    except (TypeError, ValueError) as error:
        raise type(error)(f"edges[{i}]: {error}") from None
    if len(edge) == 2:
        return False
    if isinstance(edge[2], bool) or not isinstance(edge[2], Real):
        raise TypeError(f"edges[{i}] has the weight {edge[2]!r}; it must be a number")
    pairs[2].append(float(edge[2]))
    return True


def _as_array(nodes: list[Node]) -> NDArray[Any]:
    if all(isinstance(node, int) and -(2**63) <= node < 2**63 for node in nodes):
        return np.array(nodes, dtype=np.int64)
    array = np.empty(len(nodes), dtype=object)
    array[:] = nodes
    return array


def numbered(
    sources: NDArray[Any], targets: NDArray[Any], nodes: list[Node] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Node]]:
    """Both ends as places in the list of nodes, and that list; made if None: integers first, each rising."""
    both = np.concatenate([sources, targets])
    if both.dtype.kind in "iu":
        distinct, places = np.unique(both, return_inverse=True)
        listed: list[Node] = distinct.tolist()
    else:
        labels = [checked_node(node) for node in both.tolist()]
        listed = sorted(set(labels), key=lambda node: (isinstance(node, str), node))
        index = {node: place for place, node in enumerate(listed)}
        places = np.fromiter(map(index.__getitem__, labels), np.int64, len(labels))
    if nodes is None:
        listed = checked_nodes(listed)
    else:
        index = {node: place for place, node in enumerate(nodes)}
        if missing := [node for node in listed if node not in index]:
            raise ValueError(f"an edge has the node {missing[0]!r}, which is not in nodes")
        places = np.array([index[node] for node in listed], np.int64)[places]
        listed = nodes
    return places[: len(sources)], places[len(sources) :], listed


def checked_weights(weights: object, n: int) -> NDArray[np.float64]:
    """The weights as float64; an error unless there are n, finite and above 0, also as float32."""
    array = np.asarray(weights)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise TypeError(f"weights must be one-dimensional, of numbers; got {array.ndim} of {array.dtype}")
    if len(array) != n:
        raise ValueError(f"weights has {len(array)} values; there are {n} edges")
    array = array.astype(np.float64)
    bad = wrong_weights(array)
    if bad.size:
        raise ValueError(
            f"weights[{bad[0]}] is {array[bad[0]]}; weights must be finite and above 0 as float32 (leave out "
            "edges of weight 0)"
        )
    return array


def wrong_weights(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """The places of the weights that are not finite and above 0 as float32."""
    with np.errstate(over="ignore", under="ignore"):
        single = weights.astype(np.float32)
    return np.flatnonzero(~((single > 0) & (single < np.inf)))


def rows_of(edges: Edges, n_nodes: int, *, mirrored: bool, add_up: bool = True) -> Rows:
    """The rows of a graph.

    Parameters
    ----------
    edges           Sources, targets, weights (None: 1 each).
    n_nodes : int
    mirrored : bool An edge leads both ways; a loop does once.
    add_up : bool   Equal edges are one whose weight is the sum; False: they are one of weight 1.

    Returns
    -------
    Rows            Weights are None where each is 1.
    """
    a, b, weights = edges
    if mirrored:  # first one way, so that both ways have the same sum to the last bit
        a, b = np.minimum(a, b), np.maximum(a, b)
    keys, sums = _added_up(a * n_nodes + b, weights if add_up else None)
    if not add_up:
        sums = np.ones(len(keys))
    if mirrored:
        a, b = np.divmod(keys, max(n_nodes, 1))
        keys = np.concatenate([keys, (b * n_nodes + a)[a != b]])
        order = np.argsort(keys, kind="stable")
        keys, sums = keys[order], np.concatenate([sums, sums[a != b]])[order]
    rows, neighbours = np.divmod(keys, max(n_nodes, 1))
    row_ptr = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=n_nodes), out=row_ptr[1:])
    with np.errstate(over="ignore"):
        single = sums.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError("the weights of equal edges add up to more than float32 holds")
    return row_ptr, neighbours.astype(np.int32), None if (single == 1).all() else single


def _added_up(
    keys: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distinct keys, rising, and the sum of the weights of each, in the order given."""
    if weights is None:
        distinct, counts = np.unique(keys, return_counts=True)
        return distinct, counts.astype(np.float64)
    distinct, places = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(places, weights, minlength=len(distinct)).astype(np.float64)


def is_symmetric(rows: Rows) -> bool:
    """Whether every edge has one of the same weight that leads back."""
    row_ptr, neighbours, weights = rows
    n = len(row_ptr) - 1
    sources = np.repeat(np.arange(n), np.diff(row_ptr))
    back = np.argsort(neighbours * np.int64(n) + sources, kind="stable")
    there = np.array_equal(neighbours[back], sources) and np.array_equal(sources[back], neighbours)
    return there and (weights is None or np.array_equal(weights[back], weights))
