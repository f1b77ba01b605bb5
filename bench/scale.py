"""What a step costs as vocabulary, vectors, batch and threads grow: time, speed, scratch memory.

usage: python bench/scale.py [--K 1024 ... 1000000] [--H 50 ... 300] [--U 64 ... 4096] [--threads 1 2]
                             [--precision float32] [--rounds 2] [--seconds 0.6] [--json FILE] [--plot FILE]

One of the four grows, the others stay at K = 23,000, H = 100, U = 1,024 and two threads. Every point is a
process of its own, so that its peak of memory is its own: scratch is what the process grows by beyond I, O
and the batch while it takes a step, measured as the peak of its resident size, and stands beside the
estimate of _core.scratch_bytes. Points take turns in every round; medians over the rounds are quoted.
Gflop/s count useful work only, 6 U K H a step. The peak beside them is the most that any register-only loop
of multiply-adds (float32, some 5 ms) reached in the whole run with as many threads; such loops run around
every step, because the first fraction of a millisecond after a change of work is slower and would flatter
the share. --plot needs matplotlib; the ending says whether it becomes SVG or PNG.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

BASE = {"K": 23_000, "H": 100, "U": 1024, "threads": 2}
LABELS = {"K": "words K", "H": "vector size H", "U": "distinct centers U", "threads": "threads"}
MIB = 2**20
Point = dict[str, int]
Row = dict[str, float]


class Others:
    """How much of the machine others use from now on: beside them nothing can be measured. Linux only."""

    def __init__(self) -> None:
        self.begun, self.used = time.perf_counter(), self._foreign_seconds()

    def cores(self) -> float:
        """Cores that others kept busy on average; children of ours count once they have ended."""
        return round(max(self._foreign_seconds() - self.used, 0) / (time.perf_counter() - self.begun), 2)

    @staticmethod
    def _foreign_seconds() -> float:
        user, nice, system, _, _, irq, softirq, *_ = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        )
        own = sum(
            t.ru_utime + t.ru_stime
            for t in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - own


# ---- one point, in a process of its own ------------------------------------------------------------------


def resident(field: str) -> int:
    """Bytes of VmRSS (now) or VmHWM (peak) of this process; Linux only."""
    found = re.search(rf"^{field}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024


def forget_peak() -> None:
    """Start VmHWM anew: making the matrices took more for a moment than they take."""
    Path("/proc/self/clear_refs").write_text("5")


def peak(threads: int) -> float:
    """Gflop/s of the register-only loop, over some milliseconds."""
    from fastsg import _core

    begun = time.perf_counter()
    flops = _core.fma_rounds(3_000_000, threads)
    return flops / (time.perf_counter() - begun) * 1e-9


def child(K: int, H: int, U: int, threads: int, precision: str, seconds: float) -> None:
    """Print one point as JSON: median of a step's seconds, best loop, scratch measured and estimated."""
    from kernels import RATE, Batch

    from fastsg import _core
    from fastsg.numerics import objective

    batch = Batch(K, H, min(U, K))
    peak(threads)  # the OpenMP threads exist before memory is looked at
    forget_peak()
    before = resident("VmRSS")
    workspace = _core.Workspace(K, H, objective.block_rows(K), threads, precision)
    workspace.step(batch.I, batch.O, batch.none, *batch.counts, batch.shift, RATE)
    times: list[float] = []
    tops = [peak(threads)]
    while len(times) < 3 or sum(times) < seconds:
        begun = time.perf_counter()
        workspace.step(batch.I, batch.O, batch.none, *batch.counts, batch.shift, RATE)
        times.append(time.perf_counter() - begun)
        tops.append(peak(threads))
    scratch = resident("VmHWM") - before
    estimate = _core.scratch_bytes(K, H, objective.block_rows(K), batch.U, threads, precision)
    print(
        json.dumps(
            {
                "U": batch.U,
                "rows": objective.block_rows(K),
                "seconds": median(times),
                "peak_gflops": max(tops),
                "scratch": scratch,
                "estimate": estimate,
            }
        )
    )


