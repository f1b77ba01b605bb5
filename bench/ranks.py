"""Ranks of variants over texts and measures, from runs with several seeds. Used by defaults.py.

A run is a mapping: "text", "variant", "seed" and figures. Seeds are averaged first. A cell is a text and a
measure; in it variants rank from 1, the best, and equal ones share the mean of their places. The mean over
all cells is what a variant is chosen by: no text and no measure has more weight because its figures are
further apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from markdown_table import markdown

Run = Mapping[str, Any]
#: Figures that do not say which variant is better.
DESCRIBE = ("text", "variant", "seed", "commit", "settings", "below_unigram", "passes")
FALLS = ("valid_nll",)  # the less the better


def means(runs: Iterable[Run]) -> dict[tuple[str, str], dict[str, tuple[float, float]]]:
    """By text and variant, for each figure: its mean over the seeds, and how far they are apart."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for run in runs:
        found = values.setdefault((run["text"], run["variant"]), {})
        for name, value in run.items():
            if isinstance(value, float):
                found.setdefault(name, []).append(value)
    return {
        key: {name: (mean(all_of), max(all_of) - min(all_of)) for name, all_of in found.items()}
        for key, found in values.items()
    }


def ranked(values: Sequence[float], falls: bool) -> list[float]:
    """Places from 1, the best; equal values share the mean of theirs."""
    return [
        1 + sum(other < value if falls else other > value for other in values) + (values.count(value) - 1) / 2
        for value in values
    ]


def cells(runs: Sequence[Run]) -> tuple[list[str], dict[tuple[str, str], list[float]], int]:
    """Variants, their ranks in each (text, measure), and how many cells were left out.

    Left out are cells that not every variant has: it was not run yet, or its vectors were not asked.
    """
    found = means(runs)
    variants = list(dict.fromkeys(run["variant"] for run in runs))
    measures = list(dict.fromkeys(name for run in runs for name in run if name not in DESCRIBE))
    ranks, left_out = {}, 0
    for text in dict.fromkeys(run["text"] for run in runs):
        for measure in measures:
            have = [found.get((text, name), {}).get(measure) for name in variants]
            if None not in have:
                ranks[text, measure] = ranked([value[0] for value in have], measure in FALLS)
            elif any(have):
                left_out += 1
    return variants, ranks, left_out


def rank_table(runs: Sequence[Run]) -> str:
    """Markdown: mean rank over all cells, the best first, and over those of each measure and each text."""
    variants, ranks, left_out = cells(runs)
    if not ranks:
        return "Nothing to rank: no text has a figure of every variant."
    measures = list(dict.fromkeys(measure for _, measure in ranks))
    texts = list(dict.fromkeys(text for text, _ in ranks))
    lines = []
    for i, name in enumerate(variants):
        by = [[row[i] for (_, measure), row in ranks.items() if measure == wanted] for wanted in measures]
        by += [[row[i] for (text, _), row in ranks.items() if text == wanted] for wanted in texts]
        lines.append([mean(row[i] for row in ranks.values()), name, *map(mean, by)])
    lines.sort(key=lambda line: line[0])
    header = ["variant", "mean rank", *measures, *texts]
    shown = [[name, *(f"{value:.2f}" for value in (overall, *rest))] for overall, name, *rest in lines]
    note = f"{len(variants)} variants, {len(ranks)} cells (text and measure)"
    note += f"; {left_out} left out, which not every variant has" if left_out else ""
    return f"{markdown(header, shown)}\n\n{note}."


def mean_tables(runs: Sequence[Run]) -> str:
    """Markdown, a table for each text: means over the seeds, and in brackets how far they are apart."""
    found, parts = means(runs), []
    for text in dict.fromkeys(run["text"] for run in runs):
        rows = {variant: row for (of, variant), row in found.items() if of == text}
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        shown = [
            [
                variant,
                str(sum((run["text"], run["variant"]) == (text, variant) for run in runs)),
                *("{:,.4f} ({:,.4f})".format(*row[name]) if name in row else "" for name in columns),
            ]
            for variant, row in rows.items()
        ]
        header = ["variant", "seeds", *columns]
        parts.append(f"{text}\n\n{markdown(header, shown)}")
    return "\n\n".join(parts)
