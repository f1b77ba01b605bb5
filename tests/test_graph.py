"""Graphs from edge lists, files, SciPy and networkx: the same rows as a dictionary in plain Python."""

import gzip
from types import SimpleNamespace

import numpy as np
import pytest

from fastsg import KeyedVectors
from fastsg.graph import Graph


def reference(edges, directed=False, nodes=()):
    """{node: {neighbour: weight}}: equal edges added up, a loop once."""
    found = {node: {} for node in nodes}
    for a, b, w in edges:
        found.setdefault(a, {}).setdefault(b, 0.0)
        found[a][b] += w
        found.setdefault(b, {})
        if not directed and a != b:
            found[b].setdefault(a, 0.0)
            found[b][a] += w
    return found


def as_dict(graph):
    """The same of a Graph; and its arrays are as they are said to be."""
    Graph(graph.row_ptr, graph.neighbours, graph.weights, directed=graph.directed, nodes=graph.nodes)
    found = {}
    for v, node in enumerate(graph.nodes):
        row = slice(graph.row_ptr[v], graph.row_ptr[v + 1])
        names = [graph.nodes[x] for x in graph.neighbours[row]]
        assert names == graph.neighbours_of(node)
        found[node] = dict(zip(names, np.ones(len(names)) if graph.weights is None else graph.weights[row]))
    return found


EDGES = [(33, 2), (2, 5), (5, 33), (7, 7), (2, 33), (5, 2), (-1, 5)]


# ---- edges ----


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("form", ["array", "list", "tuples of numpy", "strings", "string array"])
def test_from_edges(directed, form):
    edges = {
        "array": np.array(EDGES, np.int32),
        "list": EDGES,
        "tuples of numpy": [tuple(map(np.int64, edge)) for edge in EDGES],
        "strings": [tuple(map(str, edge)) for edge in EDGES],
        "string array": np.array(EDGES).astype(str),
    }[form]
    graph = Graph.from_edges(edges, directed=directed)
    kind = str if "string" in form else int
    expected = reference([(kind(a), kind(b), 1) for a, b in EDGES], directed)
    assert as_dict(graph) == expected
    assert graph.nodes == sorted(expected) and all(type(node) is kind for node in graph.nodes)
    assert graph.n_edges == (7 if directed else 5)


def test_from_edges_at_random(rng):
    for trial in range(40):
        n, m, directed = int(rng.integers(1, 12)), int(rng.integers(1, 60)), bool(trial % 2)
        ends = rng.integers(0, n, (m, 2)) * 1000
        weights = rng.integers(1, 9, m) / 4
        graph = Graph.from_edges(ends, weights, directed=directed)
        expected = reference([(a, b, w) for (a, b), w in zip(ends.tolist(), weights)], directed)
        assert as_dict(graph) == expected
        assert as_dict(
            Graph.from_edges([(*end, w) for end, w in zip(ends.tolist(), weights)], directed=directed)
        ) == (expected)


def test_both_ways_weigh_the_same_to_the_last_bit(rng):
    """Sums of many weights, met in other orders on the way back."""
    ends, weights = rng.integers(0, 3, (5000, 2)), rng.random(5000) + 1e-3
    graph = Graph.from_edges(ends, weights)
    rows = as_dict(graph)
    assert all(rows[a][b] == rows[b][a] for a in rows for b in rows[a])


def test_integers_and_strings_may_be_mixed():
    graph = Graph.from_edges([(2, "b"), ("a", 10)])
    assert graph.nodes == [2, 10, "a", "b"]
    assert as_dict(graph) == {2: {"b": 1}, 10: {"a": 1}, "a": {10: 1}, "b": {2: 1}}


def test_nodes_give_the_order_and_may_be_isolated():
    graph = Graph.from_edges(EDGES, nodes=[9, 33, 2, 5, 7, -1])
    assert graph.nodes == [9, 33, 2, 5, 7, -1] and graph.isolated == [9]
    assert as_dict(graph) == reference([(a, b, 1) for a, b in EDGES], nodes=[9])
    assert [graph.row(node) for node in graph.nodes] == list(range(6))
    assert "6 nodes" in repr(graph) and "1 isolated" in repr(graph) and "weighted" in repr(graph)


