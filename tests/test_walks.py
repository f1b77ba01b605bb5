"""Random walks: their probabilities against plain Python, the same bits for any number of threads."""

import hashlib
import json
import math
from collections import Counter

import numpy as np
import pytest
from commands import python
from conftest import SEED

from fastsg import EncodedCorpus, SkipGram, _walks
from fastsg.graph import Graph, random_walks

# ---- the reference: dictionaries, fractions of weights ----


def as_dict(graph):
    """{node: {neighbour: weight}}."""
    return {
        node: {
            graph.nodes[graph.neighbours[e]]: 1.0 if graph.weights is None else float(graph.weights[e])
            for e in range(graph.row_ptr[v], graph.row_ptr[v + 1])
        }
        for v, node in enumerate(graph.nodes)
    }


def chances(rows, before, at, p, q):
    """{next node: probability} of a walk that came to `at` from `before` (None: it begins there)."""
    found = {}
    for to, weight in rows[at].items():
        if before is None:
            found[to] = weight
        elif to == before:
            found[to] = weight / p
        elif to in rows[before]:
            found[to] = weight
        else:
            found[to] = weight / q
    total = math.fsum(found.values())
    return {to: weight / total for to, weight in found.items()}


def z_score(graph, walks, p, q):
    """How far the steps of walks are from the reference, in standard deviations; inf for an impossible one.

    Chi-square over all steps that had a choice, made normal as Wilson and Hilferty do. Where less than 5
    steps are expected to some node, it is counted together with others."""
    rows, triples, steps = as_dict(graph), Counter(), {}
    for walk in walks:
        words = list(walk)
        triples.update(zip([None, *words], words, words[1:]))
    kind = type(graph.nodes[0])
    for (before, at, to), count in triples.items():
        key = (None if before is None else kind(before), kind(at))
        steps.setdefault(key, Counter())[kind(to)] += count
    chi, freedom = 0.0, 0
    for (before, at), found in steps.items():
        expected, n = chances(rows, before, at, p, q), sum(found.values())
        if set(found) - set(expected):
            return math.inf
        cells, rest = [], [0, 0.0]
        for to, chance in sorted(expected.items(), key=lambda item: item[1]):
            rest = [rest[0] + found[to], rest[1] + chance * n]
            if rest[1] >= 5:
                cells.append(rest)
                rest = [0, 0.0]
        if len(cells) > 1:
            cells[-1] = [cells[-1][0] + rest[0], cells[-1][1] + rest[1]]
            chi += sum((seen - wanted) ** 2 / wanted for seen, wanted in cells)
            freedom += len(cells) - 1
    assert freedom > 0
    third = 2 / (9 * freedom)
    return ((chi / freedom) ** (1 / 3) - (1 - third)) / math.sqrt(third)


def small_graph(weighted, directed, seed=5):
    """12 nodes, 40 edges and some loops: degrees from 1 to 10."""
    rng = np.random.default_rng(seed)
    ends = rng.choice(12, (40, 2), p=np.arange(1, 13) / 78)
    ends = np.unique(np.concatenate([ends, [[0, 11], [4, 4]]]), axis=0)
    weights = rng.choice([0.01, 0.5, 1, 2, 30], len(ends)) if weighted else None
    if not weighted and not directed:
        ends = np.unique(np.sort(ends, axis=1), axis=0)
    return Graph.from_edges(ends * 7, weights, directed=directed)


# ---- probabilities ----

TURNS = [(1, 1), (0.25, 4), (4, 0.25), (2, 1), (1, 3), (0.01, 1), (100, 0.01), (0.05, 20), (50, 50)]


@pytest.mark.parametrize("p, q", TURNS)
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities(weighted, directed, p, q):
    graph = small_graph(weighted, directed)
    walks = random_walks(graph, walks_per_node=1000, walk_length=20, p=p, q=q, seed=SEED + 1)
    assert -5 < z_score(graph, walks, p, q) < 5


@pytest.mark.parametrize("p, q", [(1, 1), (0.25, 4), (4, 0.25)])
@pytest.mark.parametrize("weighted", [False, True])
def test_control_wrong_probabilities_are_found(weighted, p, q):
    """The same test sees p or q off by three tenths, weights read as roots, p taken for q."""
    graph = small_graph(weighted, False)
    walks = list(random_walks(graph, walks_per_node=1000, walk_length=20, p=p, q=q, seed=SEED + 1))
    assert z_score(graph, walks, p * 1.3, q) > 6
    assert z_score(graph, walks, p, q * 1.3) > 6
    assert p == q or z_score(graph, walks, q, p) > 10
    if weighted:
        roots = Graph(graph.row_ptr, graph.neighbours, np.sqrt(graph.weights), nodes=graph.nodes)
        assert z_score(roots, walks, p, q) > 10
    fewer = Graph.from_edges(
        [(a, b, w) for a, row in as_dict(graph).items() for b, w in row.items()][1:], directed=True
    )
    assert z_score(fewer, walks, p, q) == math.inf


