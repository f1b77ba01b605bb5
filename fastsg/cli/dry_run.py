"""fastsg train --dry-run: what a training would take, without doing it."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

from ..cooccurrence.counts import CooccurrenceCounts
from ..model.forecasting import Forecast, forecast
from ..model.report import json_text
from ..model.skipgram import SkipGram
from ..system.memory import available
from ..text.vocab import Vocab
from .reading import read_corpus
from .terminal import EXIT_OK

_UNITS = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (0.0, "MFLOP"))


def dry_run(args: argparse.Namespace, texts: list[str], settings: dict[str, Any]) -> int:
    """Foresee the training that the arguments ask for, and print that."""
    model, corpus, counts = SkipGram(**settings), None, None
    begun = time.perf_counter()
    if args.counts:
        counts = CooccurrenceCounts.load(args.counts, mmap=args.mmap)
        vocab = counts.vocab
    elif args.read_vocab:
        vocab = Vocab.load(args.read_vocab)
    else:
        corpus = read_corpus(args, texts)
        vocab = corpus.vocab
    read = time.perf_counter() - begun if corpus else None
    seen = forecast(model.settings, vocab, corpus=corpus, counts=counts, workers=model.workers)
    free = available()
    if args.json:
        facts = dataclasses.asdict(seen) | {"read_seconds": read, "free_bytes": free}
        print(json_text(facts | {"workers": model.workers}))
    else:
        print(_shown(seen, model, read, free))
    return EXIT_OK


def _shown(seen: Forecast, model: SkipGram, read: float | None, free: int | None) -> str:
    """The forecast for people."""
    epochs, threads, seconds = model.settings.epochs_of(seen.words), model.workers, seen.seconds
    lines = [f"{seen.words:,} words x {model.settings.vector_size} coordinates, {seen.tokens:,} tokens", ""]
    lines += [f"{name:<11}{size / 2**20:>12,.1f} MiB" for name, size in seen.memory.items() if size]
    if free is not None:
        lines.append(f"{'free':<11}{free / 2**20:>12,.1f} MiB")
        if seen.memory["total"] > free:
            lines.append("It does not fit: lower --max-final-vocab or --vector-size, or raise --min-count.")
    lines += [
        "",
        f"operations {_operations(seen.flops)} in {epochs} epoch{'s' * (epochs != 1)}; measured "
        f"{_operations(seen.flops_per_second)}/s with {threads} thread{'s' * (threads != 1)}",
        f"time       about {_time(seconds['total'])}: counting {_time(seconds['count'])}, "
        f"start {_time(seconds['init'])}, epochs {_time(seconds['train'])}",
        "           scaled from a small training, good to a factor of two;",
        "           without files and held-out losses"
        + (f" (reading took {read:.1f} s)" if read is not None else ""),
    ]
    return "\n".join(lines)


def _operations(flops: float) -> str:
    least, unit = next(pair for pair in _UNITS if flops >= pair[0])
    return f"{flops / (least or 1e6):,.1f} {unit}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
