"""fastsg train under mpiexec: the first rank reads, speaks and writes, and all ranks end together."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

from ..distributed import Alone, Message, Team, from_first, launched_rank, launched_size, team_of, world
from ..model import seconds_of
from .terminal import EXIT_ERROR, EXIT_HUNG, EXIT_INTERRUPTED, EXIT_OK, EXPECTED, say, say_error

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


def run_on_ranks(args: argparse.Namespace, run: Callable[[argparse.Namespace, Team], int]) -> int:
    """Run a command on the ranks of mpiexec, or on this process alone.

    What goes wrong is said by one rank, and ends all, whatever they wait for. All return the first one's
    code.
    """
    rank = launched_rank()
    if rank is None:
        return run(args, Alone())
    if rank:
        args.quiet = True
        logging.disable()
        if args.dry_run:
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
        team.limit_waiting(seconds_of(args.hang_limit), lambda: _give_up(team, args.hang_limit))
    try:
        code = run(args, team)
    except KeyboardInterrupt:
        _wait_for_the_first(team)
        say("interrupted")
        team.abort(EXIT_INTERRUPTED)
    except EXPECTED as error:
        _wait_for_the_first(team)
        say_error(error, f"rank {team.rank}: " if team.rank else "")
        team.abort(EXIT_ERROR)
    return int(from_first(team, lambda: Message({"code": code}, {})).about["code"])


def _give_up(team: Team, limit: str) -> None:
    """End this process, and thereby the job: the thread that trains waits for a rank that will not come."""
    time.sleep(0.05 * team.rank)  # all notice it at once, and one message is enough
    say(f"rank {team.rank} has waited {limit} for the other ranks, one of which hangs: ending the job")
    sys.stderr.flush()
    os._exit(EXIT_HUNG)


def _wait_for_the_first(team: Team) -> None:
    """It ends this process too, where it has the same to say, and some launchers do so by SIGTERM."""
    if team.rank:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        time.sleep(_PATIENCE + 0.05 * team.rank)