def test_rows_added_up():
    """Among nodes that all know each other a small q is never met: nearly every proposal is rejected."""
    nodes = range(6)
    graph = Graph.from_edges([(a, b, 1 + a * b) for a in nodes for b in nodes if a < b])
    walks = random_walks(graph, walks_per_node=3000, walk_length=30, p=1e6, q=1e-6, seed=SEED + 1)
    assert -5 < z_score(graph, walks, 1e6, 1e-6) < 5


def test_a_hub(rng):
    """A row of many edges, whose weights differ a thousandfold."""
    weights = rng.choice([1, 10, 1000], 300)
    graph = Graph.from_edges([(0, i, w) for i, w in enumerate(weights.tolist(), 1)])
    walks = random_walks(graph, walks_per_node=60, walk_length=41, p=4, seed=SEED + 1)
    assert -5 < z_score(graph, walks, 4, 1) < 5


# ---- walks ----


def test_walks_begin_at_every_node():
    graph = small_graph(True, False)
    for shuffle in (False, True):
        walks = list(random_walks(graph, walks_per_node=7, walk_length=5, shuffle=shuffle))
        assert Counter(walk[0] for walk in walks) == {str(node): 7 for node in graph.nodes}
        assert all(len(walk) == 5 for walk in walks)
        rounds = [[int(walk[0]) for walk in walks[i : i + 12]] for i in range(0, len(walks), 12)]
        assert all(sorted(starts) == graph.nodes for starts in rounds)
        assert (rounds[0] == graph.nodes) == (not shuffle) and (rounds[0] == rounds[1]) == (not shuffle)


def test_shuffling_changes_the_order_alone():
    graph = small_graph(True, False)
    plain, shuffled = (
        list(random_walks(graph, walk_length=9, q=0.5, shuffle=shuffle)) for shuffle in (False, True)
    )
    assert plain != shuffled and sorted(plain) == sorted(shuffled)


def test_more_rounds_and_longer_walks_keep_what_was_walked():
    graph = small_graph(True, True)
    short = list(random_walks(graph, walks_per_node=2, walk_length=6, p=3))
    long = list(random_walks(graph, walks_per_node=5, walk_length=30, p=3))
    assert [walk[:6] for walk in long[: len(short)]] == short


@pytest.mark.parametrize("p, q", [(1, 1), (0.5, 2)])
def test_threads_do_not_matter(p, q):
    graph = small_graph(True, False)
    results = [
        random_walks(graph, walks_per_node=300, walk_length=40, p=p, q=q, workers=workers)
        for workers in (1, 2, 3, 7)
    ]
    assert len({(r.tokens.tobytes(), r.offsets.tobytes(), *r.vocab.words) for r in results}) == 1
    other = random_walks(graph, walks_per_node=300, walk_length=40, p=p, q=q, seed=2)
    assert other.tokens.tobytes() != results[0].tokens.tobytes()


GOLDEN = {
    (False, 1, 1): "5426446dd629d6e6",
    (False, 0.25, 4): "e6cb9a1e88a2a694",
    (True, 1, 1): "ada88ae21fa743fd",
    (True, 0.01, 3): "43f8af1b449e06ca",
}


@pytest.mark.parametrize("weighted, p, q", GOLDEN)
def test_the_same_walks_everywhere(weighted, p, q):
    """On every machine and in every version; a change of these is a change for users."""
    edges = [(i, i * j % 17, 1 / (1 + i)) for i in range(17) for j in range(4)]
    graph = Graph.from_edges(edges if weighted else sorted({tuple(sorted(edge[:2])) for edge in edges}))
    lines = [" ".join(walk) for walk in random_walks(graph, walks_per_node=50, p=p, q=q, seed=2**64 - 1)]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == GOLDEN[weighted, p, q]