def test_unweighted_only_where_all_weigh_one():
    assert Graph.from_edges([(1, 2), (2, 3)]).weights is None
    assert Graph.from_edges([(1, 2), (2, 1)]).weights.tolist() == [2, 2]
    assert Graph.from_edges([(1, 2), (2, 1)], directed=True).weights is None
    assert Graph.from_edges([(1, 2, 0.5)]).weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "edges, options, error, message",
    [
        ("a b", {}, TypeError, "edges is a str; for a file use Graph.from_file"),
        (3, {}, TypeError, "edges is a int"),
        (
            type("DataFrame", (), {"columns": ["s", "t"]})(),
            {},
            TypeError,
            "edges is a DataFrame; give its rows",
        ),
        (np.ones((2, 2)), {}, TypeError, r"edges has shape \(2, 2\) and type float64"),
        (np.ones((2, 3), int), {}, TypeError, r"edges has shape \(2, 3\)"),
        ([(1, 2), "ab"], {}, TypeError, r"edges\[1\] is 'ab'; it must be a pair"),
        ([(1, 2), (3,)], {}, TypeError, r"edges\[1\] is \(3,\)"),
        ([(1, 2), (3, 4, 5, 6)], {}, TypeError, r"edges\[1\]"),
        ([(1, 2.0)], {}, TypeError, r"edges\[0\]: nodes must be integers or str; got 2.0 of type float"),
        ([(1, True)], {}, TypeError, r"edges\[0\]: nodes must be integers or str; got True"),
        ([(1, None)], {}, TypeError, r"edges\[0\]: nodes must be integers"),
        ([(1, "")], {}, ValueError, r"edges\[0\]: the empty string cannot be a node"),
        ([(1, "1")], {}, ValueError, "nodes holds 1 and '1'; the word of both would be '1'"),
        ([(1, 2, 1.0), (2, 3)], {}, ValueError, "1 of 2 edges have a weight"),
        ([(1, 2, "x")], {}, TypeError, r"edges\[0\] has the weight 'x'"),
        ([(1, 2, 0)], {}, ValueError, r"weights\[0\] is 0.0; weights must be finite and above 0"),
        ([(1, 2)], {"weights": [-1]}, ValueError, r"weights\[0\] is -1.0"),
        ([(1, 2)], {"weights": [np.nan]}, ValueError, r"weights\[0\] is nan"),
        ([(1, 2)], {"weights": [1e39]}, ValueError, r"weights\[0\] is 1e\+39"),
        ([(1, 2)], {"weights": [1e-50]}, ValueError, r"weights\[0\] is 1e-50"),
        ([(1, 2), (1, 2)], {"weights": [3e38, 3e38]}, ValueError, "add up to more than float32 holds"),
        ([(1, 2)], {"weights": [1, 2]}, ValueError, "weights has 2 values; there are 1 edges"),
        ([(1, 2)], {"weights": ["x"]}, TypeError, "weights must be one-dimensional, of numbers"),
        ([(1, 2, 3)], {"weights": [1]}, ValueError, "weights is given, and the edges have weights too"),
        ([(1, 2)], {"nodes": [1]}, ValueError, "an edge has the node 2, which is not in nodes"),
        ([(1, 2)], {"nodes": [1, 2, 1]}, ValueError, "nodes holds 1 and 1"),
        ([(1, 2)], {"nodes": "12"}, TypeError, "nodes is the str '12'"),
        ([], {}, ValueError, "the graph has no nodes"),
    ],
)
def test_wrong_edges(edges, options, error, message):
    with pytest.raises(error, match=message):
        Graph.from_edges(edges, **options)


