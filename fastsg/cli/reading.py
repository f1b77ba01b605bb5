"""Inputs of train, count, vocab and encode: texts, or a corpus that fastsg encode has written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..io import has_checksums
from ..system import temporary_folder
from ..text.corpus import EncodedCorpus, is_encoded_corpus
from ..text.vocab import Vocab
from .flags import flag

#: What reads a text, and was decided when a corpus was encoded.
_ENCODED = ("tokenizer", "errors", "encoding", "min_count", "max_final_vocab")


def check_texts(args: argparse.Namespace, texts: Sequence[str], held_out: Sequence[str] = ()) -> None:
    """ValueError unless the inputs can be read with these flags; nothing is read yet."""
    if [*texts, *held_out].count("-") > 1:
        raise ValueError("'-' is named more than once, but standard input can be read only once")
    cuts = [flag(name) for name in ("min_count", "max_final_vocab") if name in args.given]
    if args.read_vocab and cuts and args.command != "vocab":
        raise ValueError(
            f"--read-vocab and {cuts[0]} exclude each other: the words of the file are taken as they are"
        )
    if (encoded := encoded_among(texts)) is None:
        return
    if len(texts) > 1:
        raise ValueError(
            f"{encoded} is an encoded corpus, which must be the only input; fastsg encode puts several texts "
            "into one"
        )
    if getattr(args, "shard", None):
        raise ValueError(f"--shard takes a share of a text, and {encoded} is an encoded corpus")
    decided = [flag(name) for name in _ENCODED if name in args.given and args.command != "vocab"]
    decided += ["--lower"] * args.lower + ["--read-vocab"] * bool(args.read_vocab)
    if decided:
        raise ValueError(
            f"{decided[0]} and the encoded corpus {encoded} exclude each other: that was decided when it was "
            "encoded"
        )


def encoded_among(paths: Sequence[str]) -> str | None:
    """The first of the paths that is an encoded corpus, by its content."""
    return next((path for path in paths if path != "-" and is_encoded_corpus(path)), None)


def given_reading(args: argparse.Namespace) -> dict[str, Any]:
    """How the user says that texts are read; None for what a model's file is to say."""
    given: dict[str, Any] = {
        name: getattr(args, name) if name in args.given else None
        for name in ("tokenizer", "errors", "encoding")
    }
    return given | {"lower": args.lower or None}


def read_corpus(args: argparse.Namespace, texts: Sequence[str]) -> EncodedCorpus:
    """The texts as ids of the vocabulary of --read-vocab, or their own; with --memory-limit in files."""
    is_limited = getattr(args, "memory_limit", None) is not None
    folder = temporary_folder() if is_limited else None
    if len(texts) == 1 and encoded_among(texts):
        verify = True if has_checksums(texts[0]) else None  # mapped or not; files of before have none
        return EncodedCorpus.load(texts[0], mmap=is_limited, verify=verify)
    vocab = Vocab.load(args.read_vocab) if args.read_vocab else None
    return EncodedCorpus.from_files(
        list(texts),
        tokenizer=args.tokenizer,
        vocab=vocab,
        min_count=args.min_count,
        max_final_vocab=args.max_final_vocab,
        errors=args.errors,
        encoding=args.encoding,
        lower=args.lower,
        workers=args.workers,
        progress=False if args.quiet else None,
        shard=getattr(args, "shard", None),
        folder=folder,
    )
