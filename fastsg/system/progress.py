"""Progress bars: on standard error, by default only where that is a terminal."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(total: float | None, unit: str, shown: bool | None, **options: Any) -> tqdm[Any]:
    """A bar of `total` units (None: nobody knows); `shown` True, False, or None for what the terminal says."""
    if shown is None:
        shown = sys.stderr is not None and sys.stderr.isatty()
    return tqdm(total=total, unit=unit, unit_scale=True, disable=not shown, **options)
