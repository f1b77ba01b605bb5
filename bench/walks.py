"""Random walks per second: fastsg.graph beside node2vec and PecanPy, where these are installed.

usage: python bench/walks.py EDGES... [--walks 10] [--length 80] [--p 0.25] [--q 4] [--threads 1]
                             [--repeats 3] [--no-node2vec] [--json FILE]

First the walks are verified: every step is an edge of the graph, and of the steps that came from t to v, as
many go on to each x as node2vec's formula says, within the noise (on the pairs (t, v) seen most). Then the
contenders run in turn, so that all meet the same disturbances, and medians are quoted. Seconds are from a
graph in the contender's own form to the walks as it gives them, preparations included: node2vec's and
PreComp's tables, PecanPy's compilation not (it walks once before). Edges are read as undirected and without
weights. node2vec makes a table for every pair of edges that meet, in Python: leave it out for large graphs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from machine import describe

from fastsg import EncodedCorpus
from fastsg.graph import Graph, random_walks

#: From the options to the seconds that the walks took.
Contender = Callable[[], float]


def verify(graph: Graph, walks: EncodedCorpus, p: float, q: float) -> float:
    """The worst of 20 pairs (t, v): chi-square over its degrees of freedom. Of those with a choice of x, the
    pairs that are seen most."""
    row = np.array([graph.row(int(word)) for word in walks.vocab.words])
    steps = row[walks.tokens].reshape(len(walks), -1)
    t, v, x = (steps[:, i : steps.shape[1] - 2 + i].ravel() for i in range(3))
    n = len(graph)
    pairs, seen = np.unique(t.astype(np.int64) * n + v, return_counts=True)
    choice = np.diff(graph.row_ptr)[pairs % n] > 1
    pairs, seen = pairs[choice], seen[choice]
    near = [set(graph.neighbours[a:b].tolist()) for a, b in zip(graph.row_ptr, graph.row_ptr[1:])]
    worst = 0.0
    for pair in pairs[np.argsort(-seen)[:20]].tolist():
        before, at = divmod(pair, n)
        found = np.bincount(x[(t == before) & (v == at)], minlength=n)
        chance = np.zeros(n)
        for to in near[at]:
            chance[to] = 1 / p if to == before else 1 if to in near[before] else 1 / q
        if found[chance == 0].any():
            raise SystemExit(f"the walks leave {graph.nodes[at]} where there is no edge")
        expected = chance[chance > 0] / chance.sum() * found.sum()
        chi = ((found[chance > 0] - expected) ** 2 / expected).sum() / (len(expected) - 1)
        worst = max(worst, float(chi))
    return worst


def ours(graph: Graph, args: argparse.Namespace) -> Contender:
    """fastsg.graph."""

    def run() -> float:
        begun = time.perf_counter()
        random_walks(
            graph,
            walks_per_node=args.walks,
            walk_length=args.length,
            p=args.p,
            q=args.q,
            workers=args.threads,
        )
        return time.perf_counter() - begun

    return run


def pecanpy(graph: Graph, mode: str, args: argparse.Namespace) -> Contender:
    """One of PecanPy's modes, of which SparseOTF has no tables and PreComp has."""
    module = importlib.import_module("pecanpy.pecanpy")
    made = getattr(module, mode)(p=args.p, q=args.q, workers=args.threads, verbose=False)
    with tempfile.NamedTemporaryFile("w", suffix=".edg") as file:
        write_edges(graph, file)
        made.read_edg(file.name, False, False, delimiter=" ")

    def run() -> float:
        begun = time.perf_counter()
        made.preprocess_transition_probs()
        made.simulate_walks(num_walks=args.walks, walk_length=args.length)
        return time.perf_counter() - begun

    with contextlib.redirect_stderr(io.StringIO()):
        made.preprocess_transition_probs()
        made.simulate_walks(num_walks=1, walk_length=3)
    return run


def node2vec(graph: Graph, args: argparse.Namespace) -> Contender:
    """The package node2vec."""
    networkx, module = importlib.import_module("networkx"), importlib.import_module("node2vec")
    given: Any = networkx.Graph(edges(graph))

    def run() -> float:
        begun = time.perf_counter()
        module.Node2Vec(
            given,
            walk_length=args.length,
            num_walks=args.walks,
            p=args.p,
            q=args.q,
            workers=args.threads,
            quiet=True,
        )
        return time.perf_counter() - begun

    return run


def edges(graph: Graph) -> list[tuple[int, int]]:
    """Each edge once, as rows."""
    sources = np.repeat(np.arange(len(graph)), np.diff(graph.row_ptr))
    once = sources <= graph.neighbours
    return list(zip(sources[once].tolist(), graph.neighbours[once].tolist()))


def write_edges(graph: Graph, file: Any) -> None:
    """An edge a line."""
    file.writelines(f"{a} {b}\n" for a, b in edges(graph))
    file.flush()


def contenders(graph: Graph, args: argparse.Namespace) -> dict[str, Contender]:
    """Those that are installed, by name."""
    found = {"fastsg": ours(graph, args)}
    with contextlib.suppress(ImportError):
        for mode in ("SparseOTF", "PreComp"):
            found[f"PecanPy {mode}"] = pecanpy(graph, mode, args)
    if not args.no_node2vec:
        with contextlib.suppress(ImportError):
            found["node2vec"] = node2vec(graph, args)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("edges", nargs="+")
    parser.add_argument("--walks", type=int, default=10)
    parser.add_argument("--length", type=int, default=80)
    parser.add_argument("--p", type=float, default=0.25)
    parser.add_argument("--q", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-node2vec", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    print("  ".join(f"{name} {value}" for name, value in describe().items()) + "\n")
    rows = []
    for path in args.edges:
        graph = Graph.from_file(path, weighted=False)
        checked = random_walks(graph, walks_per_node=args.walks, walk_length=args.length, p=args.p, q=args.q)
        print(
            f"{Path(path).name}: {graph!r}, chi-square at most {verify(graph, checked, args.p, args.q):.2f}"
        )
        runs = contenders(graph, args)
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(args.repeats):
            for name, run in runs.items():
                taken[name].append(run())
        for name, seconds in taken.items():
            speed = args.walks * len(graph) / median(seconds)
            rows.append({"graph": Path(path).name, "name": name, "seconds": seconds, "walks_per_s": speed})
            print(f"  {name:20} {speed:12,.0f} walks/s   {median(seconds):8.3f} s", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": describe(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
