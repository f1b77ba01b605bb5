"""What a training leaves on record: a JSON object for machines, a few lines for people."""

from __future__ import annotations

import hashlib
import json
import math
import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._version import __version__
from ..system import memory as _memory
from ..system.atomic import atomic_write

if TYPE_CHECKING:
    from .skipgram import SkipGram

_EPOCH_FIELDS = ("nll", "valid_nll", "pairs", "softmax_rows", "seconds", "pairs_per_second", "alpha", "words")


def build_report(model: SkipGram, save_seconds: float = 0.0) -> dict[str, object]:
    """The report of a trained model.

    Losses are in nats per pair. ``pairs`` (sum of weights) and ``softmax_rows`` are totals over all epochs;
    ``unigram_nll`` is the cross-entropy of the contexts of the last epoch's training pairs under their own
    distribution, ``valid_unigram_nll`` of the held-out pairs under the training text's unigram distribution.
    ``seconds.count`` is the time spent on counting windows, ``seconds.train`` that of the epochs without it.
    I and O are those of the end of the last epoch, unless ``restored_epoch`` names the one that early
    stopping put back, or ``interrupted`` says that they moved on into an epoch that was not finished."""
    last = model.history[-1] if model.history else {}
    walk = sum(epoch["count_seconds"] for epoch in model.history)
    seconds = {
        "read": model.seconds["read"],
        "count": model.seconds["count"] + walk,
        "init": model.seconds["init"],
        "train": sum(epoch["seconds"] for epoch in model.history) - walk,
        "validate": model.seconds["validate"],
        "save": save_seconds,
    }
    return {
        "version": __version__,
        "settings": model.settings.as_dict()
        | {"sample": model.sample}
        | ({"batch_size": model.batch_size()} if model.corpus else {}),
        "vocabulary_size": len(model.vocab),
        "vector_size": model.settings.vector_size,
        "tokens": model.corpus.n_tokens if model.corpus else 0,
        "pairs": sum(epoch["pairs"] for epoch in model.history),
        "softmax_rows": sum(epoch["softmax_rows"] for epoch in model.history),
        "uniform_nll": math.log(len(model.vocab)),
        "unigram_nll": last.get("unigram_nll"),
        "valid_unigram_nll": last.get("valid_unigram_nll"),
        "epochs": [{name: epoch[name] for name in _EPOCH_FIELDS} for epoch in model.history],
        "restored_epoch": model.restored_epoch,
        "interrupted": model.plan is not None
        and model.restored_epoch is None
        and not model.state.at_epoch_end,
        "seconds": seconds | {"total": sum(seconds.values())},
        "workers": model.workers,
        "isa": _core.isa(),
        "precision": model.settings.precision,
        "peak_rss_bytes": _memory.peak_rss_bytes(),
        "input_sha256": sha256(model.I),
        "output_sha256": sha256(model.O),
    }


def sha256(matrix: NDArray[np.float32]) -> str:
    """Digest of the bytes of a C-contiguous matrix."""
    return hashlib.sha256(memoryview(np.ascontiguousarray(matrix)).cast("B")).hexdigest()


def write_json(report: dict[str, object], path: str | os.PathLike[str]) -> None:
    """Write a report as indented JSON, atomically; NaN and infinity become null, which JSON can say."""
    with atomic_write(path) as file:
        file.write(json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def summary(report: dict[str, object]) -> str:
    """A report for people: what was trained, how good it is, what it took."""
    epochs, seconds = report["epochs"], report["seconds"]
    lines = [
        f"{report['vocabulary_size']:,} words x {report['vector_size']} coordinates, {report['tokens']:,} "
        f"tokens, {report['pairs']:,.0f} pairs in {len(epochs)} epoch{'s' * (len(epochs) != 1)}, "
        f"{report['softmax_rows']:,} exact softmax rows",
        f"loss in nats per pair   uniform (ln K) {report['uniform_nll']:.4f}   unigram "
        f"{_number(report['unigram_nll'])}"
        + (
            f"   held-out unigram {_number(report['valid_unigram_nll'])}"
            if report["valid_unigram_nll"] is not None
            else ""
        ),
    ]
    lines += [
        f"  epoch {number}   {_losses(epoch)}   {epoch['seconds']:.1f} s   {epoch['pairs_per_second']:,.0f} "
        "pairs/s"
        + (
            f"   the {epoch['words']:,} most frequent words"
            if epoch["words"] < report["vocabulary_size"]
            else ""
        )
        for number, epoch in enumerate(epochs, 1)
    ]
    if report["restored_epoch"] is not None:
        lines.append(f"stopped early; the vectors are those of epoch {report['restored_epoch']}, the best")
    if report["interrupted"]:
        lines.append("interrupted: the vectors are those of the moment, within an epoch that is not listed")
    lines.append("seconds   " + "   ".join(f"{name} {value:.2f}" for name, value in seconds.items()))
    lines.append(
        f"{report['workers']} thread{'s' * (report['workers'] != 1)}, {report['isa']}, "
        f"{report['precision']}, peak memory {report['peak_rss_bytes'] / 2**20:,.0f} MiB"
    )
    return "\n".join(lines)


def _losses(epoch: dict[str, float | None]) -> str:
    text = f"train {epoch['nll']:.4f} (perplexity {_perplexity(epoch['nll'])})"
    if epoch["valid_nll"] is not None:
        text += f"   held-out {epoch['valid_nll']:.4f} (perplexity {_perplexity(epoch['valid_nll'])})"
    return text


def _perplexity(nll: float) -> str:
    return f"{math.exp(nll):,.1f}" if nll < 30 else "huge"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
