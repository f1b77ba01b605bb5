"""How each kind of result becomes a table: a writer for each, for figures.py."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from statistics import mean
from typing import Any

from markdown_table import markdown
from quality_table import Contender, pooled

MIB = 2**20
Result = dict[str, Any]


def machine(result: Result) -> str:
    """What it was measured on."""
    about = result["machine"]
    blas = f" with {about['blas']}" if about.get("blas") else ""
    torch = f", PyTorch {about['torch']}" if about.get("torch") else ""
    commit = f", commit {about['commit']}" if about.get("commit") else ""
    return (
        f"*{about['cores']} cores of {about['cpu']}, {about['threads']} threads; {about['compiler']}, "
        f"Python {about['python']}, NumPy {about['numpy']}{blas}{torch}{commit}.*"
    )


# ---- steps and kernels -----------------------------------------------------------------------------------


def step(result: Result) -> str:
    """One training step beside NumPy's: step.py."""
    rows = [
        [
            f"{row['K']:,}",
            f"{row['U']:,}",
            f"{row['literal_s']:,.0f} s",
            f"{row['grouped_s']:.3f} s",
            f"{row['fastsg_s']:.3f} s",
            f"{row['over_literal']:,.0f} ×",
            f"{row['over_grouped']:.2f} ×",
        ]
        for row in result["rows"]
    ]
    header = ["K", "distinct centers", "literal", "grouped", "fastsg", "over literal", "over grouped"]
    return f"{markdown(header, rows)}\n\n{machine(result)}"


_CONTENDERS = {
    "avx512": "AVX-512",
    "avx2": "AVX2",
    "neon": "NEON",
    "amx": "bfloat16 by AMX",
    "avx512_bf16": "bfloat16 by AVX512_BF16",
    "NumPy grouped": "NumPy, the same grouped step",
    "PyTorch autograd": "PyTorch, autograd",
    "PyTorch in place": "PyTorch, by hand and in place",
}


def kernels(result: Result) -> str:
    """Gflop/s by kernel and vector size, of the numbers of threads: kernels.py."""
    sizes = list(dict.fromkeys(row["H"] for row in result["rows"]))
    cells: dict[tuple[str, str], dict[int, list[Result]]] = {}
    for row in result["rows"]:
        ours = row["contender"] in ("pass A", "step")
        who, what = (row["kernels"], row["contender"]) if ours else (row["contender"], "")
        cells.setdefault((_CONTENDERS.get(who, who), what), {}).setdefault(row["H"], []).append(row)
    rows = []
    for (who, what), found in cells.items():
        threads = " / ".join(str(row["threads"]) for row in next(iter(found.values())))
        title = ", ".join(filter(None, [who, what, f"{threads} thread{'' if threads == '1' else 's'}"]))
        rows.append([title, *(" / ".join(map(_speed, found[H])) for H in sizes)])
    return f"{markdown(['', *(f'Gflop/s, H = {H}' for H in sizes)], rows)}\n\n{machine(result)}"


def _speed(row: Result) -> str:
    share = f" ({100 * row['share_of_peak']:.0f} % of peak)" if row["contender"] == "pass A" else ""
    return f"{row['gflops']:,.0f}{share}"


def busy(result: Result) -> str:
    """Milliseconds of a step beside other work: busy.py."""
    rows = [
        [
            f"{row['K']:,}",
            f"{row['U']:,}",
            {"as it is": "idle"}.get(row["condition"], row["condition"]),
            row["policy"],
            *(f"{row['ms'][n]:.{2 if row['ms'][n] < 10 else 1}f} ms" for n in row["ms"]),
            f"{row['ratio']:.2f}",
        ]
        for row in result["rows"]
    ]
    threads = list(result["rows"][0]["ms"])
    heads = [f"{n} thread{'s' * (n != '1')}" for n in threads]
    header = ["K", "U", "machine", "wait policy", *heads, f"{threads[-1]} over {threads[0]}"]
    return f"{markdown(header, rows)}\n\n{machine(result)}"


def scale(result: Result) -> str:
    """A step as one of K, H, U and threads grows: scale.py."""
    rows = [
        [
            f"{'' if axis == 'threads' else f'{axis} = '}{row[axis]:,}{' thread' * (axis == 'threads')}",
            f"{row['seconds']:.2f} s" if row["seconds"] >= 1 else f"{row['seconds'] * 1e3:.3g} ms",
            f"{row['gflops']:.0f}",
            f"{100 * row['share']:.0f} %",
            f"{row['scratch'] / MIB:.0f} MiB",
        ]
        for axis, listed in result["axes"].items()
        for row in listed
    ]
    return f"{markdown(['', 'step', 'Gflop/s', 'of peak', 'scratch'], rows)}\n\n{machine(result)}"


