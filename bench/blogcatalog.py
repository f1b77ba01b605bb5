"""Walks on BlogCatalog: node vectors by exact softmax and by gensim, judged by the groups they predict.

usage: python bench/blogcatalog.py [--fastsg "name: flags" ...] [--no-gensim] [--epochs 1] [--splits 3]
                                   [--seed 1] [--walks 80] [--steps 40] [--p 1] [--q 1] [--vector-size 128]
                                   [--window 10] [--json FILE]

The task of DeepWalk (Perozzi, Al-Rfou and Skiena 2014): 80 walks of 40 steps from each of 10,312 nodes, 128
coordinates, window 10 (with --p or --q the walks are node2vec's); a logistic regression for each of 39 groups
is trained on a part of the nodes; of every other node, as many groups as it has are predicted, the most
probable ones. Micro-F1 and Macro-F1, averaged over random splits. gensim gets the same walks: negative
sampling, and the hierarchical softmax of the original, with --epochs epochs (default 1, as DeepWalk trains);
fastsg makes as many passes over the counts as it does by default. Seconds are from the file of walks to the
file of vectors. The published figures are those of DeepWalk's README. Needs scikit-learn, and the graph in
the shared folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from machine import describe
from numpy.typing import NDArray
from peers import Row, default_variants, run_fastsg, run_peer, use_cores, variant

from fastsg import EncodedCorpus, KeyedVectors
from fastsg.graph import Graph, random_walks

GRAPH = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "sequences"
PARTS = (0.1, 0.5, 0.9)
PUBLISHED = {"DeepWalk, published": [(35.86, 21.08), (41.51, 27.68), (42.40, 28.21)]}


def read_groups(graph: Graph) -> NDArray[np.bool_]:
    """The groups of each node, (nodes, 39), in the order of the graph's nodes."""
    lines = [
        list(map(int, line.split()))
        for line in (GRAPH / "blogcatalog.labels").read_text().splitlines()
        if line.strip()
    ]
    groups = np.zeros((len(graph), max(max(groups) for _, *groups in lines) + 1), bool)
    for node, *labels in lines:
        groups[graph.row(node), labels] = True
    return groups[:, groups.any(0)]


def write_walks(walks: EncodedCorpus, path: Path) -> None:
    """A walk a line: what gensim and fastsg both read."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(" ".join(walk) + "\n" for walk in walks)


def scores(
    vectors: NDArray[np.float32], groups: NDArray[np.bool_], splits: int, seed: int
) -> list[tuple[float, float]]:
    """(Micro-F1, Macro-F1) in per cent for each part of labelled nodes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.multiclass import OneVsRestClassifier

    results = []
    for part in PARTS:
        found = []
        for split in range(splits):
            order = np.random.default_rng([seed, split]).permutation(len(groups))
            train, test = np.split(order, [round(part * len(order))])
            known = groups[train].any(0)  # a group without a known member cannot be predicted
            model = OneVsRestClassifier(LogisticRegression(max_iter=300), n_jobs=1).fit(
                vectors[train], groups[train][:, known]
            )
            chance = np.full((len(test), groups.shape[1]), -np.inf)
            chance[:, known] = model.predict_proba(vectors[test])
            rank = np.argsort(np.argsort(-chance, axis=1), axis=1)
            predicted = rank < groups[test].sum(1, keepdims=True)
            found.append(
                [
                    f1_score(groups[test], predicted, average=kind, zero_division=0) * 100
                    for kind in ("micro", "macro")
                ]
            )
        results.append(tuple(np.mean(found, axis=0).tolist()))
    return results


def contenders(args: argparse.Namespace, cores: int) -> list[tuple[str, str, object]]:
    """(name, who, flags or settings)."""
    flags = ["--vector-size", str(args.vector_size), "--window", str(args.window), "--min-count", "1"]
    ours = [variant(text) for text in args.fastsg] if args.fastsg else default_variants()
    found: list[tuple[str, str, object]] = [(name, "fastsg", [*flags, *more]) for name, more in ours]
    if not args.no_gensim:
        common = {
            "vector_size": args.vector_size,
            "window": args.window,
            "min_count": 1,
            "sg": 1,
            "epochs": args.epochs,
            "workers": cores,
            "sample": 0,
        }
        found += [
            ("gensim, 5 negative samples", "gensim", common | {"hs": 0, "negative": 5}),
            ("gensim, hierarchical softmax", "gensim", common | {"hs": 1, "negative": 0}),
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--fastsg",
        action="append",
        metavar="'NAME: FLAGS'",
        help="a variant with flags of fastsg train; repeatable",
    )
    parser.add_argument("--no-gensim", action="store_true")
    parser.add_argument("--epochs", type=int, default=1, help="gensim's")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--walks", type=int, default=80)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--p", type=float, default=1.0, help="node2vec's p")
    parser.add_argument("--q", type=float, default=1.0, help="node2vec's q")
    parser.add_argument("--vector-size", type=int, default=128)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--json")
    args = parser.parse_args()
    if not GRAPH.is_dir():
        parser.error(f"the graph is not there: {GRAPH.name} of the shared data")
    cores, graph = use_cores(None), Graph.from_file(GRAPH / "blogcatalog.edges.gz")
    groups = read_groups(graph)
    rows: list[Row] = []
    print("  ".join(f"{name} {value}" for name, value in describe().items()) + "\n")
    print(
        "| | seconds | "
        + " | ".join(f"{kind} {part:.0%}" for part in PARTS for kind in ("Micro-F1", "Macro-F1"))
        + " |"
    )
    print("|---" * (2 + 2 * len(PARTS)) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "walks.txt")
        walks = random_walks(
            graph,
            walks_per_node=args.walks,
            walk_length=args.steps,
            p=args.p,
            q=args.q,
            seed=args.seed,
        )
        write_walks(walks, text)
        for name, who, how in contenders(args, cores):
            stem = Path(folder, "vectors")
            row = (
                run_fastsg(str(text), stem, how)
                if who == "fastsg"
                else run_peer(who, str(text), stem, how, outputs=False)
            )
            vectors = graph.node_vectors(KeyedVectors.load_word2vec_format(stem.with_suffix(".vec")))
            f1 = scores(vectors, groups, args.splits, args.seed)
            rows.append({"name": name, "f1": f1, "seconds": row["seconds"]})
            print(
                f"| {name} | {row['seconds']:.1f} | "
                + " | ".join(f"{value:.2f}" for pair in f1 for value in pair)
                + " |",
                flush=True,
            )
    for name, f1 in PUBLISHED.items():
        print(f"| {name} | | " + " | ".join(f"{value:.2f}" for pair in f1 for value in pair) + " |")
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": describe(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
