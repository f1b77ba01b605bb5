"""Loads the kernels, and says what this installation is made of and what it will use."""

from __future__ import annotations

import os
import platform

import numpy as np

# libgomp reads its wait policy when it is loaded: spinning threads are a disaster on a busy machine and gain next to
# nothing here, with three parallel regions a batch. Whoever has chosen keeps the choice.
_CHOSEN = {name: os.environ[name] for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT") if name in os.environ}
if not _CHOSEN:
    os.environ["OMP_WAIT_POLICY"] = "passive"
try:
    from .. import _core
finally:
    if not _CHOSEN:
        del os.environ["OMP_WAIT_POLICY"]

from .._version import __version__
from .threads import available_threads, effective_num_threads


def show_config() -> dict[str, object]:
    """Version, instruction set, threads, OpenMP and platform, as a dict."""
    return {
        "version": __version__,
        "isa": _core.isa(),
        "available_isas": _core.available_isas(),
        "available_precisions": _core.available_precisions(),
        "bfloat16_kernels": _core.available_bf16(),
        "threads": effective_num_threads(),
        "thread_sources": available_threads(),
        "openmp": _core.OPENMP or None,
        "wait_policy": ", ".join(f"{name}={value}" for name, value in _CHOSEN.items())
        or "passive (set by fastsg)",
        "compiler": _core.COMPILER,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
