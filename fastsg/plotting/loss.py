"""The course of a training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import SkipGram
from .picture import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RED, Axes, new_axes

_KINDS = {True: "thinned text", False: "whole text", None: "text not known"}
_MARKERS = {True: "o", False: "s", None: "x"}
_SHADES = ("#f2f2f2", "#e2e8f0")
_NARROW = 1 / 14  # of the width; text is written upwards then


class Course(NamedTuple):
    """What a picture of a training needs.

    Attributes
    ----------
    epochs : list of dict           With nll, valid_nll, words, thinned and, in newer reports, unigram_nll.
    words : int                     K.
    valid_unigram : float or None
    restored : int or None          The epoch that early stopping put back.
    """

    epochs: list[Mapping[str, Any]]
    words: int
    valid_unigram: float | None
    restored: int | None


def plot_loss(source: SkipGram | Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """The losses of all epochs, in nats per pair, beside ln K and the unigram loss.

    Epochs may be about thinned or whole text, and about all words or the most frequent ones: their losses do
    not compare, so no line joins them, and each kind has its ground and its marker. The held-out loss is
    always about the whole text and all words.

    Parameters
    ----------
    source : SkipGram or dict   A trained model, or the report of ``fastsg train --report``.
    ax : Axes                   Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError       The source is neither, or tells of no epoch.
    ImportError                 matplotlib is not installed.
    """
    course = _course(source)
    ax = new_axes(ax, 8, 5)
    numbers = range(1, len(course.epochs) + 1)
    for i, (kind, group) in enumerate(itertools.groupby(numbers, lambda n: _kind(course, n))):
        _draw_kind(ax, course, list(group), kind, _SHADES[i % 2])
    held_out = [(n, loss) for n in numbers if (loss := course.epochs[n - 1].get("valid_nll")) is not None]
    if held_out:
        ax.plot(*zip(*held_out, strict=True), color=GREEN, marker="D", markersize=4, label="held-out text")
    _level(ax, math.log(course.words), PURPLE, "--", f"ln K, K = {course.words:,}: all words equally likely")
    if course.valid_unigram is not None:
        _level(ax, course.valid_unigram, RED, "-.", "unigram, held-out text: center ignored")
    if course.restored is not None:
        _mark_restored(ax, course.restored)
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss, nats per pair")
    ax.set_title(f"Course of the training: {len(course.epochs)} epochs")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlim(0.5, len(course.epochs) + 0.5)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.15 * (top - bottom))  # room for the names of the kinds
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    ax.legend(once.values(), once.keys(), fontsize=8, loc="best")
    return ax


def _course(source: SkipGram | Mapping[str, Any]) -> Course:
    """What the source tells; TypeError or ValueError if that is no training."""
    if isinstance(source, SkipGram):
        epochs: list[Mapping[str, Any]] = [dict(record) for record in source.history]
        last = epochs[-1] if epochs else {}
        words = len(source.vocab) if source.is_built else 0
        course = Course(epochs, words, last.get("valid_unigram_nll"), source.restored_epoch)
    elif isinstance(source, Mapping):
        try:
            epochs = [{"nll": None} | dict(epoch) for epoch in source["epochs"]]
            course = Course(
                epochs,
                int(source["vocabulary_size"]),
                _number(source.get("valid_unigram_nll")),
                source.get("restored_epoch"),
            )
            for epoch in epochs:
                for name in ("nll", "valid_nll", "unigram_nll", "words"):
                    _number(epoch.get(name))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"source is no report of a training: {error!r}") from None
    else:
        raise TypeError(f"source is a {type(source).__name__}; it must be a SkipGram or a report")
    if not course.epochs or course.words < 1:
        raise ValueError("source tells of no epoch: it was not trained")
    return course


def _number(value: Any) -> float | None:
    """The value if it is a number or None, which stands for what is not finite; else a TypeError."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise TypeError(f"{value!r} is no number")
    return value


def _kind(course: Course, number: int) -> tuple[bool | None, int]:
    """Whether an epoch was on thinned text, and over how many words."""
    epoch = course.epochs[number - 1]
    thinned = epoch.get("thinned")
    return (thinned if isinstance(thinned, bool) else None), int(epoch.get("words") or course.words)


def _draw_kind(ax: Axes, course: Course, group: list[int], kind: tuple[bool | None, int], shade: str) -> None:
    """Epochs of one kind that follow each other: their losses, their unigram losses, their ground."""
    thinned, words = kind
    ax.axvspan(group[0] - 0.5, group[-1] + 0.5, color=shade, zorder=0, linewidth=0)
    about = [*_KINDS[thinned].rsplit(" ", 1), "all words" if words >= course.words else f"{words:,} words"]
    is_narrow = len(group) / len(course.epochs) < _NARROW
    ax.text(
        (group[0] + group[-1]) / 2,
        0.985,
        (" " if is_narrow else "\n").join(about),
        transform=ax.get_xaxis_transform(),
        rotation=90 if is_narrow else 0,
        ha="center",
        va="top",
        fontsize=7.5,
        color=INK,
    )
    for name, colour, marker, style, label in (
        ("nll", BLUE, _MARKERS[thinned], "-", f"pairs trained on, {_KINDS[thinned]}"),
        ("unigram_nll", ORANGE, "_", ":", "unigram, pairs trained on"),
    ):
        told = [(n, loss) for n in group if (loss := course.epochs[n - 1].get(name)) is not None]
        if told:
            points = zip(*told, strict=True)
            ax.plot(*points, color=colour, marker=marker, linestyle=style, markersize=6, label=label)


def _level(ax: Axes, height: float, colour: str, style: str, label: str) -> None:
    ax.axhline(height, color=colour, linestyle=style, linewidth=1.2, label=label)


def _mark_restored(ax: Axes, epoch: int) -> None:
    ax.axvline(epoch, color=QUIET, linewidth=1, label=f"epoch {epoch}, put back by early stopping")