# ---- rows ----


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"row_ptr": [0, 1, 2, 4]}, TypeError, "row_ptr is a list"),
        ({"row_ptr": np.array([0, 2, 3, 4], np.int32)}, TypeError, "row_ptr has shape .* int32"),
        ({"row_ptr": np.array([0, 3, 2, 4])}, ValueError, r"row_ptr\[2\] is 2"),
        ({"row_ptr": np.array([0, 2, 3, 5])}, ValueError, r"row_ptr\[3\] is 5"),
        ({"row_ptr": np.array([1, 2, 3, 4])}, ValueError, r"row_ptr\[0\] is 1"),
        ({"row_ptr": np.array([0, 2, 3, 3])}, ValueError, r"row_ptr\[3\] is 3"),
        ({"row_ptr": np.empty(0, np.int64)}, ValueError, "row_ptr has 0 values"),
        ({"neighbours": np.array([1, 3, 0, 0], np.int32)}, ValueError, r"neighbours\[1\] is 3"),
        ({"neighbours": np.array([-1, 2, 0, 0], np.int32)}, ValueError, r"neighbours\[0\] is -1"),
        ({"neighbours": np.array([1, 1, 0, 0], np.int32)}, ValueError, r"neighbours\[1\] is 1 after 1"),
        ({"neighbours": np.array([1, 2, 0, 1], np.int32)}, ValueError, "directed is False, but some edge"),
        ({"weights": np.ones(3, np.float32)}, ValueError, "weights has 3 values"),
        ({"weights": np.array([1, 1, 1, 0], np.float32)}, ValueError, r"weights\[3\] is 0"),
        ({"weights": np.array([1, 1, 2, 1], np.float32)}, ValueError, "directed is False"),
        ({"nodes": ["a", "b"]}, ValueError, "nodes holds 2 nodes; row_ptr has 3 rows"),
    ],
)
def test_wrong_rows(change, error, message):
    right = {"row_ptr": np.array([0, 2, 3, 4]), "neighbours": np.array([1, 2, 0, 0], np.int32)}
    Graph(**right)
    with pytest.raises(error, match=message):
        Graph(**right | change)


def test_rows_of_unknown_nodes():
    graph = Graph.from_edges(EDGES)
    with pytest.raises(KeyError, match="0 is not among the 5 nodes"):
        graph.row(0)
    with pytest.raises(TypeError, match="nodes must be integers or str"):
        graph.row(2.0)


# ---- files ----


@pytest.fixture
def write(tmp_path):
    def write(text, name="edges.txt"):
        path = tmp_path / name
        with (gzip.open if name.endswith(".gz") else open)(path, "wb") as file:
            file.write(text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["edges.txt", "edges.gz"])
def test_from_file(write, name):
    path = write("# a comment 1 2\n33 2\n2\t5 0.5\n\n5 33 2e0\n#\n7 7\r\n2 33\n5 2\n-1 5", name)
    weights = [1, 0.5, 2, 1, 1, 1, 1]
    graph = Graph.from_file(path)
    assert graph.nodes == [-1, 2, 5, 7, 33]
    assert as_dict(graph) == reference([(a, b, w) for (a, b), w in zip(EDGES, weights)])
    directed = Graph.from_file(path, directed=True)
    assert as_dict(directed) == reference([(a, b, w) for (a, b), w in zip(EDGES, weights)], True)
    once = Graph.from_file(path, weighted=False)
    assert once.weights is None and once.neighbours.tolist() == graph.neighbours.tolist()


def test_names_of_nodes_in_a_file(write):
    assert Graph.from_file(write("10 9\n9 8\n")).nodes == [8, 9, 10]
    assert Graph.from_file(write("10 9\n9 08\n")).nodes == ["08", "10", "9"]
    assert Graph.from_file(write("a 1\n")).nodes == ["1", "a"]
    assert Graph.from_file(write("1 1.0\n")).nodes == ["1", "1.0"]
    weights_are_no_nodes = Graph.from_file(write("1 2 7\n2 3 8\n"))
    assert weights_are_no_nodes.nodes == [1, 2, 3]


