"""The kernels against the machine: useful Gflop/s and their share of the measured multiply-add peak.

usage: python bench/kernels.py [--K 68000] [--H 100 128 300] [--U 1024] [--threads 1 2] [--repeats 7]
                               [--json FILE]

Peak is a register-only loop of multiply-adds with the same instruction set and as many threads. Useful work
is 2 U K H for pass A (logits, exponential, row sums) and 6 U K H for the whole step with its update.
Everything is compared with the float64 oracle on a part of the vocabulary before it is timed. All contenders
run in turn in one process; medians are quoted, and the peak is taken anew in every round, so a share compares
neighbours in time. GHz is the clock right after the work, from a chain of dependent multiply-adds at 4 cycles
each: many CPUs slow down under wide multiply-adds fed from memory more than in the register-only loop. "At
clock" is the share of what the peak would be at that clock. Where PyTorch is installed it does the same
grouped step, by autograd and by hand with in-place operations.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from baseline_numpy import GroupedBuffers, grouped_step
from machine import describe

from fastsg import _core
from fastsg.numerics import objective

RATE = 1e-7
PAIRS_PER_ROW = 10


class Batch:
    """U distinct centers of K words with random contexts."""

    def __init__(self, K: int, H: int, U: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.K, self.H, self.U = K, H, U
        self.I = (rng.standard_normal((K, H)) * 0.2).astype(np.float32)
        self.O = (rng.standard_normal((K, H)) * 0.2).astype(np.float32)
        centers = np.repeat(np.sort(rng.choice(K, U, replace=False)), PAIRS_PER_ROW).astype(np.int32)
        contexts = rng.integers(0, K, len(centers)).astype(np.int32)
        self.counts = _core.group_pairs(centers, contexts, np.ones(len(centers), np.float32), K)
        self.none, self.shift = np.zeros(0, np.float32), np.zeros(K, np.float32)

    def workspace(self, threads: int, precision: str = "float32") -> _core.Workspace:
        return _core.Workspace(self.K, self.H, objective.block_rows(self.K), threads, precision)


def verify(precision: str = "float32") -> float:
    """Largest error of the gradients against float64, relative to their size, on a batch small enough for an
    oracle.
    """
    batch = Batch(2011, 100, 70)
    centers, row_ptr, contexts, counts = batch.counts
    loss, gI, gO = batch.workspace(2, precision).gradient(batch.I, batch.O, batch.none, *batch.counts)
    N = np.zeros((len(centers), batch.K))
    np.add.at(N, (np.repeat(np.arange(len(centers)), np.diff(row_ptr)), contexts), counts)
    c = batch.I[centers].astype(np.float64) @ batch.O.astype(np.float64).T
    log_p = c - np.log(np.exp(c).sum(1, keepdims=True))
    R = N.sum(1, keepdims=True) * np.exp(log_p) - N
    exact = (-(N * log_p).sum(), R @ batch.O.astype(np.float64), R.T @ batch.I[centers].astype(np.float64))
    return max(
        float(np.abs(a - b).max() / np.abs(b).max())
        for a, b in zip((np.float64(loss), gI, gO), exact, strict=True)
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds of some work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peak(threads: int, precision: str) -> float:
    """Gflop/s of the register-only loop, over at least 10 ms."""
    rounds = 50_000
    while True:
        begun = time.perf_counter()
        flops = _core.fma_rounds(rounds, threads, precision)
        if (seconds := time.perf_counter() - begun) > 0.01:
            return flops / seconds * 1e-9
        rounds *= 4


def clock() -> float:
    """GHz, over some 100 microseconds."""
    return 4 * 100_000 * 1e-9 / timed(lambda: _core.fma_chain(100_000))


Contenders = dict[str, tuple[Callable[[], object], int]]


def own_contenders(batch: Batch, threads: int, precision: str = "float32") -> Contenders:
    """Name -> (work, its useful flops) of fastsg's pass A and whole step."""
    workspace = batch.workspace(threads, precision)
    product = 2 * batch.U * batch.K * batch.H
    sums = np.zeros(batch.K, np.float32), np.zeros(batch.K, np.float32)
    step = {
        "step": (
            lambda: workspace.step(batch.I, batch.O, batch.none, *batch.counts, batch.shift, RATE, *sums),
            3 * product,
        )
    }
    if precision == "bfloat16":
        return step
    return {"pass A": (lambda: workspace.loss(batch.I, batch.O, batch.none, *batch.counts), product)} | step


