"""What this installation is made of and what it will use."""

from __future__ import annotations

import os
import platform

import numpy as np

from . import _core
from ._threads import available_threads, effective_num_threads
from ._version import __version__


def show_config() -> dict[str, object]:
    """Version, instruction set, threads, OpenMP and platform, as a dict."""
    return {
        "version": __version__, "isa": _core.isa(), "available_isas": _core.available_isas(),
        "available_precisions": _core.available_precisions(), "threads": effective_num_threads(),
        "thread_sources": available_threads(), "openmp": _core.OPENMP or None,
        "wait_policy": os.environ.get("OMP_WAIT_POLICY", "passive (set by fastsg)"), "compiler": _core.COMPILER,
        "python": platform.python_version(), "numpy": np.__version__, "platform": platform.platform(),
    }
