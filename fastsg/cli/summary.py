"""What a person reads when a training is done: what was trained, how good it is, what it took."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..checks import printable
from ..model.report import Report
from ..training.history import TEXTS
from .columns import BOLD, DIM, columns, lines_of, styled

#: A line of a table: what stands in some of its columns, by name.
Cells = dict[str, str]


class _Column(NamedTuple):
    """A column of the table of epochs: its name, its head, and which text it is about."""

    name: str
    head: str
    about: str


_TRAINED, _HELD_OUT = "trained on", "held-out text"
_COLUMNS = (
    _Column("epoch", "epoch", ""),
    _Column("text", "text", _TRAINED),
    _Column("words", "words", _TRAINED),
    _Column("nll", "loss", _TRAINED),
    _Column("unigram_nll", "unigram", _TRAINED),
    _Column("perplexity", "perplexity", _TRAINED),
    _Column("valid_nll", "loss", _HELD_OUT),
    _Column("valid_perplexity", "perplexity", _HELD_OUT),
    _Column("seconds", "sec", ""),
)
#: Those that are left out where a line would be too long: the last ones first, then what the losses tell too.
_SPARED: tuple[tuple[str, ...], ...] = (
    (),
    ("seconds",),
    ("seconds", "perplexity", "valid_perplexity"),
)
#: The first columns, whose room is that of a label where a line is about no epoch.
_LABEL = ("epoch", "text", "words")
_HEAD = 11  # columns of what stands before a note


def summary(report: Report) -> str:
    """A report for people.

    Epochs may be about different texts and words; then their losses do not compare. So the table names what
    each loss is about, and puts that of the same pairs under the unigram distribution beside it.
    """
    number, size = len(report["epochs"]), report["vocabulary_size"]
    first = f"{size:,} words x {report['vector_size']} coordinates"
    if report["tokens"]:  # of counts the text is not known
        first += f", {report['tokens']:,} tokens"
    second = (
        f"{report['pairs']:,.0f} pairs in {number} epoch{'s' * (number != 1)}",
        f"{report['softmax_rows']:,} exact softmax rows",
        f"{_pairs_per_second(report):,.0f} pairs/s",
    )
    lines = [styled(first, BOLD), *lines_of(_listed(second)), "", *_table(report), ""]
    for head, text in _notes(report):
        lines += [styled(line, DIM) for line in lines_of(text.split(), f"{head:<{_HEAD}}")]
    return "\n".join([*lines, "", *_facts(report)])


def _pairs_per_second(report: Report) -> float:
    seconds = sum(epoch["seconds"] for epoch in report["epochs"])
    return report["pairs"] / seconds if seconds else 0.0


def _listed(parts: Sequence[str]) -> list[str]:
    """The parts, all but the last with a comma behind them."""
    return [f"{part}," for part in parts[:-1]] + list(parts[-1:])


# ---- the table ----


def _table(report: Report) -> list[str]:
    """A line for each epoch, and below them losses to compare with, as wide as there is room."""
    rows = [_epoch_cells(number, epoch, report) for number, epoch in enumerate(report["epochs"], 1)]
    uniform = _loss(report["uniform_nll"])
    rows.append({"label": "(uniform: ln K)"} | _cells("", uniform) | _cells("valid_", uniform))
    held_out = report["valid_unigram_nll"]
    if held_out is not None:
        rows.append({"label": "(unigram, whole text)"} | _cells("valid_", _loss(held_out)))
    shown = [column for column in _COLUMNS if column.about != _HELD_OUT or held_out is not None]
    for spared in _SPARED:
        lines = _aligned(rows, [column for column in shown if column.name not in spared])
        if max(map(len, lines)) <= columns():
            break
    return [*(styled(line, BOLD) for line in lines[:2]), *lines[2:]]


def _epoch_cells(number: int, epoch: dict[str, Any], report: Report) -> Cells:
    words = epoch["words"]
    return {
        "epoch": str(number),
        "text": TEXTS[epoch["thinned"]],
        "words": f"{words:,}" if words < report["vocabulary_size"] else "all",
        "unigram_nll": _loss(epoch["unigram_nll"])[0],
        "seconds": f"{epoch['seconds']:.1f}",
        **_cells("", _loss(epoch["nll"])),
        **_cells("valid_", _loss(epoch["valid_nll"])),
    }


def _cells(about: str, loss: tuple[str, str]) -> Cells:
    return {f"{about}nll": loss[0], f"{about}perplexity": loss[1]}


def _loss(nll: float | None) -> tuple[str, str]:
    """A loss and its perplexity."""
    if nll is None:
        return "-", "-"
    perplexity = math.exp(min(nll, 700.0))
    return f"{nll:.4f}", f"{perplexity:,.1f}" if perplexity < 1e6 else f"{perplexity:.1e}"


def _aligned(rows: list[Cells], shown: list[_Column]) -> list[str]:
    """The rows in columns, under their heads and a line that says what these are about."""
    heads = {column.name: column.head for column in shown}
    widths = {name: max(len(row.get(name, "")) for row in [heads, *rows]) for name in heads}
    longest = max(len(row.get("label", "")) for row in rows)
    widths["text"] += max(longest - _label_room(widths), 0)
    about = []
    for text, group in itertools.groupby(shown, lambda column: column.about):
        room = sum(widths[column.name] + 2 for column in group) - 2
        about.append(f" {text} ".center(room, "-") if text else " " * room)
    lines = ["  ".join(about), *(_line(row, widths) for row in [heads, *rows])]
    return [line.rstrip() for line in lines]


def _line(row: Cells, widths: dict[str, int]) -> str:
    cells = [
        f"{row.get(name, ''):<{width}}" if name == "text" else f"{row.get(name, ''):>{width}}"
        for name, width in widths.items()
    ]
    if "label" in row:
        cells[: len(_LABEL)] = [f"{row['label']:<{_label_room(widths)}}"]
    return "  ".join(cells)


def _label_room(widths: dict[str, int]) -> int:
    return sum(widths[name] + 2 for name in _LABEL) - 2


# ---- below it ----


def _notes(report: Report) -> Iterator[tuple[str, str]]:
    """What a reader of the table may not know."""
    epochs = report["epochs"]
    yield "loss", "in nats per pair; perplexity is its exponential"
    yield "unigram", "loss of the same pairs if the center word is ignored"
    if any(epoch["thinned"] for epoch in epochs):
        yield (
            "thinned",
            "frequent words dropped at random: such losses do not compare with those of the whole text",
        )
    if any(epoch["thinned"] is None for epoch in epochs):
        yield TEXTS[None], "what an earlier version trained on and did not write down"
    if any(epoch["words"] < report["vocabulary_size"] for epoch in epochs):
        yield "words", "where they are not all: the most frequent ones, among themselves"
    few = [(number, epoch["centers"]) for number, epoch in enumerate(epochs, 1) if _has_few_centers(epoch)]
    if few:
        yield (
            "centers",
            f"in epoch {few[-1][0]} the {few[-1][1]:,} most frequent words alone, beside all words",
        )
    if report["valid_unigram_nll"] is not None:
        yield "held-out", "after the epoch, always of the whole text and all words"


def _has_few_centers(epoch: dict[str, Any]) -> bool:
    """Whether not all words of an epoch were centers; older files do not tell."""
    return epoch["centers"] is not None and epoch["centers"] < epoch["words"]


def _facts(report: Report) -> Iterator[str]:
    """What became of the training, and what it took."""
    if pretrained := report["pretrained"]:
        found, others = pretrained["found"], pretrained["not_found"]
        start = printable(str(report["settings"]["init"]))
        yield from lines_of([f"{found:,} words started from {start},", f"{others:,} are not there"])
    if report["restored_epoch"] is not None:
        best = f"the vectors are those of epoch {report['restored_epoch']}, the best"
        yield from lines_of(["stopped early;", *best.split()])
    if report["interrupted"]:
        text = "interrupted: the vectors are those of that moment, within an epoch that is not listed"
        yield from lines_of(text.split())
    seconds = [f"{name} {value:.2f}" for name, value in report["seconds"].items()]
    yield from lines_of(_listed(seconds), f"{'seconds':<{_HEAD}}")
    threads = report["workers"]
    many = f"{report['ranks']} ranks of " if report["ranks"] > 1 else ""
    used = (
        f"{many}{threads} thread{'s' * (threads != 1)}",
        report["isa"],
        report["precision"],
        f"peak memory {report['peak_rss_bytes'] / 2**20:,.0f} MiB",
    )
    yield from lines_of(_listed(used), f"{'machine':<{_HEAD}}")