def other_contenders(batch: Batch) -> Contenders:
    """The same grouped step by NumPy and, where installed, PyTorch; all with the threads they take by
    themselves.
    """
    work = 6 * batch.U * batch.K * batch.H
    buffers = GroupedBuffers(batch.U, batch.K, batch.H)
    found = {"NumPy grouped": (lambda: grouped_step(batch.I, batch.O, *batch.counts, RATE, buffers), work)}
    if importlib.util.find_spec("torch"):
        from torch_baseline import TorchSteps

        steps = TorchSteps(batch.I, batch.O, *batch.counts, RATE)
        found |= {"PyTorch autograd": (steps.autograd, work), "PyTorch in place": (steps.in_place, work)}
    return found


def measure(
    contenders: Contenders, threads: int, repeats: int, precision: str = "float32"
) -> dict[str, dict[str, float]]:
    """Medians of each contender: Gflop/s, its share of the peak measured beside it, the clock at its end, the
    share of the peak at that clock.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in contenders}
    for work, _ in contenders.values():
        work()
    for _ in range(repeats):
        for name, (work, flops) in contenders.items():
            time.sleep(
                0.2
            )  # BLAS threads spin for a while after their work and would slow whoever comes next
            top, top_hertz = peak(threads, precision), clock()
            rate = flops / timed(work) * 1e-9
            hertz = clock()
            time.sleep(0.2)
            top = max(top, peak(threads, precision))
            found[name].append((rate, rate / top, hertz, rate / (top * hertz / top_hertz)))
    return {
        name: dict(
            zip(
                ("gflops", "share_of_peak", "GHz", "share_at_clock"),
                map(median, zip(*rows, strict=True)),
                strict=True,
            )
        )
        for name, rows in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--K", type=int, default=68_000)
    parser.add_argument("--H", type=int, nargs="+", default=[100, 128, 300])
    parser.add_argument("--U", type=int, default=1024)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json")
    args = parser.parse_args()
    machine = describe()
    if importlib.util.find_spec("torch"):
        machine["torch"] = importlib.metadata.version("torch")
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    print(
        f"\n{'H':>4} {'kernels':>12} {'threads':>7} {'contender':>18} "
        f"{'Gflop/s':>9} {'of peak':>8} {'GHz':>6} {'at clock':>9}"
    )
    rows = []

    def run(
        H: int, kernels: str, threads: int, error: float, contenders: Contenders, precision: str = "float32"
    ) -> None:
        for name, figures in measure(
            contenders, threads, args.repeats if kernels != "generic" else 2, precision
        ).items():
            rows.append(
                {
                    "K": args.K,
                    "H": H,
                    "U": args.U,
                    "kernels": kernels,
                    "threads": threads,
                    "contender": name,
                    "error": error,
                }
                | figures
            )
            print(
                f"{H:4} {kernels:>12} {threads:7} {name:>18} {figures['gflops']:9.1f} "
                f"{figures['share_of_peak']:8.1%} {figures['GHz']:6.2f} {figures['share_at_clock']:9.1%}",
                flush=True,
            )

    for H in args.H:
        batch = Batch(args.K, H, args.U)
        for isa in _core.available_isas():
            _core.select_isa(isa)
            error = verify()
            assert error < 1e-5, f"{isa} is off by {error:.1e}"
            for threads in args.threads:
                contenders = own_contenders(batch, threads)
                if threads == max(args.threads) and isa == _core.available_isas()[0]:
                    contenders |= other_contenders(batch)
                run(H, isa, threads, error, contenders)
        _core.select_isa()
        for name in _core.available_bf16():
            _core.select_bf16(name)
            error = verify("bfloat16")
            assert error < 2e-2, f"{name} is off by {error:.1e}"
            for threads in args.threads:
                run(H, name, threads, error, own_contenders(batch, threads, "bfloat16"), "bfloat16")
        _core.select_bf16()
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
