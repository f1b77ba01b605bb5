"""Graphs, and random walks on them: sentences of nodes, on which SkipGram trains as on any text.

    files, arrays, SciPy, networkx ──► edges: numbered, added up, in rows ──► Graph      reading, edges, graph
    Graph ──► walks, in compiled code ──► nodes numbered by count ──► EncodedCorpus      walks

DeepWalk, and with ``p`` and ``q`` node2vec, are two lines::

    graph = Graph.from_file("karate.edges")
    model = SkipGram(random_walks(graph, p=0.5, q=2.0), vector_size=64, window=10, sample=0)

and ``graph.node_vectors(model.wv)`` has the vectors of the nodes, in the order of ``graph.nodes``.

Nodes are integers or strings, and the word of a node is ``str(node)``. Node 33 is ``model.wv["33"]``, never
``model.wv[33]``, which is the 34th most frequent word. Rows of a Graph are numbered 0, 1, 2 in the order of
its nodes: ``graph.row(33)`` is the row of node 33.
"""

from .graph import Graph
from .walks import random_walks

__all__ = ["Graph", "random_walks"]
