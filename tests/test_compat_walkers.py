"""Programs of others that hand random walks to gensim's Word2Vec, run unchanged but for that import.

Each test is skipped where its package is not installed.
"""

import types
import warnings

import numpy as np
import pytest

from fastsg.compat import Word2Vec

# Two triangles joined by an edge, thrice over: nodes of a triangle belong together.
EDGES = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (2, 3)]


def installed(name: str):
    """The package, or a skipped test; some do not import beside newer versions of what they need."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pytest.importorskip(name)
    except (AttributeError, ImportError) as error:
        pytest.skip(f"{name} does not import here: {error}")


def check_embedding(vectors: np.ndarray, size: int) -> None:
    """One finite vector a node, and triangles that are told apart."""
    assert vectors.shape == (6, size) and np.isfinite(vectors).all()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    within = (cosines[0, 1] + cosines[4, 5]) / 2
    across = (cosines[0, 5] + cosines[1, 4]) / 2
    assert within > across


def test_node2vec(monkeypatch):
    module = installed("node2vec.node2vec")
    networkx = installed("networkx")
    from node2vec import Node2Vec
    from node2vec.edges import HadamardEmbedder

    gensim = types.SimpleNamespace(models=types.SimpleNamespace(Word2Vec=Word2Vec))
    monkeypatch.setattr(module, "gensim", gensim)
    walks = Node2Vec(networkx.Graph(EDGES), dimensions=8, walk_length=12, num_walks=30, workers=1, seed=1)
    model = walks.fit(window=2, min_count=1, batch_words=4)
    assert isinstance(model, Word2Vec) and model.corpus_count == 6 * 30
    check_embedding(model.wv[[str(node) for node in range(6)]], 8)
    assert HadamardEmbedder(keyed_vectors=model.wv)[("0", "1")].shape == (8,)


def test_pecanpy(monkeypatch, tmp_path):
    module = installed("pecanpy.pecanpy")
    monkeypatch.setattr(module, "Word2Vec", Word2Vec)
    path = tmp_path / "graph.edg"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in EDGES))
    graph = module.SparseOTF(p=1, q=1, workers=1, verbose=False, random_state=1)
    graph.read_edg(str(path), weighted=False, directed=False)
    vectors = graph.embed(dim=8, num_walks=30, walk_length=12, window_size=2, epochs=5)
    order = [graph.nodes.index(str(node)) for node in range(6)]
    check_embedding(vectors[order], 8)


@pytest.mark.parametrize("name", ["Node2Vec", "DeepWalk"])
def test_karateclub(monkeypatch, name):
    karateclub = installed("karateclub")
    networkx = installed("networkx")
    module = __import__(f"karateclub.node_embedding.neighbourhood.{name.lower()}", fromlist=[name])
    monkeypatch.setattr(module, "Word2Vec", Word2Vec)
    walks = getattr(karateclub, name)(dimensions=8, walk_number=30, walk_length=12, window_size=2, workers=1)
    with pytest.warns(UserWarning, match="without effect: hs=1"):
        walks.fit(networkx.Graph(EDGES))
    check_embedding(walks.get_embedding(), 8)


def test_pyrdf2vec(monkeypatch):
    installed("pyrdf2vec")
    from pyrdf2vec import embedders

    module = installed("pyrdf2vec.embedders.word2vec")
    monkeypatch.setattr(module, "W2V", Word2Vec)
    embedder = embedders.Word2Vec(vector_size=8, window=2, epochs=3)
    walks = [[(f"n{a}", "to", f"n{b}"), (f"n{b}", "to", f"n{a}")] for a, b in EDGES * 10]
    embedder.fit(walks)
    vectors = embedder.transform([f"n{node}" for node in range(6)])
    assert np.shape(vectors) == (6, 8) and np.isfinite(vectors).all()
    with pytest.raises(ValueError, match="must have been provided"):
        embedder.transform(["n9"])
    embedder.fit([[("n9", "to", "n0"), ("n0", "to", "n9")]] * 10, is_update=True)
    assert np.shape(embedder.transform(["n9", "n0"])) == (2, 8)
