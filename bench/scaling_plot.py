"""The picture of scaling.py: what was measured against the model, and what the model foretells."""

from __future__ import annotations

from typing import Any

ASSUMED = """\
ranks of {threads} threads as fast as the one measured, at 90 %; latency and bandwidth of the network for
every pair of ranks at once, on top of MPI's own latency here; no overlap of compute and exchange; without
reading, counting and held-out losses; batches of the default size; at most 64 ranks, one for each shard"""


def plot(result: dict[str, Any], path: str) -> None:
    """Draw it into a file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style = {"svg.fonttype": "none", "svg.hashsalt": "fastsg", "font.size": 9}
    with mpl.rc_context(style | {"axes.spines.top": False, "axes.spines.right": False}):
        networks = list(dict.fromkeys(row["network"] for row in result["foretold"]))
        figure, axes = plt.subplots(1, 1 + len(networks), figsize=(13, 4.2), layout="constrained")
        draw_measured(axes[0], result["measured"])
        for ax, network in zip(axes[1:], networks, strict=True):
            ax.sharey(axes[1])
            draw_network(ax, [row for row in result["foretold"] if row["network"] == network])
            ax.set_title(network, fontsize=9)
        axes[1].set_ylabel("times faster than one rank")
        handles, labels = axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        figure.supxlabel(ASSUMED.format(threads=result["threads"]), fontsize=7)
        figure.savefig(path, dpi=80, metadata={"Date": None} if path.endswith(".svg") else None)
        plt.close(figure)


def draw_measured(ax: Any, rows: list[dict[str, Any]]) -> None:
    """A mark for each measurement: milliseconds of a batch, and what the model says."""
    for marker, (ranks, link) in zip("osD^v", dict.fromkeys((row["ranks"], row["link"]) for row in rows)):
        own = [row for row in rows if (row["ranks"], row["link"]) == (ranks, link)]
        model = [(row["model_compute"] + row["model_exchange"]) * 1e3 for row in own]
        label = "1 rank" if ranks == 1 else f"{ranks} ranks, {link}"
        ax.plot([row["seconds"] * 1e3 for row in own], model, marker, ms=4, label=label)
    ends = [min(row["seconds"] for row in rows) * 1e3, max(row["seconds"] for row in rows) * 1e3]
    ax.plot(ends, ends, "--", color="0.65", lw=1)
    ax.set(xscale="log", yscale="log", xlabel="ms a batch, measured", ylabel="by the model")
    ax.minorticks_off()
    ax.legend(fontsize=7, frameon=False)


def draw_network(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Lines of the gain over ranks, a colour for each vocabulary, a style for each vector size."""
    colours = {K: f"C{n}" for n, K in enumerate(dict.fromkeys(row["K"] for row in rows))}
    styles = dict(zip(dict.fromkeys(row["H"] for row in rows), ("-", "--", ":", "-.")))
    for row in rows:
        gains = [row["seconds"][0] / seconds for seconds in row["seconds"] if seconds is not None]
        ranks = [2**n for n in range(len(gains))]
        label = f"K = {row['K']:,}, H = {row['H']}"
        ax.plot(ranks, gains, styles[row["H"]], color=colours[row["K"]], marker=".", label=label)
    ax.plot([1, 64], [1, 64], color="0.8", lw=1)
    ax.set(xscale="log", yscale="log", xlabel="ranks")
    ax.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
    ax.set_yticks([1, 4, 16, 64], ["1", "4", "16", "64"])
