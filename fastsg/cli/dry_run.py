"""fastsg train --dry-run: what a training would take, without doing it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from functools import partial
from typing import Any

from ..cooccurrence.counts import CooccurrenceCounts
from ..model.forecasting import Forecast
from ..model.report import json_text
from ..model.skipgram import SkipGram
from ..system.memory import available
from ..text.vocab import Vocab
from .outputs import OUTPUTS, outputs_of, save_all
from .reading import read_corpus
from .terminal import EXIT_OK

_UNITS = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (0.0, "MFLOP"))


def dry_run(args: argparse.Namespace, texts: list[str], settings: dict[str, Any]) -> int:
    """Foresee the training that the arguments ask for, and print that."""
    outputs_of(args)  # an error before the text is read
    if not any(getattr(args, name) for name in OUTPUTS):
        args.output = "vectors.vec"
    model, begun = SkipGram(**settings), time.perf_counter()
    source: dict[str, Any]
    if args.counts:
        source = {"counts": CooccurrenceCounts.load(args.counts, mmap=args.mmap)}
    elif args.read_vocab:
        source = {"vocab": Vocab.load(args.read_vocab)}
    else:
        source = {"sentences": read_corpus(args, texts)}
    read = time.perf_counter() - begun
    seen = model.estimate(**source, save=partial(_save, args))
    seconds = seen.seconds | {"read": read if not args.read_vocab else 0.0}
    seconds["total"] = sum(value for name, value in seconds.items() if name != "total")
    seen, free = dataclasses.replace(seen, seconds=seconds), available()
    if args.json:
        print(json_text(dataclasses.asdict(seen) | {"free_bytes": free, "workers": model.workers}))
    else:
        print(_shown(seen, model, free))
    return EXIT_OK


def _save(args: argparse.Namespace, model: SkipGram, folder: str) -> None:
    """Write the files that were asked for into another folder."""
    moved = {}
    for name in OUTPUTS:
        if path := getattr(args, name):
            end = os.sep if path.endswith(os.sep) else ""  # then vectors become a folder
            moved[name] = os.path.join(folder, f"{name}-{os.path.basename(path.rstrip(os.sep))}{end}")
    save_all(model, argparse.Namespace(**(vars(args) | moved)))


def _shown(seen: Forecast, model: SkipGram, free: int | None) -> str:
    """The forecast for people."""
    epochs, threads, seconds = model.settings.epochs_of(seen.words, seen.tokens), model.workers, seen.seconds
    lines = [f"{seen.words:,} words x {model.settings.vector_size} coordinates, {seen.tokens:,} tokens", ""]
    lines += [f"{name:<11}{_mebibytes(size)}" for name, size in seen.memory.items() if size]
    if free is not None:
        lines.append(f"{'free':<11}{_mebibytes(free)}")
        if seen.memory["total"] - seen.held > free:
            lines.append("It does not fit: lower --max-final-vocab or --vector-size, or raise --min-count.")
    lines += [f"{'files':<11}{_mebibytes(seen.bytes['disk'])}", ""]
    lines += [
        f"operations {_operations(seen.flops)} in {epochs} epoch{'s' * (epochs != 1)}, which are "
        f"{seen.passes:.2f} whole passes;",
        f"           measured {_operations(seen.flops_per_second)}/s with {threads} "
        f"thread{'s' * (threads != 1)}",
        f"time       about {_time(seconds['total'])}: "
        + ", ".join(f"{name} {_time(value)}" for name, value in seconds.items() if name != "total"),
        "           from a part of the text and a second of steps; without held-out losses",
    ]
    return "\n".join(lines)


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:>12,.1f} MiB"


def _operations(flops: float) -> str:
    least, unit = next(pair for pair in _UNITS if flops >= pair[0])
    return f"{flops / (least or 1e6):,.1f} {unit}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
