"""fastsg merge: the counts, or the words, of the shares of a text become those of the whole."""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterator

from ..cooccurrence import CountsMerger, is_counts_file
from ..text import Vocab, summed_vocab
from .flags import Commands, add_command, add_quiet, add_setting, flag
from .outputs import check_can_be_written, check_no_overwriting, check_not_compressed
from .shards import say_needs
from .terminal import EXIT_OK


def add_merge(commands: Commands) -> None:
    """Declare fastsg merge."""
    parser = add_command(
        commands,
        "merge",
        run_merge,
        help="join what was counted in shards",
        description="Join counts of fastsg count --shard, or words of fastsg vocab --shard, to those of the "
        "whole text: the same bytes as if it had been counted at once, with the same vocabulary. Counts of "
        "any size take little memory.",
        examples="""
            fastsg vocab text.txt --shard 1/2 -o words.1
            fastsg vocab text.txt --shard 2/2 -o words.2
            fastsg merge words.1 words.2 -o words.txt --min-count 2
            fastsg count text.txt --read-vocab words.txt --shard 1/2 -o counts.1
            fastsg count text.txt --read-vocab words.txt --shard 2/2 -o counts.2
            fastsg merge counts.1 counts.2 -o text.counts
        """,
    )
    parser.add_argument("operands", nargs="+", metavar="FILE", help="all shards, in any order")
    parser.add_argument("--output", "-o", required=True, metavar="F", help="what they become (no default)")
    add_setting(parser, "min_count")
    add_setting(parser, "max_final_vocab")
    add_quiet(parser, "summary")


def run_merge(args: argparse.Namespace) -> int:
    """Check, merge, write, say how much there is."""
    outputs = [("--output", args.output)]
    check_can_be_written(outputs)
    check_no_overwriting(outputs, [("the shard", path) for path in args.operands])
    _refuse_twice(args.operands)
    are_counts = [is_counts_file(path) for path in args.operands]
    if any(are_counts) != all(are_counts):
        odd = args.operands[are_counts.index(not are_counts[0])]
        raise ValueError(
            f"{odd} and {args.operands[0]} are of different kinds: one holds counts, the other does not"
        )
    (_merge_counts if all(are_counts) else _merge_words)(args)
    return EXIT_OK


def _refuse_twice(paths: list[str]) -> None:
    for a, b in itertools.pairwise(sorted(paths, key=os.path.realpath)):
        if os.path.realpath(a) == os.path.realpath(b):
            raise ValueError(f"{a} is given twice")


def _merge_counts(args: argparse.Namespace) -> None:
    if cuts := [flag(name) for name in ("min_count", "max_final_vocab") if name in args.given]:
        raise ValueError(f"{cuts[0]} is for words; these are counts, whose vocabulary is settled")
    check_not_compressed([("--output", args.output)])
    begun = time.perf_counter()
    merger = CountsMerger(args.operands)
    if not args.quiet:
        say_needs(f"merging {len(args.operands)} files", merger.needs, args.output)
    merged = merger.save(args.output)
    if not args.quiet:
        text = f"{len(merged.vocab):,} words, {len(merged.counts.rows.counts):,} pairs of words"
        if merged.thinned:
            text += f"; thinned {len(merged.thinned.rows.counts):,}"
        print(f"{text}\nseconds   {time.perf_counter() - begun:.2f}")


def _merge_words(args: argparse.Namespace) -> None:
    vocab = summed_vocab(_vocabs(args.operands), args.min_count, args.max_final_vocab)
    vocab.save(args.output)
    if not args.quiet:
        tokens = int(vocab.counts.sum())
        print(f"{len(vocab):,} of {vocab.raw_types:,} words, {tokens:,} of {vocab.raw_tokens:,} tokens")


def _vocabs(paths: list[str]) -> Iterator[Vocab]:
    """The vocabularies; a share of a text that has no word has an empty file."""
    return (Vocab.load(path) for path in paths if os.stat(path).st_size)
