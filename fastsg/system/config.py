"""Loads the kernels, and says what this installation is made of and what it will use."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

import numpy as np

from .._version import __version__
from .threads import available_threads, effective_num_threads

_NOT_BUILT = """fastsg was imported from {folder}, which holds its source without its compiled parts.
  To use a fastsg that is installed elsewhere, start Python in another folder, or with -P or PYTHONSAFEPATH=1
  (otherwise the folder that Python starts in comes before all others).
  To use this source, run `pip install -e .` or `python setup.py build_ext --inplace` beside its setup.py."""

# libgomp reads its wait policy when it is loaded. Its threads are to spin for a moment, about as long as the
# gaps between parallel regions of a small batch, and then to sleep: threads that spin for long are a disaster
# on a busy machine (bench/busy.py). The policy beside the number keeps them from spinning where they are more
# than the cores, and is all that other OpenMP libraries heed. What the user chose is kept.
_BRIEFLY = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"}
_CHOSEN = {name: os.environ[name] for name in _BRIEFLY if name in os.environ}
if not _CHOSEN:
    os.environ.update(_BRIEFLY)
try:
    from .. import _core
except ValueError as error:  # of FASTSG_ISA
    if "fastsg" in (os.path.basename(sys.argv[0]), *sys.orig_argv[1:3] * (sys.argv[0] == "-m")):
        raise SystemExit(f"fastsg: error: FASTSG_ISA: {error}") from None  # on the command line, one line
    raise
except ImportError as error:
    if importlib.util.find_spec("fastsg._core") is not None:
        raise  # the file is there: the error says why it cannot be loaded
    message = _NOT_BUILT.format(folder=Path(__file__).parents[1])
    raise ImportError(message, name="fastsg._core") from error  # Python itself would blame a circular import
finally:
    if not _CHOSEN:
        for _name in _BRIEFLY:
            del os.environ[_name]


def show_config() -> dict[str, object]:
    """Version, instruction sets, threads, OpenMP, compiler and platform, as a dict."""
    return {
        "version": __version__,
        "isa": _core.isa(),
        "available_isas": _core.available_isas(),
        "available_precisions": _core.available_precisions(),
        "bfloat16_kernels": _core.available_bf16(),
        "threads": effective_num_threads(),
        "thread_sources": available_threads(),
        "openmp": _core.OPENMP or None,
        "wait_policy": ", ".join(f"{name}={value}" for name, value in (_CHOSEN or _BRIEFLY).items())
        + " (set by fastsg)" * (not _CHOSEN),
        "compiler": _core.COMPILER,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
