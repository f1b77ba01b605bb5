"""What rank 0 knows, told to all: plain values and arrays. And whether all ranks mean the same training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DivergenceError, FormatError
from .team import Team

#: What a failure of rank 0 becomes on the others: the first of these that it is.
_KINDS: tuple[type[BaseException], ...] = (
    KeyboardInterrupt, FormatError, DivergenceError, OSError, ValueError, TypeError, MemoryError,
    RuntimeError, BaseException,
)  # fmt: skip


class Message(NamedTuple):
    """Plain values, as JSON has them, and arrays by name."""

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def from_first(team: Team, make: Callable[[], Message]) -> Message:
    """What `make` returns on rank 0, on every rank.

    An exception there is raised on every rank: the same on rank 0, one of its kind on the others.
    """
    if team.size == 1:
        return make()
    message, failure = _made(team, make)
    arrays = {}
    with team.together():
        header = _announced(team, message, failure)
        for name, dtype, shape in header["arrays"]:
            array = np.empty(shape, dtype) if team.rank else np.ascontiguousarray(message.arrays[name])
            team.broadcast(array)
            arrays[name] = array
    return Message(header["about"], arrays)


def to_each(team: Team, make: Callable[[int], Message]) -> Message:
    """What `make` returns on rank 0 for this rank, on it; for rank 0 nothing is made, and it gets nothing.

    Exceptions as in :func:`from_first`. One message is made after the other, and forgotten when it is sent.
    """
    mine = Message({}, {})
    for rank in range(1, team.size):
        message, failure = _made(team, partial(make, rank))
        with team.together():
            header = _announced(team, message, failure)
            if team.rank == rank:
                arrays = {name: np.empty(shape, dtype) for name, dtype, shape in header["arrays"]}
                mine = Message(header["about"], arrays)
                for array in arrays.values():
                    team.swap({}, {0: array})
            for array in message.arrays.values():
                team.swap({rank: np.ascontiguousarray(array)}, {})
        del message
    return mine


def _made(team: Team, make: Callable[[], Message]) -> tuple[Message, BaseException | None]:
    """What `make` returns on rank 0, or raises; nothing on the others. It may be interrupted."""
    if not team.rank:
        try:
            return make(), None
        except BaseException as error:  # noqa: BLE001 (all ranks get it)
            return Message({}, {}), error
    return Message({}, {}), None


def _announced(team: Team, message: Message, failure: BaseException | None) -> dict[str, Any]:
    """The header of rank 0's message, on all ranks; what it failed by is raised."""
    header: dict[str, Any] = _told(team, _header(message, failure))
    if failure:
        raise failure
    if header["failure"]:
        kind, told = header["failure"]
        raise _KINDS[kind](f"rank 0 has failed: {told}")
    return header


def _header(message: Message, failure: BaseException | None) -> dict[str, Any]:
    kind = next((number for number, kind in enumerate(_KINDS) if isinstance(failure, kind)), None)
    shapes = [(name, array.dtype.str, array.shape) for name, array in message.arrays.items()]
    told = None if kind is None else (kind, f"{type(failure).__name__}: {failure}")
    return {"about": message.about, "arrays": shapes, "failure": told}


def _told(team: Team, header: dict[str, Any]) -> Any:
    """Rank 0's header."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8).copy()
    length = np.array([len(text)])
    team.broadcast(length)
    if team.rank:
        text = np.empty(int(length[0]), np.uint8)
    team.broadcast(text)
    return json.loads(text.tobytes())


def check_agreement(team: Team, values: Mapping[str, object]) -> None:
    """ValueError, on every rank, unless all have the same values; names rank, argument and both values."""
    if team.size == 1:
        return
    mine = np.frombuffer(json.dumps({name: str(value) for name, value in values.items()}).encode(), np.uint8)
    lengths = team.gather(np.array([len(mine)]), [1] * team.size)
    texts = team.gather(mine, lengths.tolist()).tobytes()
    ends = np.cumsum(lengths).tolist()
    told = [json.loads(texts[end - length : end]) for end, length in zip(ends, lengths.tolist())]
    for rank, theirs in enumerate(told):
        for name, value in theirs.items():
            if value != told[0][name]:
                raise ValueError(
                    f"rank {rank} has {name} {value}, rank 0 has {told[0][name]}: all ranks must be "
                    "given the same"
                )
