"""The machine and the versions: what every benchmark prints beside its figures."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy as np

import fastsg


def describe() -> dict[str, object]:
    """CPU, cores, threads, instruction set, versions, commit."""
    config = fastsg.show_config()
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": config["threads"],
        "isa": config["isa"],
        "compiler": config["compiler"],
        "fastsg": fastsg.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _commit() -> str | None:
    folder = Path(__file__).resolve().parent
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _blas() -> str:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas.get('version', '')}".strip()
