"""fastsg launch: fastsg train under mpiexec, started again from its checkpoint when it dies."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys

from ..checks import positive_integer, printable
from .flags import Commands, Parser, add_command
from .ranks import written_state
from .terminal import EXIT_ERROR, EXIT_HUNG, EXIT_INTERRUPTED, EXIT_OK, say, termination_as_interruption
from .train import add_train

#: Codes with which a training ends by itself: it is done, it has said what is wrong, or it was interrupted.
_ITS_OWN = (EXIT_OK, EXIT_ERROR, 2, EXIT_INTERRUPTED)


def add_launch(commands: Commands) -> None:
    """Declare fastsg launch."""
    parser = add_command(
        commands,
        "launch",
        run_launch,
        help="train on several processes, and go on when they die",
        description="Run fastsg train under mpiexec. When a rank dies, or hangs and fastsg train was given "
        "--hang-limit, start all again from the newest checkpoint; the result is that of an undisturbed "
        "training. What is wrong with the command itself is not tried again.",
        examples="""
            fastsg launch -n 4 -- train text.txt -o words.vec
            fastsg launch -n 4 --restarts 5 -- train text.txt -o v.vec --checkpoint c
            fastsg launch -n 4 --mpiexec "srun --mpi=pmi2" -- train text.txt -o v.vec
        """,
    )
    parser.add_argument(
        "operands", nargs="+", metavar="train ...", help="behind --: a command line of fastsg train"
    )
    parser.add_argument("-n", "--ranks", type=int, required=True, metavar="N", help="processes to start")
    parser.add_argument(
        "--restarts",
        type=int,
        default=0,
        metavar="N",
        help="start again at most so many times; needs --checkpoint (default: 0)",
    )
    parser.add_argument(
        "--mpiexec",
        default="mpiexec",
        metavar="COMMAND",
        help="the launcher and its flags (default: mpiexec)",
    )


def run_launch(args: argparse.Namespace) -> int:
    """Start, and start again; returns the exit code of the last start."""
    positive_integer("--ranks", args.ranks)
    if args.restarts < 0:
        raise ValueError(f"--restarts is {args.restarts}; it must not be negative")
    if args.operands[0] != "train":
        raise ValueError(f"fastsg launch runs fastsg train; behind -- there is {args.operands[0]!r}")
    checkpoint, resumed = _checkpoints_of(args.operands)
    if args.restarts and checkpoint is None:
        raise ValueError("--restarts needs a training with --checkpoint, to go on from")
    mpiexec = [*shlex.split(args.mpiexec), "-n", str(args.ranks)]
    start = [*mpiexec, sys.executable, "-m", "fastsg", *args.operands]
    before, resume = written_state(checkpoint), list[str]()
    for left in range(args.restarts, -1, -1):
        code = _ended([*start, *resume])
        if code in _ITS_OWN or not left:
            return code
        if checkpoint is not None and written_state(checkpoint) != before:
            resume, resumed = ["--resume", checkpoint], checkpoint  # the last of several --resume counts
        where = f"from {printable(resumed)}" if resumed else "from the beginning"
        died = "a rank was hanging" if code == EXIT_HUNG else "a rank has died"
        say(f"{died} (mpiexec ended with {code}): starting again {where}, {left - 1} restarts left")
    return EXIT_ERROR


def _checkpoints_of(words: list[str]) -> tuple[str | None, str | None]:
    """The checkpoint that a command line writes, and the one that it begins with."""
    parser = Parser(prog="fastsg")
    add_train(parser.add_subparsers(dest="command"))
    args, _ = parser.parse_known_args(words)
    return args.checkpoint or args.resume, args.resume


def _ended(command: list[str]) -> int:
    """The exit code of a command, as a shell tells it; an interrupt is passed on, and waited for."""
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        raise OSError(error.errno, f"--mpiexec: {error.strerror}", command[0]) from None
    with termination_as_interruption():
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return EXIT_INTERRUPTED
    return code if code >= 0 else 128 - code