def test_adjacency(write):
    """An edge that both its nodes list is one; a node alone is isolated."""
    graph = Graph.from_file(write("1 2 3 3\n2 1\n5\n4 4\n"), layout="adjacency")
    assert as_dict(graph) == {1: {2: 1, 3: 1}, 2: {1: 1}, 3: {1: 1}, 4: {4: 1}, 5: {}}
    assert graph.isolated == [5] and graph.weights is None
    directed = Graph.from_file(write("1 2 3\n2 1\n"), layout="adjacency", directed=True)
    assert as_dict(directed) == {1: {2: 1, 3: 1}, 2: {1: 1}, 3: {}}


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("", {}, "there are no tokens"),
        ("# nothing\n", {}, "nothing but comments"),
        ("1 2\n\n3\n", {}, r"line 2 \(empty ones not counted\) is '3'; a line must be 'node node'"),
        ("1 2\n3 4 5 6\n", {}, "is '3 4 5 6'.*'adjacency'"),
        ("1 2 x\n", {}, "is '1 2 x'.*a number for the weight"),
        ("1 2 1\n1 2 0\n", {}, "line 2 .* is '1 2 0'.*finite weight above 0"),
        ("1 2 nan\n", {}, "finite weight above 0"),
        ("1 2 -1\n", {}, "finite weight above 0"),
        ("1 2 1e39\n", {}, "finite weight above 0"),
        ("1 2 1e-50\n", {}, "finite weight above 0"),
        ("1 2 3\n3 4\n", {"weighted": True}, "line 2 .*'node node weight', as weighted is True"),
        ("1 2\n", {"layout": "matrix"}, "layout is 'matrix'; allowed are 'edges', 'adjacency'"),
        ("1 2\n", {"weighted": "yes"}, "weighted is 'yes'"),
        ("1 2\n", {"layout": "adjacency", "weighted": True}, "adjacency lists have no weights"),
    ],
)
def test_wrong_files(write, text, options, message):
    with pytest.raises(ValueError, match=message):
        Graph.from_file(write(text), **options)


def test_other_bytes(tmp_path):
    path = tmp_path / "edges"
    path.write_bytes(b"1 2\n\xff 3\n")
    with pytest.raises(ValueError, match="invalid UTF-8 at byte offset 4"):
        Graph.from_file(path)
    with pytest.raises(FileNotFoundError):
        Graph.from_file(tmp_path / "none")


def test_known_graphs(data):
    """Sizes from the graphs' own descriptions."""
    folder = data / "sequences"
    karate = Graph.from_file(folder / "karate.adjlist", layout="adjacency")
    assert (len(karate), karate.n_edges, karate.nodes) == (34, 78, list(range(1, 35)))
    assert karate.neighbours_of(5) == [1, 7, 11]
    assert len(Graph.from_file(folder / "cora.cites", directed=True)) == 2708
    blogs = Graph.from_file(folder / "blogcatalog.edges.gz")
    assert (len(blogs), blogs.n_edges, blogs.weights) == (10312, 333983, None)


# ---- SciPy ----


class Csr:
    """What is used of a sparse matrix of SciPy."""

    def __init__(self, dense):
        dense = np.asarray(dense)
        rows, self.indices = np.nonzero(dense)
        self.shape, self.data = dense.shape, dense[rows, self.indices]
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])

    def tocsr(self):
        return self


SYMMETRIC = [[0, 2, 0, 0], [2, 1, 3, 0], [0, 3, 0, 0], [0, 0, 0, 0]]


def test_from_sparse():
    graph = Graph.from_sparse(Csr(SYMMETRIC))
    assert not graph.directed and graph.isolated == [3]
    assert as_dict(graph) == {0: {1: 2}, 1: {0: 2, 1: 1, 2: 3}, 2: {1: 3}, 3: {}}
    assert as_dict(Graph.from_sparse(Csr(SYMMETRIC), nodes=list("abcd")))["b"] == {"a": 2, "b": 1, "c": 3}
    assert Graph.from_sparse(Csr(SYMMETRIC), directed=True).directed
    upper = Graph.from_sparse(Csr(np.triu(SYMMETRIC)))
    assert upper.directed and as_dict(upper) == {0: {1: 2}, 1: {1: 1, 2: 3}, 2: {}, 3: {}}
    assert Graph.from_sparse(Csr(np.array(SYMMETRIC) > 0)).weights is None


@pytest.mark.parametrize(
    "matrix, options, error, message",
    [
        (np.eye(3), {}, TypeError, "matrix is a ndarray; it must be a sparse matrix"),
        (Csr(np.ones((2, 3))), {}, ValueError, r"matrix is of shape \(2, 3\)"),
        (Csr(-np.eye(2)), {}, ValueError, r"weights\[0\] is -1"),
        (Csr(np.eye(2) * 1j), {}, TypeError, "weights must be one-dimensional, of numbers"),
        (Csr(np.triu(SYMMETRIC)), {"directed": False}, ValueError, r"not symmetric; give matrix \+ matrix.T"),
        (Csr(np.eye(2)), {"nodes": [1]}, ValueError, "nodes holds 1 nodes; matrix has 2 rows"),
        (Csr(np.zeros((0, 0))), {}, ValueError, "the graph has no nodes"),
    ],
)
def test_wrong_matrices(matrix, options, error, message):
    with pytest.raises(error, match=message):
        Graph.from_sparse(matrix, **options)


