"""Settings as flags, with the constructor's defaults; what train and count share is declared here, once."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from ..model.skipgram import SkipGram

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Group: TypeAlias = "argparse._ArgumentGroup | argparse.ArgumentParser"

#: The constructor's parameters and their defaults.
DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(SkipGram).parameters.items()}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every flag that takes a value and has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.nargs == 0:
            return action.help
        return super()._get_help_string(action)


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], help: str, description: str
) -> argparse.ArgumentParser:
    """The parser of a command; `run` is the function that carries it out."""
    parser = commands.add_parser(name, help=help, description=description, formatter_class=HelpFormatter)
    parser.set_defaults(run=run, given=frozenset())
    return parser


class _Setting(argparse.Action):
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
    group.add_argument(flag(name), *shared_aliases, *aliases, dest=name, action=_Setting, **options)


def add_read_vocab(group: Group) -> None:
    """Declare --read-vocab."""
    group.add_argument(
        "--read-vocab", metavar="F", help="take the vocabulary from a file of words and counts"
    )


def add_quiet(group: Group, shown: str) -> None:
    """Declare --quiet, which leaves out what is `shown`."""
    group.add_argument("--quiet", action="store_true", help=f"no {shown}")


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


def parse_bias(text: str) -> str | None:
    """'none', or a name for SkipGram to judge."""
    return None if text.lower() == "none" else text


#: Of each setting that both train and count have: the other names of its flag, and how it is declared.
_SHARED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "window": (
        ("--ws",),
        {
            "type": parse_window,
            "help": "words to either side of the center; 'L,R' for an asymmetric window, 'none' for whole "
            "lines",
        },
    ),
    "shrink_windows": ((), {"type": parse_shrink}),
    "min_count": ((), {"type": int, "help": "drop words that occur less often"}),
    "max_final_vocab": (("--max-vocab",), {"type": int, "help": "keep at most this many words"}),
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
        {"type": int, "help": "threads; by default as many as allowed; the same bits for any number"},
    ),
    "tokenizer": (
        (),
        {
            "choices": ("space", "char"),
            "default": "space",
            "help": "split on Unicode white space, or into characters",
        },
    ),
    "errors": (
        (),
        {"choices": ("replace", "strict", "ignore"), "help": "what to do with invalid UTF-8"},
    ),
}
