"""The picture of quality.py: quality against time, a panel for each measure that was taken."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

from peers import Row, say
from quality_table import Contender, pooled

PANELS = {
    "analogies": "Google analogies, right",
    "WS-353": "WS-353, Spearman's rho",
    "ca_translated": "ca_translated analogies, right",
    "wordsim-240": "wordsim-240, Spearman's rho",
    "held-out": "held-out loss, nats per pair",
}
MARKERS = {"fastsg": "o", "gensim": "s", "fasttext": "^", "hyperhyper": "D"}
LARGEST_PICTURE = 60_000


def plot(result: Row, path: str) -> None:
    """Draw it into a file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    pools = [pool for pool in pooled(result["rows"]) if pool.values("seconds")]
    panels = {key: label for key, label in PANELS.items() if any(pool.values(key) for pool in pools)}
    if not panels:
        say("nothing was scored; no picture")
        return
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(3.6 * len(panels), 3.4), layout="constrained", squeeze=False
        )
        for ax, (key, label) in zip(axes[0], panels.items(), strict=True):
            draw_panel(ax, pools, key, label)
        handles = {
            name: handle
            for ax in axes[0]
            for handle, name in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
        settings = result["settings"]
        title = f"{result['text']}: H = {settings['vector_size']}, "
        title += f"peers {settings['epochs']} epochs, {settings['workers']} threads"
        figure.suptitle(title, fontsize=10)
        figure.savefig(path, dpi=80)
        plt.close(figure)
    if (size := Path(path).stat().st_size) > LARGEST_PICTURE:
        say(f"{path} has {size:,} bytes, more than {LARGEST_PICTURE:,}")


def draw_panel(ax: Any, pools: list[Contender], key: str, label: str) -> None:
    """A mark for the mean of each contender, a line from the least of its runs to the largest.

    Time is on a logarithmic axis where it differs much.
    """
    for i, pool in enumerate(pools):
        if values := pool.values(key):
            middle = mean(values)
            ax.errorbar(
                mean(pool.values("seconds")),
                middle,
                yerr=[[middle - min(values)], [max(values) - middle]] if len(values) > 1 else None,
                fmt=MARKERS[pool.kind],
                color=f"C{i}",
                ms=7,
                label=pool.name,
            )
    times = [mean(pool.values("seconds")) for pool in pools]
    if max(times) > 20 * min(times):
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel("seconds, file to vectors")
    ax.set_ylabel(label)
    ax.grid(alpha=0.3)
