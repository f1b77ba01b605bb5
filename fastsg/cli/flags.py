"""Parsers, and settings as flags with the constructor's defaults; what commands share is declared once."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from ..checks import printable
from ..model.checkpoint import seconds_of
from ..model.skipgram import SkipGram
from .columns import RED, styled

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
Group: TypeAlias = "argparse._ArgumentGroup | argparse.ArgumentParser"

#: The constructor's parameters and their defaults.
DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(SkipGram).parameters.items()}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every flag whose help does not tell it; leaves the lines of an epilog alone."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.help is None or "default" in action.help
        if told or not action.option_strings or action.dest in ("help", "version"):
            return action.help
        if action.default is None or action.default is False:
            return f"{action.help} (default: {'no' if action.nargs == 0 else 'none'})"
        return super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EPILOG):
            return text
        return super()._fill_text(text, width, indent)


#: How texts begin whose lines stay as they are.
EPILOG = "examples:\n"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage of a command with many flags would hide it.

    Attributes
    ----------
    summary : str       What the command does, in a few words.
    """

    summary = ""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        error = styled("error:", RED, sys.stderr)
        print(f"{self.prog}: {error} {printable(message)} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    description: str,
    examples: str = "",
    **options: Any,
) -> Parser:
    """The parser of a command.

    Parameters
    ----------
    run : function      Carries the command out; returns the exit code.
    examples : str      Command lines, one a line; a test runs them in their order.
    options             For the parser.
    """
    lines = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=EPILOG + lines if lines else None,
        formatter_class=HelpFormatter,
        **options,
    )
    parser.summary = help
    parser.set_defaults(run=run, given=frozenset(), log_level="warning")
    return parser


def add_log_level(parser: argparse.ArgumentParser) -> None:
    """Declare --log-level, the last flag of every command."""
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="what the library reports on standard error",
    )


class Given(argparse.Action):
    """Stores a value, and that it was given: a resumed training must tell a wish from a default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.given = namespace.given | {self.dest}


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def add_setting(group: Group, name: str, *aliases: str, **options: Any) -> None:
    """Declare the flag of a setting; what train and count share need not be repeated, but may be changed."""
    shared_aliases, shared = _SHARED.get(name, ((), {}))
    options = {"default": DEFAULTS[name]} | shared | options
    if "choices" not in options:
        options.setdefault("metavar", "N" if options["type"] is int else "X")
    group.add_argument(flag(name), *shared_aliases, *aliases, dest=name, action=Given, **options)


def add_reading(group: Group) -> None:
    """Declare how texts are read: --tokenizer, --errors, --encoding and --lower."""
    add_setting(group, "tokenizer")
    add_setting(group, "errors")
    group.add_argument(
        "--encoding",
        action=Given,
        default="utf-8",
        metavar="NAME",
        help="of the text files, such as gb18030, big5, latin-1 or utf-16",
    )
    group.add_argument("--lower", action="store_true", help="make the text lower case")


def add_read_vocab(group: Group) -> None:
    """Declare --read-vocab."""
    group.add_argument(
        "--read-vocab",
        metavar="F",
        help="take the vocabulary from a file of words and counts (default: count the text's words)",
    )


def add_quiet(group: Group, shown: str) -> None:
    """Declare --quiet, which leaves out what is `shown`."""
    group.add_argument("--quiet", action="store_true", help=f"no {shown} (default: shown)")


def add_json(group: Group) -> None:
    """Declare --json of the commands that answer words."""
    group.add_argument(
        "--json",
        action="store_true",
        help="print an object for each word as a line of JSON, with all digits (default: a table)",
    )


def parse_window(text: str) -> int | tuple[int, int] | None:
    """'5', '5,2' or 'none'."""
    if text.lower() == "none":
        return None
    try:
        sides = [int(side) for side in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a window; allowed are an integer, two of them as 'L,R', and 'none'"
        )
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_shrink(text: str) -> bool | str:
    """'true', 'false', 'random' or 'harmonic'."""
    allowed: dict[str, bool | str] = {
        "true": True,
        "false": False,
        "random": "random",
        "harmonic": "harmonic",
    }
    if text.lower() not in allowed:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not allowed; allowed are 'true', 'false', 'random' and 'harmonic'"
        )
    return allowed[text.lower()]


def parse_span(text: str) -> str:
    """'30s', '5m', '1h'."""
    try:
        seconds_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; allowed are those such as '30s', '5m' and '1h'"
        ) from None
    return text


def parse_bias(text: str) -> str | None:
    """'none', or a name for SkipGram to judge."""
    return None if text.lower() == "none" else text


#: Of each setting that both train and count have: the other names of its flag, and how it is declared.
_SHARED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "window": (
        ("--ws",),
        {
            "type": parse_window,
            "help": "words to either side of the center; 'L,R' for an asymmetric window, so that '0,5' is "
            "the right side only; 'none' for whole lines",
        },
    ),
    "shrink_windows": ((), {"type": parse_shrink}),
    "min_count": ((), {"type": int, "help": "drop words that occur less often"}),
    "max_final_vocab": (
        ("--max-vocab",),
        {"type": int, "help": "keep at most this many words (default: all)"},
    ),
    "sample": (("-t",), {"type": float}),
    "draws": (
        (),
        {
            "type": int,
            "help": "thinned copies of the text whose counts are averaged; 0 weighs pairs instead of "
            "dropping tokens",
        },
    ),
    "seed": ((), {"type": int, "help": "seed of all random choices"}),
    "workers": (
        ("--threads",),
        {"type": int, "help": "threads; the same bits for any number (default: as many as allowed)"},
    ),
    "tokenizer": (
        (),
        {
            "choices": ("space", "char", "rjieba"),
            "default": "space",
            "help": "split on Unicode white space, into characters, or into Chinese words (needs the package "
            "rjieba)",
        },
    ),
    "errors": (
        (),
        {"choices": ("replace", "strict", "ignore"), "help": "what to do with bytes that are no text"},
    ),
}
