"""Thin binding of kernels/walks.c: checks what comes in, makes alias tables, shares the walks among threads.
Knows no names of nodes, and nothing of what becomes of the walks."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef extern from "_omp.h" nogil:
    int fsg_omp_thread() noexcept


cdef extern from "walks.h" nogil:
    ctypedef struct fsg_place:
        uint32_t own
        int32_t other

    ctypedef struct fsg_graph:
        int64_t nodes
        const int64_t *row_ptr
        const int32_t *neighbours
        const float *weights
        const double *total_v
        const fsg_place *place

    ctypedef struct fsg_turn:
        double back, far

    const int FSG_GRAPH_ROWS, FSG_GRAPH_RANGE, FSG_GRAPH_ORDER, FSG_GRAPH_WEIGHT

    int fsg_check_graph(const fsg_graph *, int64_t, int64_t *) noexcept
    double fsg_alias_row(const int32_t *, const float *, int64_t, fsg_place *, double *, int32_t *) noexcept
    int64_t fsg_walk(const fsg_graph *, const fsg_turn *, uint64_t, uint64_t, int32_t, int64_t,
                     int32_t *) noexcept


def check_graph(const int64_t[::1] row_ptr not None, const int32_t[::1] neighbours not None,
                weights) -> None:
    """ValueError unless the arrays are a graph in rows, as walks.h describes it; weights may be None."""
    cdef fsg_graph graph
    cdef const float[::1] weights_v = weights
    cdef int64_t at = 0, edges = neighbours.shape[0]
    cdef int code
    if row_ptr.shape[0] < 1 or row_ptr.shape[0] > 2**31:
        raise ValueError(f"row_ptr has {row_ptr.shape[0]} values; need one more than nodes, and "
                         f"there may be {2**31 - 1} nodes")
    if weights is not None and weights_v.shape[0] != edges:
        raise ValueError(f"weights has {weights_v.shape[0]} values; need one for each of {edges} edges")
    graph.nodes, graph.row_ptr = row_ptr.shape[0] - 1, &row_ptr[0]
    graph.neighbours = &neighbours[0] if edges else NULL
    graph.weights = &weights_v[0] if weights is not None and edges else NULL
    with nogil:
        code = fsg_check_graph(&graph, edges, &at)
    if code == FSG_GRAPH_ROWS:
        raise ValueError(f"row_ptr[{at}] is {row_ptr[at]}; row_ptr must rise from 0 to the number of edges, "
                         f"{edges}")
    if code == FSG_GRAPH_RANGE:
        raise ValueError(f"neighbours[{at}] is {neighbours[at]}; it must lie in [0, {graph.nodes})")
    if code == FSG_GRAPH_ORDER:
        raise ValueError(f"neighbours[{at}] is {neighbours[at]} after {neighbours[at - 1]}; neighbours must "
                         "rise within a row, each once")
    if code == FSG_GRAPH_WEIGHT:
        raise ValueError(f"weights[{at}] is {weights_v[at]}; weights must be finite and above 0")


cdef class Walker:
    """Random walks on a graph.

    Parameters
    ----------
    row_ptr : ndarray (nodes + 1,), int64
    neighbours : ndarray (edges,), int32
        Of node v: those from row_ptr[v] to row_ptr[v + 1], rising.
    weights : ndarray (edges,), float32, or None
        None: every edge weighs 1.
    back, far : float
        What an edge's weight is divided by if it leads back, or to no neighbour of the node before:
        node2vec's p and q. With 1 and 1 the walks are of first order.
    num_threads : int
        Does not change the result.
    """

    cdef readonly int num_threads
    cdef fsg_graph graph
    cdef fsg_turn turn
    cdef bint second
    cdef const int64_t[::1] row_ptr
    cdef const int32_t[::1] neighbours
    cdef const float[::1] weights
    cdef double[::1] total_v
    cdef uint32_t[:, ::1] place

    def __init__(self, const int64_t[::1] row_ptr not None, const int32_t[::1] neighbours not None, weights,
                 back: float, far: float, num_threads: int):
        if num_threads < 1:
            raise ValueError(f"num_threads is {num_threads}; it must be at least 1")
        for name, value in (("back", back), ("far", far)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}; it must be finite and above 0")
        check_graph(row_ptr, neighbours, weights)
        self.num_threads, self.row_ptr, self.neighbours = num_threads, row_ptr, neighbours
        self.turn.back, self.turn.far, self.second = back, far, back != 1 or far != 1
        self.graph.nodes, self.graph.row_ptr = row_ptr.shape[0] - 1, &row_ptr[0]
        self.graph.neighbours = &neighbours[0] if neighbours.shape[0] else NULL
        self.graph.weights, self.graph.total_v, self.graph.place = NULL, NULL, NULL
        if weights is not None and neighbours.shape[0]:
            self.weights = weights
            self.make_tables(int(np.diff(row_ptr).max()))

    cdef void make_tables(self, int64_t longest) except *:
        """The alias table of every row."""
        cdef int64_t v, first, n, nodes = self.graph.nodes
        cdef int thread
        cdef fsg_place *place
        cdef double[:, ::1] scaled = np.empty((self.num_threads, longest))
        cdef int32_t[:, ::1] order = np.empty((self.num_threads, longest), np.int32)
        self.total_v = np.zeros(nodes)
        self.place = np.empty((self.neighbours.shape[0], sizeof(fsg_place) // sizeof(uint32_t)), np.uint32)
        place = <fsg_place *>&self.place[0, 0]
        with nogil:
            for v in prange(nodes, num_threads=self.num_threads, schedule="dynamic", chunksize=64):
                first = self.row_ptr[v]
                n = self.row_ptr[v + 1] - first
                if n:
                    thread = fsg_omp_thread()
                    self.total_v[v] = fsg_alias_row(&self.neighbours[first], &self.weights[first], n,
                                                    place + first, &scaled[thread, 0], &order[thread, 0])
        self.graph.weights, self.graph.total_v = &self.weights[0], &self.total_v[0]
        self.graph.place = place

    def walk(self, seed: int, const uint64_t[::1] streams not None, const int32_t[::1] starts not None,
             int32_t[:, ::1] walks not None, int64_t[::1] lengths not None) -> None:
        """Walk once from each start; node t of walk w goes to walks[w, t], and their number to lengths[w].

        Walk w is a function of the graph, the seed, streams[w] and starts[w]."""
        cdef int64_t w, n = starts.shape[0], length = walks.shape[1]
        cdef uint64_t seed_c = seed
        cdef const fsg_turn *turn = &self.turn if self.second else NULL
        if streams.shape[0] != n or walks.shape[0] != n or lengths.shape[0] != n or length < 1:
            raise ValueError(f"streams, starts, walks and lengths are of {streams.shape[0]}, {n}, "
                             f"({walks.shape[0]}, {length}) and {lengths.shape[0]}; need n, n, (n, 1 or "
                             "more) and n")
        if length >= 2**31:
            raise ValueError(f"walks are {length} nodes long; they must be shorter than 2**31")
        for w in range(n):
            if not 0 <= starts[w] < self.graph.nodes:
                raise ValueError(f"starts[{w}] is {starts[w]}; it must lie in [0, {self.graph.nodes})")
        with nogil:
            for w in prange(n, num_threads=self.num_threads, schedule="dynamic", chunksize=16):
                lengths[w] = fsg_walk(&self.graph, turn, seed_c, streams[w], starts[w], length, &walks[w, 0])
        PyErr_CheckSignals()
