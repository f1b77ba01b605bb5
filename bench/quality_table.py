"""The table of quality.py: the runs of a contender in one row, and what is needed to read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import NamedTuple

from judging import HALVES
from markdown_table import markdown
from peers import Row
from sets import ANALOGIES, SIMILARITY
from text_files import MIB

MANY = 100  # pairs of a set that counts in the mean of similarity
SIMILAR = f"mean {MANY}+"
KINDS = ("fastsg", "gensim")  # who is compared
OLD_NAMES = {"MTurk-287": "MTurk"}  # in files of before there was MTurk-771
SETS = dict.fromkeys([*HALVES, *ANALOGIES], "{:.1%}") | dict.fromkeys([*SIMILARITY, SIMILAR], "{:.3f}")
COLUMNS = {"K": "{:,}", "seconds": "{:,.1f}", "MiB": "{:,.0f}"} | SETS
COLUMNS |= {"held-out": "{:.4f}", "s": "{:.3f}", "b": "{:.3f}"}


class Contender(NamedTuple):
    """The runs of one name: figures of those that trained, and what went wrong in others or afterwards."""

    name: str
    kind: str
    figures: list[dict[str, float]]
    errors: list[str]

    def values(self, column: str) -> list[float]:
        """Of the runs that have any."""
        return [run[column] for run in self.figures if column in run]


def figures(row: Row) -> dict[str, float]:
    """What a run shows, by column."""
    calibration = row.get("calibration", {})
    found = {name: row.get(name, row.get(OLD_NAMES.get(name, name))) for name in COLUMNS} | {
        "MiB": row["peak_rss_bytes"] / MIB if "peak_rss_bytes" in row else None,
        "held-out": row.get("nll"),
        "s": calibration.get("s"),
        "b": calibration.get("b"),
    }
    judged = row.get("judged", {})
    large = [name for name, file in SIMILARITY.items() if judged.get(file, {}).get("pairs", 0) >= MANY]
    if rhos := [found[name] for name in large if found[name] is not None]:
        found[SIMILAR] = mean(rhos)
    return {name: value for name, value in found.items() if value is not None}


def pooled(rows: Iterable[Row]) -> list[Contender]:
    """A contender for each name, in the order in which they first come."""
    found: dict[str, Contender] = {}
    for row in rows:
        name = row["name"]
        pool = found.setdefault(name, Contender(name, row.get("kind", ""), [], []))
        if "error" in row:
            pool.errors.append(row["error"])
        if "seconds" in row:
            pool.figures.append(figures(row))
    return list(found.values())


def cell(values: Sequence[float], form: str) -> str:
    """The mean, and in brackets how far the runs are apart."""
    if not values:
        return ""
    spread = max(values) - min(values)
    return form.format(values[0] if not spread else mean(values)) + (
        f" ({form.format(spread)})" if len(values) > 1 and form != COLUMNS["K"] else ""
    )


def table(rows: Iterable[Row]) -> str:
    """Markdown; a contender that failed shows why, and columns without figures are left out."""
    pools = pooled(rows)
    columns = {name: form for name, form in COLUMNS.items() if any(pool.values(name) for pool in pools)}
    several = ["runs"] if any(len(pool.figures) > 1 for pool in pools) else []
    lines = []
    for pool in pools:
        failed = f" ({len(pool.errors)} failed: {pool.errors[0]})" if pool.errors else ""
        runs = [str(len(pool.figures))] if several else []
        cells = [cell(pool.values(name), form) for name, form in columns.items()]
        lines.append([pool.name + failed, *runs, *cells])
    return markdown(["contender", *several, *columns], lines)


def comparison(rows: Iterable[Row]) -> str:
    """Ours beside gensim, which has for each set the threshold that is best for this set, by means."""
    pools = pooled(rows)
    ours, theirs = ([pool for pool in pools if pool.kind == kind and pool.figures] for kind in KINDS)
    best = {
        name: max((mean(pool.values(name)), pool.name) for pool in theirs if pool.values(name))
        for name in SETS
        if any(pool.values(name) for pool in theirs) and any(pool.values(name) for pool in ours)
    }
    if not best:
        return ""

    def beside(pool: Contender, name: str) -> str:
        if not pool.values(name):
            return ""
        value, form = mean(pool.values(name)), SETS[name]
        return f"{form.format(value)} ({form.replace(':', ':+').format(value - best[name][0])})"

    gensim = [
        f"{SETS[name].format(value)} ({who.removeprefix('gensim, ')})" for name, (value, who) in best.items()
    ]
    lines = [["best of gensim for the set", *gensim]]
    lines += [[pool.name, *(beside(pool, name) for name in best)] for pool in ours]
    return markdown(["", *best], lines)


# ---- what the figures need to be read --------------------------------------------------------------------


def notes(result: Row, window: int, min_count: int, longest: int) -> str:
    """Settings, what was scored, and what disturbed."""
    settings, rows = result["settings"], result["rows"]
    lines = [
        f"{result['text']}; window {window}, min_count {min_count}, peers {settings['epochs']} epochs, "
        f"H = {settings['vector_size']}, {settings['workers']} threads. "
        f"Analogies within the {settings['top']:,} most frequent words; similarity is Spearman's rho."
    ]
    if len({row["name"] for row in rows}) < len(rows):
        lines.append("Means over runs with different seeds; in brackets the largest less the smallest.")
    lines += [*known(rows), *held_out(rows)]
    if result["longest_line"] > longest:
        lines.append(
            f"The peers read the text in lines of 1,000 words: its longest line has "
            f"{result['longest_line']:,}."
        )
    busy = ", ".join(str(row["cores_used_by_others"]) for row in rows if "seconds" in row)
    lines.append(f"Cores kept busy by others meanwhile: {busy}.")
    return "\n".join(lines)


def known(rows: Iterable[Row]) -> list[str]:
    """How many pairs and questions were answered, by each where they differ."""
    answered: dict[str, dict[str, None]] = {}
    for row in rows:
        found = row.get("judged", {})
        counts = ", ".join(
            f"{name} {judged.get('pairs', judged.get('answered')):,} of "
            f"{judged.get('of', judged.get('asked')):,}"
            for name, file in (SIMILARITY | ANALOGIES).items()
            if (judged := found.get(file))
        )
        if counts:
            answered.setdefault(counts, {})[row["name"]] = None
    if len(answered) < 2:
        return [f"Pairs and questions whose words are known: {counts}." for counts in answered]
    return [
        f"Pairs and questions whose words {'; '.join(names)} know: {counts}."
        for counts, names in answered.items()
    ]


def held_out(rows: Sequence[Row]) -> list[str]:
    """On what the loss was taken."""
    scored = {(round(row["nll_pairs"]), row["nll_centers"]) for row in rows if "nll" in row}
    if not scored:
        return []
    where = "; ".join(
        f"{pairs:,.0f} (weighted) pairs of {centers:,} centers" for pairs, centers in sorted(scored)
    )
    unigram = next((row["calibration"]["unigram"] for row in rows if "calibration" in row), None)
    return [
        f"Held-out loss in nats per pair: {where}"
        + (f"; the training text's unigrams give {unigram:.4f}." if unigram else ".")
        + (" s and b: scale and prior fitted to vectors of negative sampling." if unigram else "")
        + other_windows(rows)
    ]


def other_windows(rows: Iterable[Row]) -> str:
    """Who was trained for another P(n|m) than is scored, where pairs at distance d weigh (z - d + 1) / z."""
    shrinking = {row["name"]: row["report"]["settings"]["shrink_windows"] for row in rows if "report" in row}
    others = [
        f"{name} ({value})" for name, value in shrinking.items() if value not in (True, "expected", "random")
    ]
    return (
        f" Trained with other weights of distances than these pairs have: {', '.join(others)}."
        if others
        else ""
    )
