"""fastsg count: from text to a file of co-occurrence counts, for fastsg train --counts."""

from __future__ import annotations

import argparse
import os
import time

from ..cooccurrence import CooccurrenceCounts, Window, needs_of_counting
from ..text import EncodedCorpus, Vocab
from ..training.settings import default_sample
from .flags import Commands, add_command, add_quiet, add_read_vocab, add_reading, add_setting
from .outputs import check_can_be_written, check_no_overwriting, check_not_compressed
from .reading import check_texts, read_corpus
from .shards import add_shard, say_needs
from .terminal import EXIT_OK


def add_count(commands: Commands) -> None:
    """Declare fastsg count; flags that fastsg train has too mean the same there."""
    parser = add_command(
        commands,
        "count",
        run_count,
        help="count co-occurrences in text",
        description="Count how often each word occurs in the windows of each other word, and save the counts "
        "as a safetensors file.",
        examples="""
            fastsg count text.txt -o text.counts --window 5
            fastsg train --counts text.counts -o words.vec --epochs 3
            fastsg vocab text.txt -o words.txt --min-count 2
            fastsg count text.txt --read-vocab words.txt --shard 2/3 -o counts.2
        """,
    )
    parser.add_argument(
        "operands",
        nargs="+",
        metavar="TEXT",
        help="text files, one sentence per line; '-' is standard input; or a corpus from fastsg encode",
    )
    parser.add_argument("--output", "-o", required=True, metavar="F", help="the file of counts (no default)")
    add_setting(parser, "window")
    add_setting(
        parser,
        "shrink_windows",
        metavar="true|false|harmonic",
        help="weigh distance d in a window of z words by (z-d+1)/z, not at all, or by 1/d",
    )
    add_setting(parser, "min_count")
    add_setting(parser, "max_final_vocab")
    add_read_vocab(parser)
    add_setting(
        parser,
        "sample",
        help="threshold for thinning frequent words in the thinned counts, on which a training begins; 0 "
        "leaves these out (default: 1e-4, more for small vocabularies)",
    )
    add_setting(parser, "draws")
    add_setting(parser, "seed")
    parser.add_argument(
        "--memory-limit",
        type=float,
        metavar="GB",
        help="count in so much memory, beside some 0.3 GB and 300 bytes for each word: the text, and what is "
        "more, goes to temporary files, for which TMPDIR names the folder; the result is the same (default: "
        "no limit; texts of over a billion tokens take temporary files too)",
    )
    add_shard(parser, "count")
    add_reading(parser)
    add_setting(parser, "workers")
    add_quiet(parser, "progress bar and no summary")


def run_count(args: argparse.Namespace) -> int:
    """Read, count, write, say how it went."""
    outputs, texts = [("--output", args.output)], [("the text", path) for path in args.operands]
    check_not_compressed(outputs)
    check_can_be_written(outputs)
    check_no_overwriting(outputs, texts + ([("--read-vocab", args.read_vocab)] if args.read_vocab else []))
    memory_limit = _bytes(args.memory_limit)
    check_texts(args, args.operands)
    if args.shard:
        _begin_shard(args)
    begun = time.perf_counter()
    corpus = read_corpus(args, args.operands)
    read = time.perf_counter()
    counts = _count(corpus, memory_limit, args)
    counted = time.perf_counter()
    counts.save(args.output, progress=False if args.quiet else None)
    saved = time.perf_counter()
    if not args.quiet:
        print(_summary(corpus, counts))
        print(f"seconds   read {read - begun:.2f}   count {counted - read:.2f}   save {saved - counted:.2f}")
    return EXIT_OK


def _begin_shard(args: argparse.Namespace) -> None:
    """Say what is needed; ValueError without a vocabulary, which all shards must share."""
    if not args.read_vocab:
        raise ValueError("--shard needs --read-vocab: the shards of a text are counted with one vocabulary")
    if args.quiet:
        return
    number, of = args.shard
    size = sum(os.stat(path).st_size for path in args.operands if path != "-") // of
    K = len(Vocab.load(args.read_vocab))
    window, limit = Window.parse(args.window, args.shrink_windows), _bytes(args.memory_limit)
    needs = needs_of_counting(size, K, window, args.draws, limit, args.workers)
    say_needs(f"shard {number} of {of}, {size / 1e6:,.1f} MB of text", needs, args.output)


def _count(corpus: EncodedCorpus, memory_limit: int | None, args: argparse.Namespace) -> CooccurrenceCounts:
    return CooccurrenceCounts.for_training(
        corpus,
        window=args.window,
        shrink_windows=args.shrink_windows,
        draws=args.draws,
        seed=args.seed,
        workers=args.workers,
        sample=default_sample(len(corpus.vocab), "counts") if args.sample is None else args.sample,
        memory_limit=memory_limit,
        progress=False if args.quiet else None,
    )


def _summary(corpus: EncodedCorpus, counts: CooccurrenceCounts) -> str:
    text = (
        f"{counts.K:,} words, {corpus.n_tokens:,} tokens, {counts.nnz:,} pairs of words, "
        f"{counts.total:,.0f} pairs"
    )
    if counts.thinned is not None:
        text += f"; thinned {counts.thinned.nnz:,} and {counts.thinned.total:,.0f}"
    return text


def _bytes(gigabytes: float | None) -> int | None:
    if gigabytes is None:
        return None
    if not 0 <= gigabytes < 2**30:
        raise ValueError(f"--memory-limit is {gigabytes}; it must be a number of GB, 0 or more")
    return int(gigabytes * 2**30)
