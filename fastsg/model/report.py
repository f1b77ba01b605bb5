"""What a training leaves on record: a JSON object for machines, a table for people."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import _core
from .._version import __version__
from ..system import memory
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from ..system.digest import sha256
from ..training.history import EpochRecord

if TYPE_CHECKING:
    from .skipgram import SkipGram

Report: TypeAlias = dict[str, Any]

# What an epoch may be about.
_UNKNOWN, _WHOLE, _THINNED, _ALL = "earlier training", "whole text", "thinned text", "all words"
_EPOCH_FIELDS = (
    "nll",
    "unigram_nll",
    "valid_nll",
    "pairs",
    "softmax_rows",
    "seconds",
    "pairs_per_second",
    "alpha",
    "words",
    "thinned",
)


# ---- for machines ----


def build_report(model: SkipGram, save_seconds: float = 0.0) -> Report:
    """The report of a trained model.

    Losses are in nats per pair. ``pairs`` (sum of weights) and ``softmax_rows`` are totals over all epochs.
    ``unigram_nll`` is the cross-entropy of the contexts of the last epoch's training pairs under their own
    distribution, ``valid_unigram_nll`` that of the held-out pairs under the unigram distribution of the
    training text. ``seconds.count`` is the time spent on counting windows, ``seconds.train`` that of the
    epochs without it. I and O are those of the end of the last epoch, unless ``restored_epoch`` names the one
    that early stopping put back, or ``interrupted`` says that they moved on into an unfinished epoch.
    ``pretrained`` says how many words started from vectors, where `init` was such.
    """
    history: list[dict[str, Any]] = [dict(record) for record in model.history]
    last = history[-1] if history else {}
    seconds, pretrained = _seconds(model, history, save_seconds), model.pretrained
    settings = model.settings.as_dict() | model.reading | {"sample": model.sample}
    if model.plan:  # where a setting went by the text
        settings |= {name: value for name, value in model.plan.settings.items() if settings[name] is None}
    if model.corpus:
        settings["batch_size"] = model.batch_size()
    return {
        "version": __version__,
        "settings": settings,
        "pretrained": None if pretrained is None else pretrained._asdict(),
        "vocabulary_size": len(model.vocab),
        "vector_size": model.settings.vector_size,
        "tokens": model.corpus.n_tokens if model.corpus else 0,
        "pairs": sum(epoch["pairs"] for epoch in history),
        "softmax_rows": sum(epoch["softmax_rows"] for epoch in history),
        "uniform_nll": math.log(len(model.vocab)),
        "unigram_nll": last.get("unigram_nll"),
        "valid_unigram_nll": last.get("valid_unigram_nll"),
        "epochs": [{name: epoch.get(name) for name in _EPOCH_FIELDS} for epoch in history],
        "restored_epoch": model.restored_epoch,
        "interrupted": model.plan is not None
        and model.restored_epoch is None
        and not model.state.at_epoch_end,
        "seconds": seconds | {"total": sum(seconds.values())},
        "workers": model.workers,
        "ranks": model.ranks,
        "isa": _core.isa(),
        "precision": model.settings.precision,
        "peak_rss_bytes": memory.peak_rss_bytes(),
        "input_sha256": sha256(model.I),
        "output_sha256": sha256(model.O),
    }


def _seconds(model: SkipGram, history: list[dict[str, Any]], save_seconds: float) -> dict[str, float]:
    within = sum(epoch["count_seconds"] for epoch in history)  # counting as part of the epochs
    return {
        "read": model.seconds["read"],
        "count": model.seconds["count"] + within,
        "init": model.seconds["init"],
        "train": sum(epoch["seconds"] for epoch in history) - within,
        "validate": model.seconds["validate"],
        "save": save_seconds,
    }


def write_json(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report as indented JSON, atomically; NaN and infinity, unknown to JSON, become null."""
    refuse_compression(path)
    with atomic_write(path) as file:
        file.write(json_text(report).encode() + b"\n")


def json_text(report: Report) -> str:
    """A report as indented JSON; NaN and infinity, unknown to JSON, become null."""
    return json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# ---- for people ----