def counting(result: Result) -> str:
    """Counting in core and under limits of memory: out_of_core.py."""
    rows = [
        [
            f"{row['tokens'] / 1e6:,.0f} million tokens, {row['words']:,} words",
            "none" if row["limit"] == "none" else f"{row['limit']} GiB",
            *(f"{row[name]:.0f} s" for name in ("read", "count", "save")),
            f"{row['draws'] * row['tokens'] / row['count'] * 1e-6:.1f} million",
            f"{row['peak'] / MIB:,.0f} MiB",
            f"{row['bytes'] / 1e9:.1f} GB, `{row['sha256'][:8]}`",
        ]
        for row in result["rows"]
    ]
    header = ["text", "limit", "read", "count", "save", "tokens/s a draw", "peak memory", "file, SHA-256"]
    return f"{markdown(header, rows)}\n\n{machine(result)}"


# ---- whole trainings -------------------------------------------------------------------------------------


def texts(result: Result) -> str:
    """A row for each text, with what was found there in words."""
    rows = [
        [row["text"], f"{row['K']:,}", f"{row['seconds']:g} s", row["says"].format(**row["figures"])]
        for row in result["rows"]
    ]
    return f"{markdown(['text', 'K', 'time', ''], rows)}\n\n{machine(result)}"


def _filled(text: str) -> str:
    return textwrap.fill(text, 118, break_on_hyphens=False)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _rho(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


#: Columns of the table of quality: their heads, and how a figure is written.
_QUALITY: dict[str, tuple[str, Callable[[float], str]]] = {
    "seconds": ("time", lambda x: f"{x:,.0f} s" if x >= 100 else f"{x:.1f} s"),
    "MiB": ("peak memory", "{:,.0f} MiB".format),
    "semantic": ("semantic", _percent),
    "syntactic": ("syntactic", _percent),
    "analogies": ("analogies", _percent),
    "WS-353": ("WS-353", _rho),
    "SimLex": ("SimLex-999", _rho),
    "RG-65": ("RG-65", _rho),
    "MTurk-287": ("MTurk-287", _rho),
    "MTurk-771": ("MTurk-771", _rho),
    "RW": ("rare words", _rho),
    "held-out": ("held-out", "{:.3f}".format),
}


def quality(result: Result) -> str:
    """Exact softmax beside its peers on one text, means over seeds: quality.py."""
    pools = [pool for pool in pooled(result["rows"]) if pool.figures]
    columns = {name: how for name, how in _QUALITY.items() if any(pool.values(name) for pool in pools)}

    def cells(pool: Contender) -> list[str]:
        found = {name: pool.values(name) for name in columns}
        return [columns[name][1](mean(values)) if values else "" for name, values in found.items()]

    table = markdown(
        ["", *(head for head, _ in columns.values())], [[pool.name, *cells(pool)] for pool in pools]
    )
    return "\n\n".join(filter(None, [table, _runs(pools, columns), _held_out(result), machine(result)]))


def _runs(pools: list[Contender], columns: dict[str, tuple[str, Callable[[float], str]]]) -> str:
    """How many runs there were, and how far those of fastsg are apart; nothing if each ran once."""
    if all(len(pool.figures) == 1 for pool in pools):
        return ""
    ours = next(pool for pool in pools if pool.kind == "fastsg")
    numbers = "; ".join(f"{len(pool.figures)} of {pool.name}" for pool in pools)
    apart = ", ".join(
        f"{head} {form(max(values) - min(values))}"
        for name, (head, form) in columns.items()
        if len(values := ours.values(name)) > 1
    )
    words = f"Means over runs with different seeds: {numbers}."
    return _filled(words + (f" From the lowest to the highest of {ours.name}: {apart}." if apart else ""))


def _held_out(result: Result) -> str:
    """What the held-out losses are to be compared with."""
    rows = [row for row in result["rows"] if "calibration" in row]
    if not rows:
        return ""
    return _filled(
        f"Held-out: nats per pair, of {rows[0]['nll_centers']:,} centers; the training text's unigrams give "
        f"{rows[0]['calibration']['unigram']:.3f}. gensim's vectors have the scale and the prior that suit "
        "them best."
    )


WRITERS: dict[str, Callable[[Result], str]] = {
    writer.__name__: writer for writer in (quality, texts, step, kernels, busy, scale, counting)
}
