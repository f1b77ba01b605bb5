"""fastsg count: from text to a file of co-occurrence counts, which fastsg train --counts trains on."""

from __future__ import annotations

import argparse
import time

from ..cooccurrence.counts import CooccurrenceCounts
from ..system.atomic import check_writable
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.settings import default_sample
from .train import Help, parse_shrink, parse_window, same_place


def add_count(commands: argparse._SubParsersAction) -> None:
    """Declare the flags; those of the same name in fastsg train mean the same."""
    parser = commands.add_parser(
        "count",
        help="count co-occurrences in text",
        formatter_class=Help,
        description="Count how often each word stands in the windows of each other, and save the counts as a "
        "safetensors file.",
    )
    parser.set_defaults(run=run_count)
    parser.add_argument(
        "operands", nargs="+", metavar="TEXT", help="text files, a sentence a line; '-' is standard input"
    )
    parser.add_argument("--output", "-o", required=True, metavar="F", help="the file of counts")
    parser.add_argument(
        "--window",
        "--ws",
        type=parse_window,
        default=5,
        metavar="X",
        help="reach to either side; 'L,R' or 'none' as in train",
    )
    parser.add_argument(
        "--shrink-windows",
        type=parse_shrink,
        default=True,
        metavar="true|false|harmonic",
        help="weigh distance d by (z-d+1)/z, not at all, or by 1/d; thinned text by 1/d unless false",
    )
    parser.add_argument("--min-count", type=int, default=5, metavar="N", help="drop rarer words")
    parser.add_argument(
        "--max-final-vocab", "--max-vocab", type=int, metavar="N", help="keep at most so many words"
    )
    parser.add_argument(
        "--read-vocab", metavar="F", help="take the vocabulary from a file of words and counts"
    )
    parser.add_argument(
        "--sample",
        "-t",
        type=float,
        metavar="X",
        help="subsampling threshold of the thinned counts, on which a training "
        "begins; 0 leaves them out; default as in train",
    )
    parser.add_argument(
        "--draws",
        type=int,
        default=3,
        metavar="N",
        help="thinned copies of the text whose counts are averaged; 0 weighs pairs",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the draws")
    parser.add_argument(
        "--memory-limit",
        type=float,
        metavar="GB",
        help="beyond so much memory the counts go to a temporary file at once",
    )
    parser.add_argument(
        "--tokenizer",
        choices=("space", "char"),
        default="space",
        help="split on Unicode white space, or into characters",
    )
    parser.add_argument(
        "--errors",
        choices=("replace", "strict", "ignore"),
        default="replace",
        help="what to do with invalid UTF-8",
    )
    parser.add_argument(
        "--workers", "--threads", type=int, metavar="N", help="threads; the same bits for any number"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def run_count(args: argparse.Namespace) -> int:
    """Read, count, write, say how it went."""
    check_writable(args.output, "--output")
    for flag, path in [*(("the text", text) for text in args.operands), ("--read-vocab", args.read_vocab)]:
        if path and path != "-" and same_place(path, args.output):
            raise ValueError(f"--output and {flag} name the same file, {path}; one would overwrite the other")
    begun = time.perf_counter()
    vocab = Vocab.load(args.read_vocab) if args.read_vocab else None
    corpus = EncodedCorpus.from_files(
        args.operands,
        tokenizer=args.tokenizer,
        vocab=vocab,
        min_count=args.min_count,
        max_final_vocab=args.max_final_vocab,
        errors=args.errors,
        workers=args.workers,
        progress=False if args.quiet else None,
    )
    read = time.perf_counter()
    counts = CooccurrenceCounts.for_training(
        corpus,
        window=args.window,
        shrink_windows=args.shrink_windows,
        draws=args.draws,
        seed=args.seed,
        workers=args.workers,
        sample=default_sample(len(corpus.vocab), "counts") if args.sample is None else args.sample,
        memory_limit=_bytes(args.memory_limit),
    )
    counted = time.perf_counter()
    counts.save(args.output)
    if not args.quiet:
        thinned = (
            ""
            if counts.thinned is None
            else f"; thinned {counts.thinned.nnz:,} and {counts.thinned.total:,.0f}"
        )
        print(
            f"{counts.K:,} words, {corpus.n_tokens:,} tokens, {counts.nnz:,} pairs of words, {counts.total:,.0f} pairs{thinned}\n"
            f"seconds   read {read - begun:.2f}   count {counted - read:.2f}   save {time.perf_counter() - counted:.2f}"
        )
    return 0


def _bytes(gigabytes: float | None) -> int | None:
    if gigabytes is not None and not 0 <= gigabytes < 2**30:
        raise ValueError(f"--memory-limit is {gigabytes}; it must be a number of GB, 0 or more")
    return None if gigabytes is None else int(gigabytes * 2**30)
