"""Parses a command line, runs the command, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import difflib
import logging
import re
import sys
from collections.abc import Sequence

from .._version import __version__
from ..system import kept
from .completion import add_completion, flags_of
from .convert import add_convert
from .corpora import add_encode, add_vocab
from .count import add_count
from .demo import add_demo
from .explore import add_explore
from .flags import EPILOG, HelpFormatter, Parser, add_log_level
from .judging import add_analogies, add_eval
from .launch import add_launch
from .merge import add_merge
from .plot import add_plot
from .query import add_info, add_nn, add_predict
from .ranks import one_speaks
from .terminal import EXIT_ERROR, EXIT_INTERRUPTED, EXPECTED, say, say_error, standard_streams
from .train import add_train
from .verify import add_verify
from .walk import add_walk
from .word2vec import add_word2vec

_COMMANDS = (
    add_train, add_word2vec, add_launch, add_count, add_merge, add_vocab, add_encode, add_eval, add_nn,
    add_analogies, add_predict, add_convert, add_info, add_verify, add_walk, add_explore, add_plot, add_demo,
    add_completion,
)  # fmt: skip
# One dash and a word: word2vec.c's way of writing flags.
_ONE_DASH = re.compile(r"-[A-Za-z][A-Za-z_-]")
#: Commands that do what those of fastText and word2vec.c do.
_THEIRS = {
    "skipgram": "train",
    "distance": "nn",
    "word-analogy": "analogies",
    "compute-accuracy": "eval",
    "dump": "info",
    "print-word-vectors": "convert",
}

_AT_THE_END = f"""{EPILOG}  fastsg demo
  fastsg train text.txt -o words.vec
  fastsg nn words.vec cat

fastsg COMMAND --help tells the flags of a command.

exit codes:
  0    done
  1    something went wrong; standard error says what, in one line
  2    the command line itself is wrong
  130  interrupted; fastsg train has written what was trained so far, unless no epoch was
       finished; 1 if something could not be written
"""


def build_parser() -> Parser:
    """The parser of all commands."""
    return _parsers()[0]


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    """The parser of all commands, and that of each."""
    parser = Parser(
        prog="fastsg",
        description="Skip-gram word embeddings by the exact full softmax.",
        epilog=_AT_THE_END,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastsg {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, title="commands", metavar="COMMAND [FLAG]"
    )
    for add in _COMMANDS:
        add(commands)
    for command in commands.choices.values():
        add_log_level(command)
    return parser, commands.choices


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; unlike in argparse, words and files may stand before and after flags."""
    parser, commands = _parsers()
    words = list(sys.argv[1:] if argv is None else argv)
    _check_command(parser, list(commands), words)
    _refuse_one_dash(commands, words)
    args, rest = parser.parse_known_args(words)
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(args, "operands")):
        known = _flag_names(commands[args.command])
        meant = [flag for word in rest if word.startswith("--") and (flag := _meant(word[2:], known))]
        advice = f"; write {', '.join(meant)}" if meant else ""
        commands[args.command].error(f"unrecognized arguments: {' '.join(rest)}{advice}")
    if rest:
        args.operands = [*args.operands, *rest]
    args.argv = words
    return args


def _check_command(parser: Parser, commands: list[str], words: list[str]) -> None:
    """Exit unless the line begins with a command, or asks for help or the version."""
    listed = ", ".join(commands)
    if not words:
        parser.error(f"a command is missing; there are {listed}")
    if not words[0].startswith("-") and words[0] not in commands:
        theirs = _THEIRS.get(words[0])
        close = [theirs] if theirs else difflib.get_close_matches(words[0], commands, n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"there are {listed}"
        parser.error(f"there is no command {words[0]!r}; {advice}")


def _refuse_one_dash(commands: dict[str, Parser], words: list[str]) -> None:
    """Exit where a flag has one dash and a name: argparse would take -output for -o utput."""
    if words[0] not in commands or words[0] == "word2vec":
        return
    before = words[: words.index("--")] if "--" in words else words
    if not (wrong := [word for word in before if _ONE_DASH.match(word)]):
        return
    parser, known = commands[words[0]], _flag_names(commands[words[0]])
    meant = {word: _meant(word[1:], known) or _letter_and_value(word, known) for word in wrong}
    write = ", ".join(flag for flag in meant.values() if flag)
    missing = ", ".join(f"-{word}" for word, flag in meant.items() if not flag)
    advice = "; ".join([f"write {write}"] * bool(write) + [f"there is no flag {missing}"] * bool(missing))
    if words[0] == "train":
        advice += " (fastsg word2vec takes the command line of word2vec.c)"
    parser.error(f"{', '.join(wrong)}: flags of more than a letter have two dashes; {advice}")


def _flag_names(parser: Parser) -> set[str]:
    return {name for flag in flags_of(parser) for name in flag.names}


def _meant(name: str, known: set[str]) -> str:
    """The flag that others call so, as in minCount or epoch; empty if there is none."""
    long = "--" + re.sub("(?<=[a-z])(?=[A-Z])|_", "-", name.partition("=")[0]).lower()
    return next((flag for flag in (long, long + "s") if flag in known), "")


def _letter_and_value(word: str, known: set[str]) -> str:
    return f"{word[:2]} {word[2:]}" if word[:2] in known else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 error, 130 interrupted. Usage errors exit with 2."""
    with standard_streams():
        try:
            return _run(argv)
        except KeyboardInterrupt:
            say("interrupted")
            return EXIT_INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    logging.basicConfig(format="fastsg: %(message)s", level=logging.WARNING)
    with one_speaks():
        args = parse(argv)
    level = logging.NOTSET if args.log_level == "warning" else getattr(logging, args.log_level.upper())
    logging.getLogger(__package__.partition(".")[0]).setLevel(level)
    try:
        with kept():
            return int(args.run(args))
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: say nothing more, not even at exit
        return EXIT_ERROR
    except EXPECTED as error:
        say_error(error)
        return EXIT_ERROR
