"""Ranks that are threads of one process: what ranks exchange is tested without MPI."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastsg import SkipGram
from fastsg.distributed import Team

Result = TypeVar("Result")


class Meeting:
    """Where the threads leave what they have for each other."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.slots: list[Any] = [None] * size
        self.letters: dict[tuple[int, int], queue.Queue[Any]] = {
            (a, b): queue.Queue() for a in range(size) for b in range(size)
        }


class ThreadTeam(Team):
    """One thread's view of a meeting; `log` has (kind, bytes sent) of every exchange."""

    def __init__(self, rank: int, size: int, meeting: Meeting) -> None:
        super().__init__(rank, size)
        self._meeting = meeting
        self.log: list[tuple[str, int]] = []

    def _leave(self, thing: Any) -> list[Any]:
        """What all threads have left."""
        meeting = self._meeting
        meeting.slots[self.rank] = thing
        meeting.barrier.wait()
        things = list(meeting.slots)
        meeting.barrier.wait()
        return things

    def _note(self, kind: str, size: int) -> None:
        self.sent += size
        self.log.append((kind, size))

    def gather(self, mine: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
        assert len(mine) == lengths[self.rank]
        self._note("gather", mine.nbytes * (self.size - 1))
        return np.concatenate(self._leave(mine.copy()))

    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        self._note("swap", sum(array.nbytes for array in sends.values()))
        for rank, array in sends.items():
            assert array.flags.c_contiguous
            self._meeting.letters[self.rank, rank].put(array.copy())
        for rank, array in receives.items():
            array[...] = self._meeting.letters[rank, self.rank].get(timeout=60).reshape(array.shape)

    def broadcast(self, array: NDArray[Any]) -> None:
        self._note("broadcast", 0 if self.rank else array.nbytes * (self.size - 1))
        first = self._leave(array.copy())[0]
        if self.rank:
            array[...] = first

    def abort(self, code: int) -> NoReturn:
        self._meeting.barrier.abort()
        raise SystemExit(code)


def as_ranks(size: int, work: Callable[[ThreadTeam], Result]) -> list[Result]:
    """What `work` returns on each of so many ranks; the first exception, if there is one."""
    meeting, results, errors = Meeting(size), [None] * size, [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = work(ThreadTeam(rank, size, meeting))  # type: ignore[call-overload]
        except BaseException as error:  # noqa: BLE001 (raised below)
            errors[rank] = error  # type: ignore[call-overload]
            if not isinstance(error, threading.BrokenBarrierError):
                meeting.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found: list[BaseException] = [error for error in errors if error is not None]
    found.sort(key=lambda error: isinstance(error, threading.BrokenBarrierError))
    if found:
        raise found[0]
    return results  # type: ignore[return-value]


def zipf_text(K: int = 2600, sentences: int = 1500) -> list[list[str]]:
    """Sentences of 20 words out of K, of which the first are frequent, and two empty ones."""
    p = 1 / np.arange(1, K + 1) ** 0.8
    text: list[list[str]] = (
        np.random.default_rng(3).choice(K, (sentences, 20), p=p / p.sum()).astype(str).tolist()
    )
    return [*text[:3], [], [], *text[3:]]  # they count in the numbers of lines, by which tokens are dropped


def digest(model: SkipGram) -> str:
    """SHA-256 of I, O and the history, but for its seconds."""
    plain = [{name: v for name, v in each.items() if "second" not in name} for each in model.history]
    text = json.dumps(plain).encode()
    return hashlib.sha256(model.I.tobytes() + model.O.tobytes() + text).hexdigest()