def test_dead_ends_and_isolated_nodes(caplog):
    graph = Graph.from_edges([(1, 2), (2, 3), (4, 4)], directed=True, nodes=[1, 2, 3, 4, 5])
    with caplog.at_level("WARNING"):
        walks = random_walks(graph, walks_per_node=2, walk_length=4, shuffle=False)
    assert list(walks) == [["1", "2", "3"], ["2", "3"], ["3"], ["4"] * 4, ["5"]] * 2
    assert [record.message for record in caplog.records] == [
        "1 of 5 nodes are isolated, and their walks are the node alone: 5"
    ]
    caplog.clear()
    one_way = random_walks(graph, walks_per_node=1, walk_length=4, p=0.1, q=7, shuffle=False)
    assert list(one_way) == list(walks)[:5]


def test_no_way_back_on_a_one_way_street():
    """The edge to where the walk came from need not exist, however likely p makes it."""
    graph = Graph.from_edges([(0, 1), (1, 2), (1, 3), (2, 0), (3, 0), (3, 1)], directed=True)
    walks = random_walks(graph, walks_per_node=3000, walk_length=12, p=0.01, q=2, seed=SEED + 1)
    assert -5 < z_score(graph, walks, 0.01, 2) < 5


def test_vocabulary():
    graph = Graph.from_edges([(1, 2), (2, 3), ("a", 2)], nodes=[9, 3, 2, 1, "a"])
    walks = random_walks(graph, walks_per_node=20, walk_length=3)
    assert sorted(walks.vocab.words) == ["1", "2", "3", "9", "a"] and walks.vocab.words[0] == "2"
    counts = Counter(word for walk in walks for word in walk)
    assert dict(zip(walks.vocab.words, walks.vocab.counts.tolist())) == counts
    assert walks.raw_tokens == walks.n_tokens == sum(counts.values())
    cut = random_walks(graph, walks_per_node=20, walk_length=3, min_count=21)
    assert "9" not in cut.vocab.words and cut.raw_tokens == walks.n_tokens
    assert list(cut) == [walk for walk in walks if walk != ["9"]]


def test_walks_of_one_node():
    walks = random_walks(small_graph(False, False), walk_length=1, walks_per_node=1, p=2, shuffle=False)
    assert all(len(walk) == 1 for walk in walks) and len(walks) == 12


def test_karate_trains_and_keeps_every_node(data):
    graph = Graph.from_file(data / "sequences" / "karate.adjlist", layout="adjacency")
    walks = random_walks(graph, p=0.5, q=2)
    model = SkipGram(walks, vector_size=16, window=5, sample=0, progress=False)
    assert len(model.wv) == 34 and model.corpus is walks
    vectors = graph.node_vectors(model.wv)
    np.testing.assert_array_equal(vectors[graph.row(33)], model.wv["33"])
    # The two factions met at 1 and at 34: a member is nearer to its own.
    near = model.wv.similarity
    assert near("1", "2") > near("34", "2") and near("34", "30") > near("1", "30")


