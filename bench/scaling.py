"""What ranks gain: compute and communication of training measured, a model fitted, larger trainings foretold.

usage: python bench/scaling.py [--K 4096 16384 32768] [--H 100 300] [--ranks 1 2] [--rounds 3] [--slow-link]
                               [--threads 8] [--mpiexec mpiexec] [--json FILE] [--plot FILE]
                               [--from-json FILE]

Measured are ranks of one thread on this machine, which train on random counts as fastsg does by default, over
all words: in each of 16 batches the seconds of compute, the seconds in exchanges and the bytes sent. Compute
is that of the slowest rank, and the exchange lasts as long as the rank waits that came to it last. One rank
runs without MPI. --slow-link (Linux, root, MPICH, `ip`) adds two ranks in network namespaces, over TCP, first
with nothing between them but the relay (see slow_link.py), then with 1 Gbit/s and .2 ms for one way. From all
but the last the model of scaling_model.py is fitted; the last is foretold by it. The bar: within 20 %.

Foretold are passes over all words, with what is measured here and these assumptions:

- a rank is a machine with --threads cores as fast as the one here, which all work at 90 %; memory keeps up;
- ranks share nothing but the network: its latency and bandwidth are those of NETWORKS, for every pair of
  ranks at once (full bisection); the latency comes on top of what MPI takes in shared memory here, which is
  measured, and the slower of the two sets the pace of the bytes;
- compute and exchange do not overlap, and of each exchange the simplest algorithm is charged;
- reading, counting, the start, held-out losses and checkpoints are left out; so are rare entries' costs.

There are no more ranks than the vocabulary has shards, 64 at most today: above that nothing is foretold,
because it cannot be run. A rank holds all of I and O: the table says how much that is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from markdown_table import markdown
from numpy.typing import NDArray
from scaling_model import Link, Rank, Size, batch_seconds, fit_link, fit_rank, pass_seconds, sent_bytes
from slow_link import TCP_ALONE, command, slow_link

from fastsg import Callback, CooccurrenceCounts, SkipGram
from fastsg.distributed import MpiTeam, launched_rank, world
from fastsg.training import StopTraining

NETWORKS = {
    "10 GbE, 30 us": Link(30e-6, 1 / 1.1e9),
    "100 GbE, 10 us": Link(10e-6, 1 / 11e9),
    "InfiniBand HDR, 2 us": Link(2e-6, 1 / 23e9),
}
NO_LINK, SLOW = Link(0, 0), Link(0.2e-3, 8e-9)
FORETOLD = {"K": (100_000, 1_000_000, 10_000_000), "H": (100, 300), "ranks": tuple(2**n for n in range(9))}
HERE, BARE, LINKED = "shared memory", "namespaces", "1 Gbit/s, .2 ms"
ENTRIES, BATCHES = 20, 16
BAR = 0.2
Row = dict[str, Any]


# ---- one job: the ranks of a team, some batches of each size ---------------------------------------------


class TimedTeam(MpiTeam):
    """Notes how long its exchanges last."""

    waited = 0.0

    def gather(self, mine: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
        """See :class:`fastsg.distributed.Team`."""
        with self._noted():
            return super().gather(mine, lengths)

    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        """See :class:`fastsg.distributed.Team`."""
        with self._noted():
            super().swap(sends, receives)

    @contextlib.contextmanager
    def _noted(self):
        begun = time.perf_counter()
        yield
        self.waited += time.perf_counter() - begun


class Clock(Callback):
    """Notes time, waiting and bytes in every batch, and stops the training after enough of them.

    Ranks ask in every batch whether a callback is due; one process does not, and calls it.
    """

    def __init__(self, team: TimedTeam | None) -> None:
        self._team, self._marks = team, list[tuple[float, float, float]]()

    def is_due(self) -> bool:
        """A mark; whether it was the last."""
        team = self._team
        self._marks.append((time.perf_counter(), team.waited if team else 0.0, team.sent if team else 0.0))
        return len(self._marks) > BATCHES + 1

    def on_batch_end(self, model: SkipGram) -> None:
        """Stop, if it was."""
        if self._team or self.is_due():
            raise StopTraining

    def batches(self) -> NDArray[np.float64]:
        """(BATCHES, 3): seconds, seconds in exchanges, bytes; the first, which does more, is left out."""
        return np.diff(self._marks[1 : BATCHES + 2], axis=0)


def child(sizes: Sequence[tuple[int, int]]) -> None:
    """Train each (K, H) for some batches; rank 0 prints what all ranks have noted as JSON."""
    team = None if launched_rank() is None else TimedTeam(world())
    for K, H in sizes:
        clock = Clock(team)
        course = {"epochs": 1, "head": 1, "init": "random", "workers": 1, "progress": False}
        model = SkipGram(comm=team, vector_size=H, callbacks=[clock], **course)
        model.fit_counts(None if team and team.rank else random_counts(K))
        noted = clock.batches().reshape(-1)
        every = noted if team is None else team.gather(noted, [len(noted)] * team.size)
        if not model.rank:
            figures = per_batch(every.reshape(-1, BATCHES, 3))
            print(json.dumps({"K": K, "H": H, "figures": figures}), flush=True)


def per_batch(noted: NDArray[np.float64]) -> list[float]:
    """Seconds, seconds of exchange and bytes of a batch on average, of what ranks have noted (ranks, n, 3).

    The last batch but one has the covariance, the others are alike: of these it is the median, because on a
    machine that does something else as well a few take much longer.
    """
    slowest = np.stack([noted[:, :, 0].max(0), noted[:, :, 1].min(0), noted[:, :, 2].max(0)], axis=1)
    plain = np.delete(slowest, -2, axis=0)
    average: list[float] = ((np.median(plain, axis=0) * len(plain) + slowest[-2]) / len(slowest)).tolist()
    return average


def random_counts(K: int) -> CooccurrenceCounts:
    """ENTRIES random contexts of each of K words."""
    centers = np.repeat(np.arange(K), ENTRIES)
    contexts = np.random.default_rng(0).integers(0, K, len(centers))
    return CooccurrenceCounts.from_arrays(centers, contexts, np.ones(len(centers), np.float32))


# ---- all jobs --------------------------------------------------------------------------------------------


def job(words: Sequence[str], sizes: Sequence[tuple[int, int]], env: Mapping[str, str]) -> list[Row]:
    """What the children of one launch have printed."""
    line = [*words, sys.executable, __file__, "--child", json.dumps(sizes)]
    clean = {"OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    env = os.environ | clean | dict(env)
    done = subprocess.run(line, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(each) for each in done.stdout.splitlines() if each.startswith("{")]


def measure(args: argparse.Namespace) -> list[Row]:
    """A row for each size, number of ranks and link: medians over the rounds, in which all take turns."""
    sizes = [(K, H) for K in args.K for H in args.H]
    found: dict[tuple[int, int, int, str], list[list[float]]] = {}

    def note(ranks: int, link: str, words: Sequence[str], env: Mapping[str, str] = {}) -> None:
        for row in job(words, sizes, env):
            found.setdefault((row["K"], row["H"], ranks, link), []).append(row["figures"])

    for _ in range(args.rounds):
        for ranks in args.ranks:
            note(ranks, HERE, [args.mpiexec, "-n", str(ranks)] if ranks > 1 else [])
        for name, link in ((BARE, NO_LINK), (LINKED, SLOW)) if args.slow_link else ():
            with slow_link(*link) as names:
                note(2, name, command(args.mpiexec, names), TCP_ALONE)
    return [
        {"K": K, "H": H, "ranks": ranks, "link": link}
        | dict(zip(("seconds", "waited", "sent"), map(median, zip(*figures, strict=True)), strict=True))
        for (K, H, ranks, link), figures in found.items()
    ]


# ---- what comes out --------------------------------------------------------------------------------------


def size_of(row: Row) -> Size:
    """Of a measurement."""
    return Size(row["K"], row["H"], row["ranks"])


def fitted(rows: Sequence[Row]) -> tuple[Rank, dict[str, Link]]:
    """The prices of a rank, and of each kind of link that was measured."""
    links = {}
    for name in (HERE, BARE):
        if own := [row for row in rows if row["link"] == name and row["ranks"] > 1]:
            links[name] = fit_link([size_of(row) for row in own], [row["waited"] for row in own])
    if BARE in links:
        links[LINKED] = links[BARE].then(SLOW)
    own = [row for row in rows if row["link"] == HERE]
    rank = fit_rank([size_of(row) for row in own], [row["seconds"] - row["waited"] for row in own])
    return rank, links


def compared(rows: Sequence[Row], rank: Rank, links: Mapping[str, Link]) -> list[Row]:
    """The measurements, each with what the model says: compute, exchange, bytes, and the error of the sum."""
    table = []
    for row in rows:
        size = size_of(row)
        compute, exchange = batch_seconds(size, rank, links.get(row["link"], NO_LINK))
        sent = max(sent_bytes(size, r) for r in range(size.ranks))
        model = {"model_compute": compute, "model_exchange": exchange, "model_sent": sent}
        table.append(row | model | {"error": (compute + exchange) / row["seconds"] - 1})
    return table


def foretold(rank: Rank, here: Link, threads: int) -> list[Row]:
    """Seconds of a pass by network and size; None where it cannot be run."""
    whole, rows = rank.with_threads(threads), []
    for name, network in NETWORKS.items():
        for K in FORETOLD["K"]:
            for H in FORETOLD["H"]:
                sizes = [Size(K, H, ranks) for ranks in FORETOLD["ranks"]]
                passes = [pass_seconds(s, whole, here.then(network)) if s.can_run else None for s in sizes]
                rows.append({"network": name, "K": K, "H": H, "U": sizes[0].U, "seconds": passes})
    return rows


def show(result: Row) -> None:
    """Print the measurements beside the model, its prices, and what it foretells."""
    print(f"\nA batch, measured and by the model\n\n{measured_table(result['measured'])}\n")
    rank = Rank(**result["rank"])
    print(
        f"a thread: {1e-9 / rank.flops:.0f} Gflop/s, {rank.bytes * 1e9:.3f} ns a byte of O, "
        f"{rank.steps * 1e9:.3f} ns a flop of Newton steps, {rank.axes * 1e9:.3f} ns an H^3 of axes, "
        f"{rank.batch * 1e6:.0f} us a batch"
    )
    for name, (latency, per_byte) in result["links"].items():
        print(f"{name}: {latency * 1e6:.0f} us a message, {per_byte * 1e9:.3f} ns a byte")
    print(
        f"\nA pass over all words by ranks of {result['threads']} threads; in brackets how many times faster "
        f"than one rank\n\n{foretold_table(result['foretold'])}"
    )
    errors = [abs(row["error"]) for row in result["measured"] if row["link"] == LINKED]
    if errors:
        held = "held" if max(errors) <= BAR else "NOT HELD"
        print(f"\n{LINKED}: the model is off by {max(errors):.1%} at most; the bar is {BAR:.0%}: {held}")


def measured_table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each measurement."""
    header = ["K", "H", "U", "ranks", "link", "compute ms", "model", "exchange ms", "model", "error"]
    lines = [
        [
            *(f"{row['K']:,}", f"{row['H']}", f"{size_of(row).U:,}", f"{row['ranks']}", row["link"]),
            *(f"{(row['seconds'] - row['waited']) * 1e3:.2f}", f"{row['model_compute'] * 1e3:.2f}"),
            *(f"{row['waited'] * 1e3:.2f}", f"{row['model_exchange'] * 1e3:.2f}", f"{row['error']:+.1%}"),
            *(f"{row['sent']:,.0f}", f"{row['model_sent']:,.0f}"),
        ]
        for row in rows
    ]
    return markdown([*header, "bytes", "model"], lines)


