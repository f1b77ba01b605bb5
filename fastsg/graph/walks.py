"""Random walks as an EncodedCorpus: nodes are words, a walk is a sentence."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from .. import _core, checks, streams
from .._walks import Walker
from ..system.progress import advancing_bar
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.encoders import DistinctWords, Encoder
from ..text.ids import final_ids
from .graph import Graph

logger = logging.getLogger(__name__)

# Steps between looks for Ctrl-C: some 0.1 s.
_STEPS = 1 << 18


def random_walks(
    graph: Graph,
    *,
    walks_per_node: int = 10,
    walk_length: int = 80,
    p: float = 1.0,
    q: float = 1.0,
    shuffle: bool = True,
    min_count: int = 1,
    seed: int = 1,
    workers: int | None = None,
    progress: bool | None = None,
) -> EncodedCorpus:
    """Random walks from every node, to train on: ``SkipGram(random_walks(graph), ...)``.

    A step from v goes to a neighbour x by the weight of the edge. With p or q other than 1 the walk is of
    second order (node2vec): having come to v from t, the weight is divided by p if x is t, by nothing if
    there is an edge from t to x, and by q otherwise. These probabilities are exact: first order draws from an
    alias table (of probabilities rounded to 2^-32), and second order accepts or rejects such draws, which
    needs no table of pairs of edges, whose size is the sum of the squared degrees.

    Parameters
    ----------
    graph : Graph
    walks_per_node : int        Rounds; in each a walk starts from every node.
    walk_length : int           Nodes of a walk. It ends before at a node that no edge leads from; the walk of
                                an isolated node is that node alone.
    p, q : float                Finite and above 0. A large p seldom goes back; a large q stays near, a small
                                one goes far. 1 and 1: DeepWalk.
    shuffle : bool              Begin the walks of a round in random order, not in the order of the nodes. The
                                walks themselves are the same.
    min_count : int             Nodes that all walks visit less often are left out of them; 1 keeps all.
    seed : int                  Below 2**64. Same seed, same walks, for any number of threads.
    workers : int or None       Threads; None: as many as this process may use.
    progress : bool or None     Show a progress bar; None: if standard error is a terminal.

    Returns
    -------
    EncodedCorpus               The word of a node is ``str(node)``.

    Raises
    ------
    TypeError, ValueError       An argument is not as described; says which.
    KeyboardInterrupt           Ctrl-C, within a moment.

    Notes
    -----
    Sources: Perozzi, Al-Rfou and Skiena, DeepWalk (2014); Grover and Leskovec, node2vec (2016), whose
    distance from t to x is read along the edges of a directed graph. 8 bytes of tables an edge if it is
    weighted, none if not; 4 bytes a step of the result.
    """
    if not isinstance(graph, Graph):
        raise TypeError(
            f"graph is a {_kind(graph)}; make it a Graph: Graph.from_edges, from_file, from_sparse, "
            "from_networkx"
        )
    walks_per_node = checks.positive_integer("walks_per_node", walks_per_node)
    walk_length = checks.positive_integer("walk_length", walk_length)
    if walk_length > checks.MAX_WORDS:
        raise ValueError(f"walk_length is {walk_length}; it must be below 2**31")
    p, q = (_above_zero(name, value) for name, value in (("p", p), ("q", q)))
    seed = checks.integer("seed", seed, 0, 2**64 - 1)
    checks.positive_integer("min_count", min_count)
    threads = effective_num_threads(workers)
    _report_lonely(graph)
    encoder = _WalkEncoder(graph, threads)
    walker = Walker(graph.row_ptr, graph.neighbours, graph.weights, p, q, threads)
    with advancing_bar(
        walks_per_node * len(graph), "walks", progress, desc="walking", leave=False
    ) as advance:
        for round in range(walks_per_node):
            for starts in _starts(len(graph), round, walk_length, shuffle, seed):
                encoder.walk(walker, seed, round, starts, walk_length)
                advance(len(starts))
    arrays = final_ids(encoder, None, min_count, None, "the walks")
    return EncodedCorpus(*arrays, raw_tokens=encoder.n_tokens)


def _above_zero(name: str, value: object) -> float:
    if not (number := checks.real(name, value)):
        raise ValueError(f"{name} is {value!r}; it must be above 0")
    return number


def _report_lonely(graph: Graph) -> None:
    lonely = graph.isolated
    if lonely:
        shown = ", ".join(map(repr, lonely[:3])) + ", ..." * (len(lonely) > 3)
        logger.warning(
            "%d of %d nodes are isolated, and their walks are the node alone: %s",
            len(lonely),
            len(graph),
            shown,
        )


def _starts(n: int, round: int, length: int, shuffle: bool, seed: int) -> list[NDArray[np.int32]]:
    """The rows that the walks of a round begin at, in their order; some at a time."""
    order = np.arange(n, dtype=np.int32)
    if shuffle:
        noise = _core.random_words(seed, streams.walk_order(round), 0, n)
        order = np.argsort(noise, kind="stable").astype(np.int32)
    some = max(_STEPS // length, 1)
    return [order[start : start + some] for start in range(0, n, some)]


class _WalkEncoder(Encoder):
    """Collects walks; a provisional id is the row of a node."""

    def __init__(self, graph: Graph, n_workers: int) -> None:
        super().__init__()
        self.graph, self.n_workers = graph, n_workers

    def walk(self, walker: Walker, seed: int, round: int, starts: NDArray[np.int32], length: int) -> None:
        """Walk from each start; the stream of a walk follows from its round and its start alone."""
        numbers = np.uint64(streams.WALKS + round * len(self.graph)) + starts.astype(np.uint64)
        walks, lengths = np.empty((len(starts), length), np.int32), np.empty(len(starts), np.int64)
        walker.walk(seed, numbers, starts, walks, lengths)
        tokens = walks.ravel()
        if lengths.min() < length:
            tokens = walks[np.arange(length) < lengths[:, None]]
        self.append(0, tokens, np.cumsum(lengths))

    def distinct_words(self) -> DistinctWords:
        nodes, n, tokens = self.graph.nodes, len(self.graph), self.tokens.view()
        counts = np.zeros(n, np.int64)
        for segment in self.segments:
            counts += np.bincount(tokens[segment.tokens], minlength=n)
        return DistinctWords(
            counts, lambda rows: [str(nodes[row]) for row in rows.tolist()], [np.arange(n, dtype=np.int32)]
        )


def _kind(value: object) -> str:
    """The class of a value; other packages have graphs too."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
