"""fastsg vocab and encode: from text to a file of words and counts, and to a file of ids."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

import numpy as np

from ..checks import printable
from ..system import atomic_write
from ..text import EncodedCorpus, NoTokens, Vocab
from .flags import Commands, add_command, add_quiet, add_read_vocab, add_reading, add_setting, flag
from .outputs import check_can_be_written, check_no_overwriting, check_not_compressed
from .reading import check_texts, read_corpus
from .shards import add_shard
from .terminal import EXIT_OK

_TEXTS = "text files, one sentence per line; '-' is standard input; .gz, .bz2, .xz and .zst are unpacked"


def add_vocab(commands: Commands) -> None:
    """Declare fastsg vocab."""
    parser = add_command(
        commands,
        "vocab",
        run_vocab,
        help="count the words of text",
        description="Write a line 'word count' for each word of the text, the most frequent ones first: what "
        "--read-vocab reads, and word2vec.c as well.",
        examples="""
            fastsg vocab text.txt -o words.txt --min-count 2
            fastsg vocab text.txt --lower --max-final-vocab 10
            fastsg vocab text.txt --read-vocab words.txt --min-count 1 -o found.txt
        """,
    )
    parser.add_argument(
        "operands", nargs="+", metavar="TEXT", help=f"{_TEXTS}; or a corpus from fastsg encode"
    )
    parser.add_argument(
        "--output", "-o", default="-", metavar="F", help="the file of words; '-' is standard output"
    )
    add_setting(parser, "min_count")
    add_setting(parser, "max_final_vocab")
    parser.add_argument(
        "--read-vocab", metavar="F", help="count only the words of this file (default: all words)"
    )
    add_shard(parser, "count all words of")
    _add_rest(parser)


def add_encode(commands: Commands) -> None:
    """Declare fastsg encode."""
    parser = add_command(
        commands,
        "encode",
        run_encode,
        help="turn text into a file of word ids",
        description="Read text once and save it as ids with their words and counts, a safetensors file that "
        "train, count and vocab take in place of text.",
        examples="""
            fastsg encode text.txt -o text.ids
            fastsg train text.ids -o words.vec
        """,
    )
    parser.add_argument("operands", nargs="+", metavar="TEXT", help=_TEXTS)
    parser.add_argument("--output", "-o", required=True, metavar="F", help="the encoded corpus (no default)")
    add_setting(parser, "min_count")
    add_setting(parser, "max_final_vocab")
    add_read_vocab(parser)
    _add_rest(parser)


def _add_rest(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    add_setting(parser, "workers")
    add_quiet(parser, "progress bar and no summary")


def run_vocab(args: argparse.Namespace) -> int:
    """Count, write, say how many there are."""
    _check(args, stream="--output")
    cuts = args.min_count, args.max_final_vocab
    if args.shard:
        return _run_shard(args)
    corpus = read_corpus(args, args.operands)
    vocab = corpus.vocab
    if args.read_vocab or "min_count" in args.given or "max_final_vocab" in args.given:
        vocab = _cut(corpus, *cuts)
    return _write(vocab, corpus.raw_tokens, args)


def _write(vocab: Vocab, tokens: int, args: argparse.Namespace) -> int:
    if args.output == "-":
        _print(f"{word} {count}" for word, count in zip(vocab.words, vocab.counts.tolist()))
        return EXIT_OK
    vocab.save(args.output)
    if not args.quiet:
        print(f"{len(vocab):,} words, {int(vocab.counts.sum()):,} of {tokens:,} tokens")
    return EXIT_OK


def _run_shard(args: argparse.Namespace) -> int:
    """All words of a share of the text; an empty file where it has none."""
    given = [name for name in ("min_count", "max_final_vocab") if name in args.given]
    given += ["read_vocab"] if args.read_vocab else []
    if given:
        raise ValueError(
            f"{flag(given[0])} and --shard exclude each other: what is rare here may be frequent elsewhere; "
            "cut when all shards are merged"
        )
    args.min_count, args.max_final_vocab = 1, None
    try:
        vocab = read_corpus(args, args.operands).vocab
    except NoTokens:
        if args.output != "-":
            with atomic_write(args.output):
                pass  # an empty file
        return EXIT_OK
    return _write(vocab, vocab.raw_tokens, args)


def _cut(corpus: EncodedCorpus, min_count: int, max_final_vocab: int | None) -> Vocab:
    """The words that the corpus has often enough: of a vocabulary that was given, or of an encoded corpus."""
    counts = np.bincount(corpus.tokens, minlength=len(corpus.vocab))
    return Vocab.from_counts(corpus.vocab.words, counts, min_count=min_count, max_final_vocab=max_final_vocab)


def run_encode(args: argparse.Namespace) -> int:
    """Read, write, say how much there is."""
    check_not_compressed([("--output", args.output)])
    _check(args)
    corpus = read_corpus(args, args.operands)
    corpus.save(args.output)
    if not args.quiet:
        print(
            f"{len(corpus):,} sentences, {corpus.n_tokens:,} of {corpus.raw_tokens:,} tokens, "
            f"{len(corpus.vocab):,} words"
        )
    return EXIT_OK


def _check(args: argparse.Namespace, stream: str | None = None) -> None:
    outputs, inputs = [("--output", args.output)], [("the text", path) for path in args.operands]
    check_can_be_written(outputs, stream=stream)
    check_no_overwriting(outputs, inputs + ([("--read-vocab", args.read_vocab)] if args.read_vocab else []))
    check_texts(args, args.operands)


def _print(lines: Iterable[str]) -> None:
    """Lines on standard output; nothing in them may command a terminal."""
    shown = printable if sys.stdout.isatty() else str
    for line in lines:
        print(shown(line))