def foretold_table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each network and size, a column for each number of ranks."""
    header = ["network", "K", "H", "U", "I and O", *map(str, FORETOLD["ranks"])]

    def told(row: Row, seconds: float | None) -> str:
        if seconds is None:
            return "–"
        return f"{seconds:,.{0 if seconds > 100 else 1}f} s ({row['seconds'][0] / seconds:.3g})"

    lines = [
        [
            *(row["network"], f"{row['K']:,}", f"{row['H']}", f"{row['U']:,}"),
            f"{8e-9 * row['K'] * row['H']:.2g} GB",
            *(told(row, seconds) for seconds in row["seconds"]),
        ]
        for row in rows
    ]
    return markdown(header, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--K", type=int, nargs="+", default=[4096, 16_384, 32_768])
    parser.add_argument("--H", type=int, nargs="+", default=[100, 300])
    parser.add_argument(
        "--ranks", type=int, nargs="+", default=list(range(1, min(os.cpu_count() or 1, 4) + 1))
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-link", action="store_true")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--mpiexec", default=shutil.which("mpiexec") or "mpiexec")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    parser.add_argument("--from-json", help="fit and show an earlier run instead of measuring")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child)
        return
    if args.from_json:
        result = json.loads(Path(args.from_json).read_text())
    else:
        from machine import describe
        from scale import Others

        others = Others()
        rows = measure(args)
        result = {"machine": describe() | {"cores_used_by_others": others.cores()}, "measured": rows}
    rank, links = fitted(result["measured"])
    result |= {"rank": rank._asdict(), "links": links, "threads": args.threads}
    result["measured"] = compared(result["measured"], rank, links)
    result["foretold"] = foretold(rank, links.get(HERE, NO_LINK), args.threads)
    print("  ".join(f"{name} {value}" for name, value in result["machine"].items()))
    show(result)
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    if args.plot:
        from scaling_plot import plot

        plot(result, args.plot)


if __name__ == "__main__":
    main()
