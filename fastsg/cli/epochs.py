"""A line for each epoch on standard error, where there is no terminal to show a bar on."""

from __future__ import annotations

import math
import sys

from ..model.skipgram import SkipGram
from ..training.callbacks import Callback
from .terminal import say


class _EpochLines(Callback):
    """Says how each epoch went."""

    def on_epoch_end(self, model: SkipGram) -> None:
        """One line."""
        record, plan = model.history[-1], model.plan
        epoch = f"{plan.done}/{plan.epochs}" if plan else f"{len(model.history)}"
        parts = [f"loss {record['nll']:.4f}"]
        if record["valid_nll"] is not None:
            perplexity = math.exp(min(record["valid_nll"], 700.0))
            parts.append(f"held-out {record['valid_nll']:.4f} (perplexity {perplexity:,.1f})")
        say(f"epoch {epoch}: {', '.join(parts)}, {record['seconds']:.1f} s")


def epoch_lines(quiet: bool) -> list[Callback]:
    """The callback, one or none."""
    shown = not quiet and sys.stderr is not None and not sys.stderr.isatty()
    return [_EpochLines()] if shown else []
