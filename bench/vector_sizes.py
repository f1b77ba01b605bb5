"""What a vector size costs in padding: useful Gflop/s of a step at each H, and its share of that at the last.

usage: python bench/vector_sizes.py [--H 50 100 200 300 128] [--K 68000] [--U 1024] [--threads 2]
                                    [--rounds 25]

Useful work is 6 U K H, the padding not counted. The gradients are compared with the float64 oracle first. All
steps run in turns in one process, and a share is the median of the rounds' shares: between one process and
the next, rates of one machine differ by more than sizes do. Each size keeps its own E: 4 U K bytes.
"""

from __future__ import annotations

import argparse
from statistics import median

from kernels import Batch, own_contenders, timed, verify
from machine import describe

from fastsg import _core


def rates(H: list[int], K: int, U: int, threads: int, rounds: int, precision: str) -> list[list[float]]:
    """Gflop/s of every round, for each H."""
    steps = [own_contenders(Batch(K, size, U), threads, precision)["step"] for size in H]
    for work, _ in steps:
        work()
    by_round = [[flops / timed(work) * 1e-9 for work, flops in steps] for _ in range(rounds)]
    return [list(of_size) for of_size in zip(*by_round, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--H", type=int, nargs="+", default=[50, 100, 200, 300, 128])
    parser.add_argument("--K", type=int, default=68_000)
    parser.add_argument("--U", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=25)
    args = parser.parse_args()
    print("  ".join(f"{name} {value}" for name, value in describe().items()))
    print(f"\n{'precision':>9} {'H':>4} {'Gflop/s':>8} {'of H = ' + str(args.H[-1]):>12}")
    for precision in _core.available_precisions():
        error = verify(precision)
        assert error < (1e-5 if precision == "float32" else 2e-2), f"{precision} is off by {error:.1e}"
        found = rates(args.H, args.K, args.U, args.threads, args.rounds, precision)
        for H, of_size in zip(args.H, found, strict=True):
            share = median(ours / last for ours, last in zip(of_size, found[-1], strict=True))
            print(f"{precision:>9} {H:4} {median(of_size):8.1f} {share:12.3f}")


if __name__ == "__main__":
    main()
