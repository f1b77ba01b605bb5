"""Team: the processes that train one model together, and what they can tell each other.

Every method that exchanges something is called by all ranks alike. Arrays only, never pickles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..system.interrupts import deferred, is_pending

_INTERRUPTED, _WANTS_MODEL = 1, 2


class RankLost(RuntimeError):
    """A rank has died, and its MPI lets the others go on: see :meth:`Team.survivors`."""


def _never() -> bool:
    return False


class Team(ABC):
    """Ranks 0 to `size` - 1, of which this process is one.

    Attributes
    ----------
    rank, size : int
    sent : int              Bytes that this rank has sent so far.
    wants_model : function  Whether this rank wants whole matrices when the step is done; asked in it.
    is_model_wanted : bool  Whether any rank wanted them at the last exchange.
    keeps_model : bool      Whether this rank has whole matrices after a training; rank 0 does in any case.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size, self.sent = rank, size, 0
        self.wants_model: Callable[[], bool] = _never  # which can be pickled, with a model that is not built
        self.is_model_wanted = False
        self.keeps_model = True

    # ---- what a way to exchange has to provide ----

    @abstractmethod
    def gather(self, mine: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
        """What all ranks have, end to end: rank r has `lengths[r]` values (one-dimensional) of one type."""

    @abstractmethod
    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        """Send arrays to other ranks and fill those that others send, by rank; all are contiguous."""

    @abstractmethod
    def broadcast(self, array: NDArray[Any]) -> None:
        """Make a contiguous array what it is on rank 0."""

    @abstractmethod
    def abort(self, code: int) -> NoReturn:
        """End all ranks at once, with an exit code."""

    def threads(self, available: int) -> int:
        """How many of the threads `available` to this process are its own where ranks share a machine."""
        return available

    def limit_waiting(self, seconds: float, give_up: Callable[[], object]) -> None:  # noqa: B027 (who is alone)
        """Let `give_up` be called, in another thread, when a gather or a swap waits longer for other ranks.

        What rank 0 does alone, such as reading, is waited for in a broadcast, as long as it takes.
        """

    def survivors(self) -> Team:
        """The ranks that are left, as a team of their own: each calls this when it has met RankLost."""
        raise NotImplementedError("ranks of this kind do not outlive each other")

    def leave(self, code: int) -> NoReturn:
        """End this process, which has outlived another one, with an exit code, once :meth:`is_done`."""
        raise SystemExit(code)

    def is_done(self, done: bool) -> bool:
        """Whether all ranks that are left are done: the same answer on each, even if one dies meanwhile."""
        return self.agrees(done)

    # ---- what follows from it ----

    def flags(self) -> float:
        """What this rank has to tell beside the numbers of a batch."""
        return float(_INTERRUPTED * is_pending() + _WANTS_MODEL * self.wants_model())

    def heed(self, flags: NDArray[np.float64]) -> None:
        """Take in the flags of all ranks; KeyboardInterrupt, on every rank, if one was interrupted."""
        told = int(np.bitwise_or.reduce(flags.astype(np.int64)))
        self.is_model_wanted = bool(told & _WANTS_MODEL)
        if told & _INTERRUPTED:
            raise KeyboardInterrupt

    def confer(self) -> None:
        """Exchange flags where there are no numbers to exchange."""
        self.heed(self.gather(np.array([self.flags()]), [1] * self.size))

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block in which an interrupt of one rank stops all of them, where they exchange numbers next."""
        if self.size == 1:
            yield
            return
        with deferred():
            yield
            self.confer()

    def agrees(self, yes: bool) -> bool:
        """Whether every rank says yes."""
        return bool(self.gather(np.array([yes]), [1] * self.size).all())


class Alone(Team):
    """One process: there is nobody to exchange anything with."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.is_model_wanted = True  # it always is whole

    def gather(self, mine: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
        """What this process has."""
        return mine

    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        """Nothing."""

    def broadcast(self, array: NDArray[Any]) -> None:
        """Nothing."""

    def abort(self, code: int) -> NoReturn:
        """End this process."""
        raise SystemExit(code)
