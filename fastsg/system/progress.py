"""Progress bars: on standard error, by default only where that is a terminal, and in notebooks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .notebook import in_notebook

if TYPE_CHECKING:
    from tqdm import tqdm


def is_shown(wanted: bool | None) -> bool:
    """Whether to show a bar: what the user wants, for None whether somebody looks at standard error."""
    if sys.stderr is None or getattr(sys.stderr, "closed", False):  # a process may have been started without
        return False
    return sys.stderr.isatty() or in_notebook() if wanted is None else bool(wanted)


def _has_widgets() -> bool:
    try:
        return find_spec("ipywidgets") is not None
    except ValueError:  # somebody stands in for it
        return False


def progress_bar(total: float | None, unit: str, shown: bool | None, **options: Any) -> tqdm[Any]:
    """A bar of `total` units (None: unknown); `shown` as in :func:`is_shown`; `options` are those of tqdm.

    In a notebook it is a widget, if ipywidgets is installed.
    """
    # here: it takes a seventh of the time of importing all of us
    if in_notebook() and _has_widgets():
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm

    return tqdm(total=total, unit=unit, unit_scale=True, disable=not is_shown(shown), **options)


@contextmanager
def advancing_bar(
    total: float | None, unit: str, shown: bool | None, **options: Any
) -> Iterator[Callable[[int], object]]:
    """A bar as a function that moves it on by some units.

    Where no bar is shown tqdm is not called: even a hidden bar of tqdm starts a thread that stays behind.
    """
    if not is_shown(shown):
        yield lambda n: None
        return
    with progress_bar(total, unit, True, **options) as bar:
        yield bar.update
        if bar.total:
            bar.n = (
                bar.total
            )  # which may have been foreseen only; a notebook paints a bar red that is not full