def test_stored_zeros_are_refused():
    matrix = Csr(SYMMETRIC)
    matrix.data = matrix.data * np.array([1, 1, 0, 1, 1])
    with pytest.raises(ValueError, match="matrix stores zeros"):
        Graph.from_sparse(matrix)


def test_scipy_itself():
    sparse = pytest.importorskip("scipy.sparse")
    for form in (sparse.coo_matrix, sparse.csr_array, sparse.csc_matrix, sparse.lil_matrix, sparse.dok_array):
        assert as_dict(Graph.from_sparse(form(np.array(SYMMETRIC)))) == (
            as_dict(Graph.from_sparse(Csr(SYMMETRIC)))
        )
    twice = sparse.coo_matrix(([1, 2], ([0, 0], [1, 1])), shape=(2, 2))
    assert as_dict(Graph.from_sparse(twice)) == {0: {1: 3}, 1: {}}


# ---- networkx ----


class Network:
    """What is used of a graph of networkx."""

    def __init__(self, nodes, edges, directed=False):
        self.nodes, self._edges, self._directed = nodes, edges, directed

    def is_directed(self):
        return self._directed

    def edges(self, data=False, default=None):
        return [(a, b, *([d.get(data, default)] if data else [])) for a, b, d in self._edges]


NETWORK = [("b", 3, {"weight": 2}), (3, 4, {}), ("b", 3, {"weight": 0.5, "km": 7})]


@pytest.mark.parametrize("directed", [False, True])
def test_from_networkx(directed):
    graph = Graph.from_networkx(Network(["z", "b", 3, 4], NETWORK, directed))
    assert graph.nodes == ["z", "b", 3, 4] and graph.isolated == ["z"] and graph.directed == directed
    assert as_dict(graph) == reference([("b", 3, 2.5), (3, 4, 1)], directed, ["z"])
    by_length = Graph.from_networkx(Network(["b", 3, 4], NETWORK, directed), weight="km")
    assert as_dict(by_length) == reference([("b", 3, 8), (3, 4, 1)], directed)
    plain = Graph.from_networkx(Network(["b", 3, 4], NETWORK[:2], directed), weight=None)
    assert plain.weights is None


def test_wrong_networks():
    with pytest.raises(TypeError, match="graph is a SimpleNamespace; it must be a graph of networkx"):
        Graph.from_networkx(SimpleNamespace())
    with pytest.raises(TypeError, match=r"nodes must be integers or str; got \(0, 1\) of type tuple"):
        Graph.from_networkx(Network([(0, 1)], []))
    with pytest.raises(ValueError, match=r"weights\[0\] is -1"):
        Graph.from_networkx(Network([1, 2], [(1, 2, {"weight": -1})]))
    with pytest.raises(ValueError, match="the graph has no nodes"):
        Graph.from_networkx(Network([], []))


def test_networkx_itself():
    networkx = pytest.importorskip("networkx")
    karate = Graph.from_networkx(networkx.karate_club_graph())
    assert (len(karate), karate.n_edges, karate.weights is None) == (34, 78, False)
    assert Graph.from_networkx(networkx.karate_club_graph(), weight=None).weights is None
    several = networkx.MultiDiGraph([(1, 2), (1, 2), (2, 1), (5, 5)])
    several.add_node("alone")
    graph = Graph.from_networkx(several)
    assert as_dict(graph) == {1: {2: 2}, 2: {1: 1}, 5: {5: 1}, "alone": {}}


# ---- vectors ----


def test_node_vectors_are_in_the_order_of_the_nodes(rng):
    graph = Graph.from_edges([(33, 2), (2, 10)])
    rows = rng.standard_normal((4, 3)).astype(np.float32)
    vectors = KeyedVectors(["2", "x", "33", "10"], rows)
    assert graph.nodes == [2, 10, 33]
    np.testing.assert_array_equal(graph.node_vectors(vectors), rows[[0, 3, 2]])
    np.testing.assert_array_equal(graph.node_vectors(vectors)[graph.row(33)], vectors["33"])
    with pytest.raises(KeyError, match="1 of 3 nodes have no vector, the first is 33"):
        graph.node_vectors(KeyedVectors(["2", "10"], rows[:2]))