def summary(model: SkipGram, report: Report) -> str:
    """A report for people: what was trained, how good it is, what it took.

    Epochs may be about different texts and words; then their losses do not compare. So the table names what
    each loss is about, and puts that of the same pairs under the unigram distribution beside it.
    """
    epochs, threads = len(report["epochs"]), report["workers"]
    many = f"{report['ranks']} ranks of " if report["ranks"] > 1 else ""
    lines = [
        f"{report['vocabulary_size']:,} words x {report['vector_size']} coordinates, "
        f"{report['tokens']:,} tokens",
        f"{report['pairs']:,.0f} pairs in {epochs} epoch{'s' * (epochs != 1)}, "
        f"{report['softmax_rows']:,} exact softmax rows, {_pairs_per_second(report):,.0f} pairs/s",
        "",
        *_loss_table(model, report),
        "",
    ]
    if pretrained := report["pretrained"]:
        found, others = pretrained["found"], pretrained["not_found"]
        lines.append(f"{found:,} words started from {report['settings']['init']}, {others:,} are not there")
    if report["restored_epoch"] is not None:
        lines.append(f"stopped early; the vectors are those of epoch {report['restored_epoch']}, the best")
    if report["interrupted"]:
        lines.append("interrupted: the vectors are those of that moment, within an epoch that is not listed")
    lines.append(
        "seconds   " + "   ".join(f"{name} {value:.2f}" for name, value in report["seconds"].items())
    )
    lines.append(
        f"{many}{threads} thread{'s' * (threads != 1)}, {report['isa']}, {report['precision']}, "
        f"peak memory {report['peak_rss_bytes'] / 2**20:,.0f} MiB"
    )
    return "\n".join(lines)


def _pairs_per_second(report: Report) -> float:
    seconds = sum(epoch["seconds"] for epoch in report["epochs"])
    return report["pairs"] / seconds if seconds else 0.0


def _loss_table(model: SkipGram, report: Report) -> list[str]:
    """A line for each epoch, below them losses to compare with, and what the words of the table mean."""
    texts, words, unigram = _texts(model), report["vocabulary_size"], report["valid_unigram_nll"]
    rows = [["epoch", "trained on", "loss", "unigram", "perplexity", "loss", "perplexity", "seconds"]]
    for number, (text, epoch) in enumerate(zip(texts, model.history, strict=True), 1):
        rows.append([str(number), f"{text}, {_words(epoch, words)}", *_losses(epoch)])
    uniform = _loss(report["uniform_nll"])
    rows.append(["", "(uniform, all words: ln K)", uniform[0], "", uniform[1], *uniform, ""])
    rows.append(["", "(unigram, whole text)", "", "", "", *_loss(unigram), ""])
    if unigram is None:  # there is no held-out text
        rows = [row[:5] + row[7:] for row in rows[:-1]]
    return [*_aligned(rows), "", *_notes(model, texts, report)]


def _words(epoch: EpochRecord, vocabulary_size: int) -> str:
    return f"{epoch['words']:,} words" if epoch["words"] < vocabulary_size else _ALL


def _losses(epoch: EpochRecord) -> list[str]:
    """The cells of an epoch: loss, unigram loss, perplexity; held-out loss, perplexity; seconds."""
    (loss, perplexity), (unigram, _) = _loss(epoch["nll"]), _loss(epoch["unigram_nll"])
    return [loss, unigram, perplexity, *_loss(epoch["valid_nll"]), f"{epoch['seconds']:.1f}"]


def _loss(nll: float | None) -> tuple[str, str]:
    """A loss and its perplexity."""
    if nll is None:
        return "-", "-"
    perplexity = math.exp(min(nll, 700.0))
    return f"{nll:.4f}", f"{perplexity:,.1f}" if perplexity < 1e6 else f"{perplexity:.1e}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """The rows in columns, under a line that says what the columns are about."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    about = " " * (widths[0] + widths[1] + 4) + f"{' pairs trained on ':-^{sum(widths[2:5]) + 4}}"
    if len(widths) > 6:
        about += "  " + f"{' held-out text ':-^{sum(widths[5:7]) + 2}}"
    lines = [about]
    for number, text, *numbers in rows:
        cells = [f"{number:>{widths[0]}}", f"{text:<{widths[1]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(numbers, widths[2:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _notes(model: SkipGram, texts: list[str], report: Report) -> list[str]:
    """What a reader of the table may not know."""
    notes = ["loss: nats per pair; unigram: loss of the same pairs if the center word is ignored"]
    if _THINNED in texts:
        notes.append(
            "thinned text: frequent words dropped at random; its losses are not those of the whole text"
        )
    if any(_words(epoch, report["vocabulary_size"]) != _ALL for epoch in model.history):
        notes.append("fewer words than all: the most frequent ones, among themselves")
    if report["valid_unigram_nll"] is not None:
        notes.append("held-out text: always the whole text and all words")
    return notes


def _texts(model: SkipGram) -> list[str]:
    """What text each epoch of the history was trained on."""
    labels = {True: _THINNED, False: _WHOLE, None: _UNKNOWN}
    return [labels[epoch.get("thinned")] for epoch in model.history]
