"""Ranks under MPI, by mpi4py, which is imported when somebody asks for it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .patience import Patience
from .team import Alone, RankLost, Team

#: Where launchers tell a process its rank, and how many there are: Hydra (MPICH, Intel MPI), Open MPI,
#: MVAPICH, PMIx, by which SLURM's srun tells ranks.
_RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK")
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
#: Seconds before a job is ended.
_PASSED_ON = 0.2
#: What we call of a communicator.
_METHODS = ("Get_rank", "Get_size", "Allgatherv", "Isend", "Irecv", "Bcast", "Split_type", "Abort")
#: What an MPI that outlives its ranks (ULFM: Open MPI under ``mpiexec --with-ft ulfm``) calls their death.
_DEATHS = ("ERR_PROC_FAILED", "ERR_PROC_FAILED_PENDING", "ERR_REVOKED")
#: Bytes of one message: MPI counts in 32 bits.
_MOST = 1 << 30


def launched_rank() -> int | None:
    """The rank that mpiexec gave this process; None if it was not started by one, or alone.

    Imports nothing.
    """
    return None if launched_size() == 1 else _told(_RANKS)


def launched_size() -> int | None:
    """How many processes mpiexec has started, if it tells."""
    return _told(_SIZES)


def _told(names: tuple[str, ...]) -> int | None:
    """The first number that a launcher has put into the environment."""
    told = (os.environ.get(name, "") for name in names)
    return next((int(number) for number in told if number.isdecimal()), None)


def world() -> Any:
    """The communicator of all processes that mpiexec has started; ImportError that says what to install."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            f"this was started by mpiexec, but mpi4py cannot be imported ({error}): pip install "
            "'fastsg[mpi]', or start one process without mpiexec"
        ) from None
    return MPI.COMM_WORLD


class MpiTeam(Team):
    """The ranks of a communicator of mpi4py.

    An exception that nobody catches ends all ranks, who would wait for this one for ever.

    TypeError if `comm` is something else.
    """

    def __init__(self, comm: Any) -> None:
        if not all(hasattr(comm, name) for name in _METHODS):
            raise TypeError(f"comm is a {type(comm).__name__}; it must be a communicator of mpi4py, or None")
        super().__init__(comm.Get_rank(), comm.Get_size())
        self._comm = comm
        self._patience: AbstractContextManager[None] = nullcontext()
        self._before: MpiTeam | None = None
        if self.size > 1:
            _end_all_on_error(comm)

    def gather(self, mine: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
        """See :class:`Team`."""
        every, size = np.empty(sum(lengths), mine.dtype), mine.dtype.itemsize
        counts = [length * size for length in lengths]
        with self._deaths_told(), self._patience:
            self._comm.Allgatherv(_as_bytes(mine), [_as_bytes(every), counts])
        self.sent += mine.nbytes * (self.size - 1)
        return every

    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        """See :class:`Team`."""
        begun = self._begun = list[Any]()  # kept: who dies may leave some that are never done
        with self._deaths_told(), self._patience:
            begun += [self._comm.Irecv(piece, rank) for rank, a in receives.items() for piece in _pieces(a)]
            begun += [self._comm.Isend(piece, rank) for rank, a in sends.items() for piece in _pieces(a)]
            for request in begun:
                request.Wait()
        self.sent += sum(array.nbytes for array in sends.values())

    def broadcast(self, array: NDArray[Any]) -> None:
        """See :class:`Team`."""
        with self._deaths_told():
            for piece in _pieces(array):
                self._comm.Bcast(piece)
        if not self.rank:
            self.sent += array.nbytes * (self.size - 1)

    def abort(self, code: int) -> NoReturn:
        """See :class:`Team`."""
        _flush()
        self._comm.Abort(code)
        raise SystemExit(code)

    def leave(self, code: int) -> NoReturn:
        """Without MPI_Finalize, in which Open MPI may wait for the dead one for ever."""
        _flush()
        os._exit(code)

    def limit_waiting(self, seconds: float, give_up: Callable[[], object]) -> None:
        """See :class:`Team`."""
        self._patience = Patience(seconds, give_up)

    @contextmanager
    def _deaths_told(self) -> Iterator[None]:
        """A block of exchanges: RankLost, on every rank sooner or later, if one has died."""
        try:
            yield
        except RuntimeError as error:
            if not _is_death(error):
                raise
            self._comm.Revoke()  # for those who wait for somebody else
            raise RankLost("a rank of the job has died") from error

    def survivors(self) -> MpiTeam:
        """See :class:`Team`."""
        with self._patience:
            team = MpiTeam(self._comm.Shrink())
        team._patience, team.sent, team.keeps_model = self._patience, self.sent, self.keeps_model
        team._before = self  # with arrays that messages of the dead one may still be meant for
        return team

    def is_done(self, done: bool) -> bool:
        """See :class:`Team`."""
        if not hasattr(self._comm, "Agree"):
            return super().is_done(done)
        while True:
            self._comm.Ack_failed()
            try:
                return bool(self._comm.Agree(int(done)))
            except RuntimeError as error:  # a death that not all had heard of: on all ranks, or on none
                if not _is_death(error):
                    raise

    def threads(self, available: int) -> int:
        """Ranks on one machine that may use the same cores share them evenly."""
        if not hasattr(os, "sched_getaffinity"):
            return available
        from mpi4py import MPI

        cores = np.zeros(4096, np.int32)
        cores[[core for core in os.sched_getaffinity(0) if core < len(cores)]] = 1
        users = np.empty_like(cores)
        with self._deaths_told():
            neighbours = self._comm.Split_type(MPI.COMM_TYPE_SHARED)
            neighbours.Allreduce(cores, users)
            neighbours.Free()
        share = float((1 / users[cores > 0]).sum())
        return max(1, min(available, int(share + 1e-9)))


def _flush() -> None:
    """Send on what is printed; a stream that is closed, or full, keeps nobody from ending the job.

    The launcher gets a moment to pass it on: Hydra, ending all ranks, was seen to drop what it had not read.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    time.sleep(_PASSED_ON)


def _is_death(error: RuntimeError) -> bool:
    """Whether MPI says that a rank has died, or that another rank has said so."""
    from mpi4py import MPI

    if not isinstance(error, MPI.Exception):
        return False
    return error.Get_error_class() in [getattr(MPI, name, None) for name in _DEATHS]


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[np.uint8]]:
    """The bytes of a contiguous array, in pieces that a message can have."""
    flat = _as_bytes(array)
    for start in range(0, len(flat), _MOST):
        yield flat[start : start + _MOST]


def _end_all_on_error(comm: Any) -> None:
    """Let whatever ends this process by an exception end the others too."""
    before = sys.excepthook

    def tell_and_abort(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        _flush()
        comm.Abort(1)

    if getattr(before, "ends_all_ranks", False):
        return
    tell_and_abort.ends_all_ranks = True  # type: ignore[attr-defined]
    sys.excepthook = tell_and_abort


def team_of(comm: Any) -> Team:
    """The team of a communicator of mpi4py; one process for None. TypeError for anything else."""
    if comm is None:
        return Alone()
    return comm if isinstance(comm, Team) else MpiTeam(comm)
