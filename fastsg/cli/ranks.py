"""fastsg train under mpiexec: the first rank reads, speaks and writes, and all ranks end together."""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from ..checks import printable
from ..distributed import (
    Alone,
    Message,
    RankLost,
    Team,
    from_first,
    launched_rank,
    launched_size,
    team_of,
    world,
)
from ..model import seconds_of
from ..model.checkpoint import spare_path
from ..system import identity
from .terminal import EXIT_ERROR, EXIT_HUNG, EXIT_INTERRUPTED, EXIT_OK, EXPECTED, say, say_error

#: Of a checkpoint and the one before it: what tells a file from one that was written in its place.
State: TypeAlias = list[tuple[int, int] | None]
#: What is run on the ranks; returns an exit code.
Command: TypeAlias = Callable[[argparse.Namespace, Team], int]
#: Seconds that a rank gives the first one to say what is wrong for both.
_PATIENCE = 1.0


@contextlib.contextmanager
def one_speaks() -> Iterator[None]:
    """Of all ranks the first one says that the command line is wrong."""
    if not launched_rank():
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as sink, contextlib.redirect_stderr(sink):
        yield


def run_on_ranks(args: argparse.Namespace, run: Command) -> int:
    """Run a command on the ranks of mpiexec, or on this process alone.

    What goes wrong is said by one rank, and ends all, whatever they wait for. All return the first one's
    code.
    """
    rank = launched_rank()
    if rank is None:
        return run(args, Alone())
    if rank and args.dry_run:
        return EXIT_OK
    try:
        team = team_of(None if args.dry_run else world())
    except ImportError as error:  # on all ranks, which do not know each other
        if not rank:
            say_error(error)
        return EXIT_ERROR
    if team.size == 1 and not args.dry_run and (started := launched_size() or 1) > 1:
        if not rank:
            say(
                f"error: mpiexec has started {started} processes, and the MPI of mpi4py knows of one: they "
                "are of different MPIs; use the mpiexec of the one that mpi4py was installed for"
            )
        return EXIT_ERROR
    if args.hang_limit:
        team.limit_waiting(seconds_of(args.hang_limit), lambda: _give_up(rank, args.hang_limit))
    return _outliving(args, team, run)


def _outliving(args: argparse.Namespace, team: Team, run: Command) -> int:
    """Run the command until it is done; when a rank dies and the MPI outlives that, on those that are left.

    These go on from the newest checkpoint, or begin anew, so that the result is that of an undisturbed run.
    """
    before, lost = written_state(args.checkpoint or args.resume), False
    while True:
        code, line = None, copy.copy(args)  # which the command changes
        try:
            code = _run_together(line, team, partial(_go_on, run=run, before=before) if lost else run)
        except RankLost:
            lost = True
        if team.is_done(code is not None):
            if lost:
                team.leave(code or EXIT_OK)
            return code or EXIT_OK
        team = team.survivors()


def _go_on(args: argparse.Namespace, team: Team, run: Command, before: State) -> int:
    """Run the command again, from the newest checkpoint if one was written."""
    if "-" in [*(args.input or []), *args.operands, *(args.valid or [])]:
        raise ValueError("a rank has died, and standard input cannot be read a second time: give files")
    checkpoint = args.checkpoint or args.resume
    is_written = checkpoint is not None and written_state(checkpoint) != before
    if from_first(team, lambda: Message({"is_written": is_written}, {})).about["is_written"]:
        args.resume, args.argv = checkpoint, [*args.argv, "--resume", checkpoint]
    if not team.rank:
        left = "the other rank goes" if team.size == 1 else f"the other {team.size} ranks go"
        where = f"from {printable(args.resume)}" if args.resume else "from the beginning"
        say(f"a rank has died: {left} on {where}")
    return run(args, team)


def _run_together(args: argparse.Namespace, team: Team, run: Command) -> int:
    """Run the command; what goes wrong on one rank ends all, but for the death of one."""
    if team.rank:
        args.quiet, team.keeps_model = True, False
    logging.disable(logging.CRITICAL if team.rank else logging.NOTSET)
    try:
        code = run(args, team)
    except RankLost:
        raise
    except KeyboardInterrupt:
        _wait_for_the_first(team)
        say("interrupted")
        team.abort(EXIT_INTERRUPTED)
    except EXPECTED as error:
        _wait_for_the_first(team)
        say_error(error, f"rank {team.rank}: " if team.rank else "")
        team.abort(EXIT_ERROR)
    return int(from_first(team, lambda: Message({"code": code}, {})).about["code"])


def written_state(checkpoint: str | None) -> State:
    """What tells whether a checkpoint, or the one kept beside it, was written since."""
    return [] if checkpoint is None else [identity(checkpoint), identity(spare_path(checkpoint))]


def _give_up(rank: int, limit: str) -> None:
    """End this process, and thereby the job: the thread that trains waits for a rank that will not come."""
    time.sleep(0.05 * rank)  # all notice it at once, and one message is enough
    say(f"rank {rank} has waited {limit} for the other ranks, one of which hangs: ending the job")
    sys.stderr.flush()
    os._exit(EXIT_HUNG)


def _wait_for_the_first(team: Team) -> None:
    """It ends this process too, where it has the same to say, and some launchers do so by SIGTERM."""
    if team.rank:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        time.sleep(_PATIENCE + 0.05 * team.rank)