def measure(point: Point, precision: str, seconds: float) -> Row:
    """A point in a fresh process, which inherits no peak of memory.

    There large arrays go back to the system when freed. Otherwise (glibc) scratch would be laid into
    what making the matrices left behind, and would not show.
    """
    command = [sys.executable, __file__, "--child", json.dumps([*point.values(), precision, seconds])]
    done = subprocess.run(
        command,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def points(args: argparse.Namespace) -> dict[str, list[Point]]:
    """For each axis its points, one value of it moved."""
    return {axis: [BASE | {axis: value} for value in getattr(args, axis)] for axis in BASE}


def run(args: argparse.Namespace) -> dict[str, list[Row]]:
    """The rows of each axis: medians over the rounds, the largest peak of memory.

    Points that axes share are measured once.
    """
    axes = points(args)
    distinct = {tuple(point.values()): point for axis in axes.values() for point in axis}
    found: dict[tuple[int, ...], list[Row]] = {key: [] for key in distinct}
    for _ in range(args.rounds):
        for key, point in distinct.items():
            found[key].append(measure(point, args.precision, args.seconds))
    return with_shares(
        {
            axis: [summary(point, found[tuple(point.values())]) for point in listed]
            for axis, listed in axes.items()
        }
    )


def summary(point: Point, rounds: list[Row]) -> Row:
    """One row from the rounds of a point."""
    seconds, U = median(row["seconds"] for row in rounds), rounds[0]["U"]
    return point | {
        "U": U,
        "rows": rounds[0]["rows"],
        "seconds": seconds,
        "best_seconds": min(row["seconds"] for row in rounds),
        "gflops": 6 * U * point["K"] * point["H"] / seconds * 1e-9,
        "peak_gflops": max(row["peak_gflops"] for row in rounds),
        "scratch": max(row["scratch"] for row in rounds),
        "estimate": rounds[0]["estimate"],
    }


def with_shares(axes: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The peak of each thread count is the best of all its points; shares are of that."""
    rows = [row for listed in axes.values() for row in listed]
    best = {
        n: max(row["peak_gflops"] for row in rows if row["threads"] == n)
        for n in {row["threads"] for row in rows}
    }
    for row in rows:
        row["peak_gflops"] = best[row["threads"]]
        row["share"] = row["gflops"] / row["peak_gflops"]
    return axes


# ---- what comes out --------------------------------------------------------------------------------------


def show(axes: dict[str, list[Row]]) -> None:
    """Print a table for each axis."""
    for axis, rows in axes.items():
        print(f"\nby {LABELS[axis]}")
        print(
            f"{'K':>9} {'H':>4} {'U':>5} {'threads':>7} | {'step':>11} {'Gflop/s':>8} {'of peak':>8} | "
            f"{'scratch':>10} {'estimated':>10} {'rows at once':>12}"
        )
        for row in rows:
            print(
                f"{row['K']:9,} {row['H']:4} {row['U']:5,} {row['threads']:7} | "
                f"{row['seconds'] * 1e3:8.1f} ms {row['gflops']:8.0f} {row['share']:8.0%} | "
                f"{row['scratch'] / MIB:6.0f} MiB {row['estimate'] / MIB:6.0f} MiB {row['rows']:12,}"
            )


def plot(axes: dict[str, list[Row]], precision: str, path: str) -> None:
    """Time above, speed below, one column for each axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "fastsg",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        figure, grid = plt.subplots(
            2, len(axes), figsize=(11, 5), sharex="col", sharey="row", layout="constrained"
        )
        for column, (axis, rows) in enumerate(axes.items()):
            draw_column(grid[:, column], axis, rows)
        grid[0, 0].set_ylabel("ms a step")
        grid[1, 0].set_ylabel("useful Gflop/s (6UKH)")
        grid[1, 0].set_ylim(bottom=0)
        lines = {line.get_label(): line for row in grid for line in row[0].get_lines()}
        figure.legend(
            lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines), frameon=False
        )
        figure.suptitle(
            f"A step of exact softmax, {precision}; where not varied: "
            + ", ".join(f"{k} = {v:,}" for k, v in BASE.items()),
            fontsize=10,
        )
        figure.savefig(path, dpi=80, metadata={"Date": None} if path.endswith(".svg") else None)
        plt.close(figure)


def draw_column(pair: list, axis: str, rows: list[Row]) -> None:
    """One axis: milliseconds with the proportional line, Gflop/s with the peak."""
    x = [row[axis] for row in rows]
    ms = [row["seconds"] * 1e3 for row in rows]
    middle = next((row for row in rows if row[axis] == BASE[axis]), rows[-1])
    power = -1 if axis == "threads" else 1
    pair[0].plot(
        x,
        [middle["seconds"] * 1e3 * (value / middle[axis]) ** power for value in x],
        "--",
        color="0.65",
        lw=1,
        label="in proportion",
    )
    pair[0].plot(x, ms, "o-", color="C0", ms=4, label="measured")
    pair[0].set_yscale("log")
    pair[1].plot(x, [row["peak_gflops"] for row in rows], "--", color="C3", lw=1, label="multiply-add peak")
    pair[1].plot(x, [row["gflops"] for row in rows], "o-", color="C0", ms=4, label="measured")
    pair[1].set_xlabel(LABELS[axis])
    if axis in ("K", "U"):
        pair[1].set_xscale("log", base=10 if axis == "K" else 2)
    if axis == "threads":
        pair[1].set_xticks(x)
    if axis == "U":
        pair[1].set_xticks(x, [f"{value:,}" for value in x], rotation=45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--K", type=int, nargs="+", default=[1024, 4096, 10_000, 23_000, 68_000, 250_000, 1_000_000]
    )
    parser.add_argument("--H", type=int, nargs="+", default=[50, 64, 100, 128, 200, 256, 300])
    parser.add_argument("--U", type=int, nargs="+", default=[64, 128, 256, 512, 1024, 2048, 4096])
    parser.add_argument("--threads", type=int, nargs="+", default=list(range(1, (os.cpu_count() or 1) + 1)))
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--json")
    parser.add_argument("--plot")
    parser.add_argument("--from-json", help="plot an earlier run instead of measuring")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    if args.from_json:
        result = json.loads(Path(args.from_json).read_text())
    else:
        from machine import describe

        others = Others()
        axes = run(args)
        result = {
            "machine": describe() | {"cores_used_by_others": others.cores()},
            "precision": args.precision,
            "axes": axes,
        }
    print("  ".join(f"{name} {value}" for name, value in result["machine"].items()))
    show(result["axes"])
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    if args.plot:
        plot(result["axes"], result["precision"], args.plot)


if __name__ == "__main__":
    main()
