"""fastsg walk: from a graph to random walks, for fastsg train."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

from ..graph import Graph, random_walks
from ..system.atomic import atomic_write
from ..system.compression import compressed, compression_of, without_compression
from ..text.corpus import EncodedCorpus
from .flags import Commands, add_command, add_quiet, add_setting
from .outputs import check_can_be_written, check_no_overwriting, check_not_compressed
from .terminal import EXIT_OK, say

# How the name of a file of ids ends.
_IDS = ".corpus"
# Walks that become text at once.
_SOME = 4096


def add_walk(commands: Commands) -> None:
    """Declare fastsg walk; its defaults are those of random_walks."""
    parser = add_command(
        commands,
        "walk",
        run_walk,
        help="random walks on a graph",
        description="Walk at random on a graph, a number of times from each node, and write the walks: "
        "sentences of nodes, to train on with fastsg train --min-count 1 --sample 0. Isolated nodes are "
        "walks of one node.",
        examples="""
            fastsg walk edges.txt -o walks.txt
            fastsg walk edges.txt -o walks.txt --p 0.5 --q 2 --walks 5
            fastsg train walks.txt -o nodes.vec --min-count 1 --sample 0
        """,
    )
    parser.add_argument(
        "edges",
        metavar="EDGES",
        help="the graph: lines 'node node' or 'node node weight'; '-' is standard input",
    )
    parser.add_argument(
        "--output",
        "-o",
        required=True,
        metavar="WALKS",
        help="a walk a line; '-' is standard output; .gz, .bz2, .xz and .zst are compressed; if it ends with "
        ".corpus, a file of ids, as fastsg encode writes (no default)",
    )
    parser.add_argument(
        "--walks", "--walks-per-node", type=int, default=10, metavar="N", help="walks from each node"
    )
    parser.add_argument(
        "--length", "--walk-length", type=int, default=80, metavar="N", help="nodes of a walk"
    )
    parser.add_argument(
        "--p", type=float, default=1.0, metavar="X", help="node2vec's p: above 1, walks seldom go back"
    )
    parser.add_argument(
        "--q", type=float, default=1.0, metavar="X", help="node2vec's q: below 1, walks go far, above 1 not"
    )
    parser.add_argument(
        "--layout",
        choices=("edges", "adjacency"),
        default="edges",
        help="'adjacency': a line is a node and its neighbours",
    )
    parser.add_argument("--directed", action="store_true", help="edges lead from their first node only")
    parser.add_argument(
        "--weighted",
        action=argparse.BooleanOptionalAction,
        help="every line must have a weight, or weights and repeated lines do not count; by default weights "
        "are taken where they stand, and those of equal edges are added up",
    )
    add_setting(parser, "seed")
    add_setting(parser, "workers")
    add_quiet(parser, "progress bar and no summary")


def run_walk(args: argparse.Namespace) -> int:
    """Read, walk, write, say how it went."""
    _check_output(args)
    begun = time.perf_counter()
    graph = Graph.from_file(
        args.edges,
        layout=args.layout,
        directed=args.directed,
        weighted=args.weighted,
        workers=args.workers,
    )
    read = time.perf_counter()
    walks = random_walks(
        graph,
        walks_per_node=args.walks,
        walk_length=args.length,
        p=args.p,
        q=args.q,
        seed=args.seed,
        workers=args.workers,
        progress=False if args.quiet else None,
    )
    walked = time.perf_counter()
    _write(walks, args.output)
    written = time.perf_counter()
    if not args.quiet:
        say(f"{graph!r}, {len(walks):,} walks, {walks.n_tokens:,} nodes visited")
        say(f"seconds   read {read - begun:.2f}   walk {walked - read:.2f}   write {written - walked:.2f}")
    return EXIT_OK


def _check_output(args: argparse.Namespace) -> None:
    outputs = [("--output", args.output)]
    if without_compression(args.output).endswith(_IDS):
        check_not_compressed(outputs)
    check_can_be_written(outputs, "--output")
    check_no_overwriting(outputs, [("the graph", args.edges)])


def _write(walks: EncodedCorpus, path: str) -> None:
    if path == "-":
        _write_text(walks, sys.stdout.buffer)
    elif path.endswith(_IDS):
        walks.save(path)
    else:
        with atomic_write(path) as raw, compressed(raw, compression_of(path)) as file:
            _write_text(walks, file)


def _write_text(walks: EncodedCorpus, file: BinaryIO) -> None:
    for lines in _lines(walks):
        file.write(lines)
    file.flush()


def _lines(walks: EncodedCorpus) -> Iterator[bytes]:
    """Some walks at a time, a line each."""
    word_of = [f"{word} " for word in walks.vocab.words].__getitem__
    for start in range(0, len(walks), _SOME):
        bounds = walks.offsets[start : start + _SOME + 1].tolist()
        words = list(map(word_of, walks.tokens[bounds[0] : bounds[-1]].tolist()))
        ends = [bound - bounds[0] for bound in bounds]
        yield "\n".join("".join(words[a:b])[:-1] for a, b in itertools.pairwise(ends)).encode() + b"\n"
