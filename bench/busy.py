"""Two threads against one, on an idle and on a busy machine, by OpenMP's wait policy.

usage: python bench/busy.py [--K 2000 23000] [--H 100] [--U 256 1024] [--threads 1 2]
                            [--policies fastsg passive active] [--rounds 3] [--seconds 1.5] [--json FILE]

The machine is measured as it is, and with all its cores burnt by other processes. One step of each size (K
and U are taken in pairs), in a process of its own for each policy and thread count: OpenMP reads its policy
when it is loaded, and the waiting threads of an active process would burn a core while others are measured.
Processes take turns in every round. Quoted is the time a user waits: wall time over steps of one turn,
median over the rounds. The median of single steps is in brackets; on a busy machine it says little, because
a step shorter than the scheduler's time slice is either left alone or put off by whole slices, and a median
sees only the more frequent kind. Burners are processes of this script, one for each core, that end with it.
"as it is" is an idle machine only if nobody else uses it: how many cores others used during the run is
printed. "default" as a policy is what libgomp does if nobody asks (300,000 turns of spinning, then sleep),
"fastsg" what fastsg asks for (2,000 turns, then sleep).

The bar: with all cores burnt, two threads that wait as fastsg asks take at most 1.5 times as long as one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median

POLICIES = {
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "active": {"OMP_WAIT_POLICY": "active"},
    "default": {"GOMP_SPINCOUNT": "300000"},
    "fastsg": {},
}
BAR = 1.5
Turns = dict[
    tuple[int, int, str, str, int], list[list[float]]
]  # K, U, condition, policy, threads -> seconds of steps by turn


# ---- one measurement, in a process of its own ------------------------------------------------------------


def child(K: int, H: int, U: int, threads: int, seconds: float) -> None:
    """Print the seconds of single steps as JSON, after a warm-up; at least 3, and for some time."""
    from kernels import RATE, Batch

    batch = Batch(K, H, U)
    workspace = batch.workspace(threads)
    times: list[float] = []
    while len(times) < 4 or sum(times) < seconds:
        begun = time.perf_counter()
        workspace.step(batch.I, batch.O, batch.none, *batch.counts, batch.shift, RATE)
        times.append(time.perf_counter() - begun)
    print(json.dumps(times[1:]))


def measure(K: int, H: int, U: int, policy: str, threads: int, seconds: float) -> list[float]:
    """Seconds of steps under a wait policy."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
    }
    command = [sys.executable, __file__, "--child", json.dumps([K, H, U, threads, seconds])]
    done = subprocess.run(
        command, env=clean | POLICIES[policy], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


# ---- the machine, idle or not ----------------------------------------------------------------------------


def burn() -> None:
    """Until killed, or until the parent is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        for _ in range(1_000_000):
            pass


@contextmanager
def burners(n: int) -> Iterator[None]:
    """n processes that compute all the time."""
    processes = [multiprocessing.Process(target=burn, daemon=True) for _ in range(n)]
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join()


def run(args: argparse.Namespace) -> Turns:
    """All combinations, in turn, `rounds` times."""
    turns: Turns = {}
    for _ in range(args.rounds):
        for condition, number in (("as it is", 0), ("burnt", args.burners)):
            with burners(number):
                for (K, U), policy, threads in product(
                    zip(args.K, args.U, strict=True), args.policies, args.threads
                ):
                    found = measure(K, args.H, U, policy, threads, args.seconds)
                    turns.setdefault((K, U, condition, policy, threads), []).append(found)
    return turns


# ---- what comes out --------------------------------------------------------------------------------------


def rows(turns: Turns, threads: list[int], H: int) -> list[dict[str, object]]:
    """A row per size, condition and policy: milliseconds by thread count, and the last's over the first's."""
    table = []
    for K, U, condition, policy in dict.fromkeys(key[:4] for key in turns):
        own = {n: turns[K, U, condition, policy, n] for n in threads}
        ms = {n: median(sum(turn) / len(turn) for turn in own[n]) * 1e3 for n in threads}
        single = {n: median(seconds for turn in own[n] for seconds in turn) * 1e3 for n in threads}
        table.append(
            {
                "K": K,
                "H": H,
                "U": U,
                "condition": condition,
                "policy": policy,
                "ms": ms,
                "single_step_ms": single,
                "ratio": ms[threads[-1]] / ms[threads[0]],
                "steps": {n: sum(map(len, own[n])) for n in threads},
            }
        )
    return table


def show(table: list[dict[str, object]], threads: list[int]) -> None:
    """Print the rows as a table."""
    heads = " ".join(f"{f'{n} threads' if n > 1 else '1 thread':>20}" for n in threads)
    print(f"\n{'K':>7} {'U':>5} {'machine':>9} {'policy':>8} {heads} {f'{threads[-1]} over {threads[0]}':>9}")
    for row in table:
        ms = " ".join(f"{row['ms'][n]:8.2f} ({row['single_step_ms'][n]:6.2f}) ms" for n in threads)
        print(
            f"{row['K']:7,} {row['U']:5,} {row['condition']:>9} {row['policy']:>8} {ms} {row['ratio']:8.2f}x"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--K", type=int, nargs="+", default=[2000, 23_000])
    parser.add_argument("--U", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--H", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=["fastsg", "passive", "active"])
    parser.add_argument("--burners", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--json")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    from machine import describe
    from scale import Others

    others = Others()
    table = rows(run(args), args.threads, args.H)
    machine = describe() | {"cores_used_by_others": others.cores()}
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    show(table, args.threads)
    ours = [row["ratio"] for row in table if row["condition"] == "burnt" and row["policy"] == "fastsg"]
    if ours:
        print(
            f"\nburnt, as fastsg asks: {args.threads[-1]} threads take at most {max(ours):.2f} times "
            f"as long as {args.threads[0]}; the bar is {BAR}: "
            f"{'held' if max(ours) <= BAR else 'NOT HELD'}"
        )
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine, "rows": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
