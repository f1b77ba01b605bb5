"""Graph: nodes, and the edges of each in a row; made of what graphs come as."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _walks, checks
from ..text.files import PathLike
from . import edges as _edges
from .edges import Node, Rows
from .reading import read_adjacency, read_edges


class Graph:
    """A graph, directed or not, weighted or not.

    Made by :meth:`from_edges`, :meth:`from_file`, :meth:`from_sparse` or :meth:`from_networkx`. In all of
    them equal edges become one, whose weight is the sum; loops are kept; nodes without an edge are kept
    wherever there is a list of nodes.

    Parameters
    ----------
    row_ptr : ndarray (n + 1,), int64       The edges of row v are those from row_ptr[v] to row_ptr[v + 1].
    neighbours : ndarray (edges,), int32    The row each edge leads to; rising within a row, each once.
    weights : ndarray (edges,), float32, or None
                                            Finite and above 0; None: every edge weighs 1.
    directed : bool                         False: for each edge there is one back, of the same weight.
    nodes : iterable of int or str, or None The node of each row; None: 0, 1, 2 and so on.

    Attributes
    ----------
    row_ptr, neighbours, weights, directed
    nodes : list of int or str

    Raises
    ------
    TypeError, ValueError                   The arrays are not as described; says which.
    """

    def __init__(
        self,
        row_ptr: NDArray[np.int64],
        neighbours: NDArray[np.int32],
        weights: NDArray[np.float32] | None = None,
        *,
        directed: bool = False,
        nodes: Iterable[Node] | None = None,
    ) -> None:
        _check_array("row_ptr", row_ptr, np.int64)
        _check_array("neighbours", neighbours, np.int32)
        if weights is not None:
            _check_array("weights", weights, np.float32)
        _walks.check_graph(row_ptr, neighbours, weights)
        n = len(row_ptr) - 1
        names: list[Node] = list(range(n)) if nodes is None else _edges.checked_nodes(nodes)
        if len(names) != n:
            raise ValueError(f"nodes holds {len(names)} nodes; row_ptr has {n} rows")
        if not directed and not _edges.is_symmetric((row_ptr, neighbours, weights)):
            raise ValueError("directed is False, but some edge has none of the same weight that leads back")
        self._set((row_ptr, neighbours, weights), bool(directed), names)

    def _set(self, rows: Rows, directed: bool, nodes: list[Node]) -> None:
        self.row_ptr, self.neighbours, self.weights = rows
        self.directed, self.nodes = directed, nodes
        self._index: dict[Node, int] | None = None

    @classmethod
    def _made(cls, rows: Rows, directed: bool, nodes: list[Node]) -> Graph:
        """A graph of rows that were just made, and need no check."""
        if not nodes:
            raise ValueError("the graph has no nodes")
        graph = cls.__new__(cls)
        graph._set(rows, directed, nodes)
        return graph

    @classmethod
    def from_edges(
        cls,
        edges: NDArray[Any] | Iterable[Any],
        weights: Any = None,
        *,
        directed: bool = False,
        nodes: Iterable[Node] | None = None,
    ) -> Graph:
        """A graph of a list of edges.

        Parameters
        ----------
        edges : array (n, 2) of integers or str, or iterable of pairs
                                A pair may have a weight behind it; then every one must.
        weights : array_like (n,) or None
                                Finite and above 0; None: those of the edges, or 1.
        directed : bool         Whether an edge leads from its first node to its second only.
        nodes : iterable or None
                                All nodes, those without an edge as well, in the order of the rows; None:
                                those of the edges, integers before strings, each rising.

        Raises
        ------
        TypeError, ValueError   An edge is no pair of integers or strings, a weight is not above 0, or an edge
                                has a node that is not in ``nodes``; says which.
        """
        listed = None if nodes is None else _edges.checked_nodes(nodes)
        sources, targets, own = _edges.split_edges(edges)
        if weights is not None and own is not None:
            raise ValueError("weights is given, and the edges have weights too; give one of the two")
        if (weights := own if weights is None else weights) is not None:
            weights = _edges.checked_weights(weights, len(sources))
        a, b, listed = _edges.numbered(sources, targets, listed)
        rows = _edges.rows_of((a, b, weights), len(listed), mirrored=not directed)
        return cls._made(rows, bool(directed), listed)

    @classmethod
    def from_file(
        cls,
        path: PathLike,
        *,
        layout: str = "edges",
        directed: bool = False,
        weighted: bool | None = None,
        workers: int | None = None,
    ) -> Graph:
        """A graph of a text file.

        Parameters
        ----------
        path : path             ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are decompressed. Words stand
                                between white space; lines whose first word starts with # are left out.
        layout : str            "edges": a line is ``node node`` or ``node node weight``; "adjacency": a node
                                and its neighbours, in which an edge that both its nodes list is one edge.
        directed : bool         As in :meth:`from_edges`.
        weighted : bool or None None: weights where a line has one, else 1; equal edges are added up. True:
                                every line must have a weight. False: weights are not read, and equal edges
                                are one of weight 1.
        workers : int or None   Threads; the graph is the same.

        Returns
        -------
        Graph                   If all nodes are whole numbers as Python writes them, its nodes are integers,
                                else strings; each rising.

        Raises
        ------
        OSError, ImportError    See :meth:`.EncodedCorpus.from_files`.
        ValueError              A line is not of the layout (shows it), or there are no lines.
        """
        checks.choice("layout", layout, ("edges", "adjacency"))
        checks.choice("weighted", weighted, (None, True, False))
        if layout == "adjacency" and weighted:
            raise ValueError("weighted is True, but adjacency lists have no weights")
        if layout == "edges":
            edges, nodes = read_edges(path, weighted, workers)
        else:
            edges, nodes = read_adjacency(path, workers)
        add_up = layout == "edges" and weighted is not False
        rows = _edges.rows_of(edges, len(nodes), mirrored=not directed, add_up=add_up)
        return cls._made(rows, bool(directed), nodes)

    @classmethod
    def from_sparse(
        cls, matrix: Any, *, directed: bool | None = None, nodes: Iterable[Node] | None = None
    ) -> Graph:
        """A graph of a sparse matrix, as SciPy has them: entry (i, j) is an edge from row i to row j.

        Parameters
        ----------
        matrix                  (n, n), any sparse format, of booleans, integers or floats above 0.
        directed : bool or None None: directed unless the matrix is symmetric. False: it must be symmetric.
        nodes : iterable or None
                                The node of each row; None: 0, 1, 2 and so on.

        Raises
        ------
        TypeError, ValueError   The matrix is not sparse, square, or above 0; or not symmetric.
        """
        if not callable(getattr(matrix, "tocsr", None)):
            raise TypeError(f"matrix is a {type(matrix).__name__}; it must be a sparse matrix of SciPy")
        csr = matrix.tocsr()
        n, columns = csr.shape
        if n != columns:
            raise ValueError(f"matrix is of shape {csr.shape}; it must be square")
        names: list[Node] = list(range(n)) if nodes is None else _edges.checked_nodes(nodes)
        if len(names) != n:
            raise ValueError(f"nodes holds {len(names)} nodes; matrix has {n} rows")
        if (csr.data == 0).any():
            raise ValueError("matrix stores zeros, which are no edges; call its eliminate_zeros() before")
        sources = np.repeat(np.arange(n, dtype=np.int64), np.diff(csr.indptr))
        targets = csr.indices.astype(np.int64)
        data = csr.data.astype(np.int8) if csr.data.dtype == bool else csr.data
        weights = _edges.checked_weights(data, len(targets))
        rows = _edges.rows_of((sources, targets, weights), n, mirrored=False)
        symmetric = directed is not True and _edges.is_symmetric(rows)
        if directed is False and not symmetric:
            raise ValueError("directed is False, but matrix is not symmetric; give matrix + matrix.T")
        return cls._made(rows, not symmetric, names)

    @classmethod
    def from_networkx(cls, graph: Any, *, weight: str | None = "weight") -> Graph:
        """A graph of one of networkx, directed or not as that is; rows in the order of its nodes.

        Parameters
        ----------
        graph                   Its nodes must be integers or strings (``networkx.relabel_nodes`` makes them).
        weight : str or None    The attribute of an edge that is its weight, 1 where it is missing; None: 1.

        Raises
        ------
        TypeError, ValueError   It is no such graph, or a node or a weight is not as it must be.
        """
        if not (callable(getattr(graph, "edges", None)) and hasattr(graph, "is_directed")):
            raise TypeError(f"graph is a {type(graph).__name__}; it must be a graph of networkx")
        nodes = _edges.checked_nodes(graph.nodes)
        index = {node: place for place, node in enumerate(nodes)}
        found = list(graph.edges(data=weight, default=1)) if weight is not None else list(graph.edges())
        a, b = (np.fromiter((index[edge[side]] for edge in found), np.int64, len(found)) for side in (0, 1))
        weights = None
        if weight is not None:
            weights = _edges.checked_weights([edge[2] for edge in found] or np.zeros(0), len(found))
        directed = bool(graph.is_directed())
        return cls._made(_edges.rows_of((a, b, weights), len(nodes), mirrored=not directed), directed, nodes)

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def n_edges(self) -> int:
        """Number of edges; without a direction, one there and back is one."""
        if self.directed:
            return len(self.neighbours)
        sources = np.repeat(np.arange(len(self)), np.diff(self.row_ptr))
        return int((self.neighbours >= sources).sum())

    @property
    def isolated(self) -> list[Node]:
        """The nodes that no edge leads from or to."""
        reached = np.bincount(self.neighbours, minlength=len(self)) + np.diff(self.row_ptr)
        return [self.nodes[v] for v in np.flatnonzero(reached == 0).tolist()]

    def row(self, node: Node) -> int:
        """The row of a node; KeyError if there is none."""
        if self._index is None:
            self._index = {node: row for row, node in enumerate(self.nodes)}
        try:
            return self._index[_edges.checked_node(node)]
        except KeyError:
            raise KeyError(f"{node!r} is not among the {len(self)} nodes of the graph") from None

    def neighbours_of(self, node: Node) -> list[Node]:
        """The nodes that the edges of a node lead to."""
        v = self.row(node)
        row = self.neighbours[self.row_ptr[v] : self.row_ptr[v + 1]]
        return [self.nodes[x] for x in row.tolist()]

    def node_vectors(self, vectors: Any) -> NDArray[np.float32]:
        """The vectors of the nodes, in the order of `nodes`.

        Parameters
        ----------
        vectors : KeyedVectors                  A model's ``wv``: its words are the nodes as str.

        Returns
        -------
        ndarray of shape (n, H), float32        A copy.

        Raises
        ------
        KeyError                                A node has no vector; says which, and how many.
        """
        found = [vectors.key_to_index.get(str(node), -1) for node in self.nodes]
        if missing := [node for node, row in zip(self.nodes, found) if row < 0]:
            raise KeyError(f"{len(missing)} of {len(self)} nodes have no vector, the first is {missing[0]!r}")
        return np.asarray(vectors.vectors)[found]

    def __repr__(self) -> str:
        kind = ("directed, " if self.directed else "") + ("" if self.weights is None else "weighted, ")
        return f"<Graph: {kind}{len(self)} nodes, {self.n_edges} edges, {len(self.isolated)} isolated nodes>"


def _check_array(name: str, array: object, dtype: type[np.generic]) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}; it must be an array of {np.dtype(dtype)}")
    if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
        raise TypeError(
            f"{name} has shape {array.shape} and type {array.dtype}; it must be one-dimensional, contiguous "
            f"and of {np.dtype(dtype)}"
        )
