"""How long a rank waits for the others before it takes one of them for hung."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Patience:
    """A block that must not last longer than a limit: the waiting for others in an exchange.

    A thread looks at it twenty times within the limit, so that entering and leaving cost an assignment each.
    What it counts are its own looks: time in which this process was itself stopped (Ctrl-Z, a machine that
    sleeps) is not held against the others.

    Parameters
    ----------
    limit : float           Seconds.
    give_up : function      Called, in that thread and once, when a block lasts longer.
    """

    _LOOKS = 20

    def __init__(self, limit: float, give_up: Callable[[], object]) -> None:
        self._limit, self._give_up = limit, give_up
        self._entered = self._left = 0
        threading.Thread(target=self._watch, name="fastsg patience", daemon=True).start()

    def __enter__(self) -> None:
        self._entered += 1

    def __exit__(self, *error: object) -> None:
        self._left = self._entered

    def _watch(self) -> None:
        seen, looks = 0, 0
        while looks < self._LOOKS:
            time.sleep(self._limit / self._LOOKS)
            block, is_waiting = self._entered, self._entered != self._left
            looks = looks + 1 if is_waiting and block == seen else 0
            seen = block
        self._give_up()
