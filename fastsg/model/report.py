"""What a training leaves on record for machines: a JSON object."""

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

if TYPE_CHECKING:
    from .skipgram import SkipGram

Report: TypeAlias = dict[str, Any]

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
    "centers",
)


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