def test_progress_bar(capsys):
    random_walks(small_graph(False, False), progress=True)
    assert "walking" in capsys.readouterr().err
    random_walks(small_graph(False, False))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"graph": [(1, 2)]}, TypeError, "graph is a list; make it a Graph: Graph.from_edges"),
        ({"graph": type("Graph", (), {})()}, TypeError, "graph is a test_walks.Graph; make it a Graph"),
        ({"walks_per_node": 0}, ValueError, "walks_per_node is 0; allowed are integers >= 1"),
        ({"walks_per_node": 1.5}, ValueError, "walks_per_node is 1.5"),
        ({"walk_length": 0}, ValueError, "walk_length is 0"),
        ({"walk_length": 2**31}, ValueError, "walk_length is 2147483648; it must be below"),
        ({"p": 0}, ValueError, "p is 0; it must be above 0"),
        ({"p": -1}, ValueError, "p is -1; it must be finite and not negative"),
        ({"q": math.inf}, ValueError, "q is inf"),
        ({"q": math.nan}, ValueError, "q is nan"),
        ({"q": "1"}, TypeError, "q is '1', a str; it must be a number"),
        ({"min_count": 0}, ValueError, "min_count is 0"),
        ({"min_count": 10**9}, ValueError, "fewer than min_count=1000000000"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**64}, ValueError, "seed is 18446744073709551616; it must be at most"),
        ({"seed": None}, TypeError, "seed is None"),
        ({"workers": 0}, ValueError, "workers is 0"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        random_walks(**{"graph": small_graph(False, False)} | options)


INTERRUPT = """
import json, os, signal, sys, threading, time
from fastsg.graph import Graph, random_walks
graph = Graph.from_edges([(a, b) for a in range(300) for b in range(a)])
sent = None
def kill():
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(float(sys.argv[1]), kill).start()
try:
    random_walks(graph, walks_per_node=10**7, p=8, q=0.125, workers=int(sys.argv[2]))
except KeyboardInterrupt:
    print(json.dumps(time.perf_counter() - sent))
print(json.dumps(len(random_walks(graph, walks_per_node=1, workers=int(sys.argv[2])))))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt(workers):
    """Ctrl-C ends a long walk soon, and another may follow."""
    done = python("-c", INTERRUPT, "0.4", workers, timeout=100)
    assert done.returncode == 0, done.stderr
    caught, after = map(json.loads, done.stdout.split())
    assert caught < 10 and after == 300


# ---- the binding ----

RIGHT = {
    "row_ptr": np.array([0, 2, 3, 4]),
    "neighbours": np.array([1, 2, 0, 0], np.int32),
    "weights": None,
    "back": 1.0,
    "far": 1.0,
    "num_threads": 1,
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"num_threads": 0}, "num_threads is 0"),
        ({"back": 0.0}, "back is 0.0; it must be finite and above 0"),
        ({"far": math.nan}, "far is nan"),
        ({"neighbours": np.array([1, 9, 0, 0], np.int32)}, r"neighbours\[1\] is 9"),
        ({"weights": np.array([1, 1, 1, np.inf], np.float32)}, r"weights\[3\] is inf"),
    ],
)
def test_wrong_graphs_for_the_walker(change, message):
    with pytest.raises(ValueError, match=message):
        _walks.Walker(**RIGHT | change)


def test_wrong_calls_of_the_walker():
    walker = _walks.Walker(**RIGHT)
    right = {
        "seed": 1,
        "streams": np.zeros(2, np.uint64),
        "starts": np.array([0, 2], np.int32),
        "walks": np.empty((2, 5), np.int32),
        "lengths": np.empty(2, np.int64),
    }
    walker.walk(**right)
    assert right["lengths"].tolist() == [5, 5]
    for change, message in (
        ({"starts": np.array([0, 3], np.int32)}, r"starts\[1\] is 3; it must lie in \[0, 3\)"),
        ({"starts": np.array([-1, 0], np.int32)}, r"starts\[0\] is -1"),
        ({"lengths": np.empty(1, np.int64)}, r"need n, n, \(n, 1 or more\) and n"),
        ({"walks": np.empty((2, 0), np.int32)}, "need n, n"),
    ):
        with pytest.raises(ValueError, match=message):
            walker.walk(**right | change)


# ---- walks of others ----


@pytest.mark.parametrize(
    "kind", [np.int64, np.int32, np.uint8, np.uint64, "list", "list of arrays", "transposed"]
)
def test_integers_are_tokens(rng, kind):
    walks = rng.integers(0, 40, (30, 7))
    given = {
        "list": walks.tolist(),
        "list of arrays": list(walks),
        "transposed": np.asfortranarray(walks),
    }.get(kind) if isinstance(kind, str) else walks.astype(kind)  # fmt: skip
    strings = EncodedCorpus.from_iter(walks.astype(str).tolist(), min_count=3)
    found = EncodedCorpus.from_iter(given, min_count=3)
    assert found.vocab == strings.vocab and list(found) == list(strings)
    assert found.raw_tokens == strings.raw_tokens == 210
    assert list(EncodedCorpus.from_iter(given, vocab=strings.vocab)) == list(strings)


@pytest.mark.parametrize(
    "values", [[-5, 3], [10**15, 3], [-(2**63), 2**63 - 1], [2**31, 2**31 + 1], [10**6, 10**6]]
)
def test_integers_far_apart(values):
    array = np.array([values, values[::-1]])
    found = EncodedCorpus.from_iter(array, min_count=1)
    assert list(found) == [list(map(str, values)), list(map(str, values[::-1]))]


def test_integers_and_strings_are_the_same_words():
    found = EncodedCorpus.from_iter([[1, "1", np.int8(1)], ["2", 2]], min_count=1)
    assert list(found) == [["1"] * 3, ["2"] * 2]


def test_skipgram_takes_integers():
    model = SkipGram([[1, 2, 3]], min_count=1, vector_size=4, progress=False)
    assert sorted(model.wv.index_to_key) == ["1", "2", "3"]
    model = SkipGram(np.array([[33, 2, 33]]), min_count=1, vector_size=4, progress=False)
    assert model.wv.index_to_key == ["33", "2"]
    assert (model.wv["2"] == model.wv[1]).all()  # a str is a node, an integer a row
    with pytest.raises(KeyError, match="33 is neither a word nor a row number below 2"):
        model.wv[33]
    with pytest.raises(ValueError, match="fewer than min_count=5"):
        SkipGram([[1, 2, 3]])
