"""fastsg completion: a script that makes a shell complete commands and flags, written from the parsers."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from .flags import Commands, add_command
from .terminal import EXIT_OK


class Flag(NamedTuple):
    """A flag, as shells need it."""

    names: tuple[str, ...]
    choices: tuple[str, ...]
    takes_value: bool
    help: str


def add_completion(commands: Commands) -> None:
    """Declare fastsg completion."""
    parser = add_command(
        commands,
        "completion",
        run_completion,
        help="print a script for completion in a shell",
        description="Print a script that makes a shell complete commands, flags and files. bash: "
        'eval "$(fastsg completion bash)" in ~/.bashrc. zsh: save it as _fastsg in a folder of $fpath, or '
        'eval "$(fastsg completion zsh)" in ~/.zshrc, below compinit. fish: save it as fastsg.fish in '
        "~/.config/fish/completions.",
        examples="""
            fastsg completion bash
            fastsg completion zsh
            fastsg completion fish
        """,
    )
    parser.add_argument("shell", choices=tuple(_SCRIPTS))
    parser.set_defaults(commands=commands)


def run_completion(args: argparse.Namespace) -> int:
    """Print the script."""
    print(_SCRIPTS[args.shell](args.commands), end="")
    return EXIT_OK


def flags_of(parser: argparse.ArgumentParser) -> list[Flag]:
    """The flags of a command; of positional choices a nameless one."""
    return [
        Flag(
            tuple(action.option_strings),
            tuple(map(str, action.choices or ())),
            action.nargs != 0,
            (action.help or "").split(";")[0].split(" (default")[0],
        )
        for action in _actions(parser)
        if action.option_strings or action.choices
    ]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a parser takes. Argparse tells that to nobody but those that format its help."""
    found: list[argparse.Action] = []

    class Collector(argparse.HelpFormatter):
        """Formats nothing."""

        def add_argument(self, action: argparse.Action) -> None:
            """Keep it."""
            found.append(action)

    usual, parser.formatter_class = parser.formatter_class, Collector
    try:
        parser.format_help()
    finally:
        parser.formatter_class = usual
    return found


def summaries(commands: Commands) -> dict[str, str]:
    """What may follow the program's name, and what each does."""
    return {name: parser.summary for name, parser in commands.choices.items()} | {
        "--help": "show what commands there are",
        "--version": "show the version",
    }


# ---- bash ----


def bash(commands: Commands) -> str:
    """The script for bash."""
    values, flags = [], []
    for name, parser in commands.choices.items():
        known = flags_of(parser)
        flags.append(f"        {name}) words='{' '.join(word for flag in known for word in flag.names)}' ;;")
        for flag in known:
            if flag.choices:
                pattern = " | ".join(f"'{name} {word}'" for word in flag.names or (name,))
                values.append(f"        {pattern}) words='{' '.join(flag.choices)}' ;;")
    return f"""# bash completion of fastsg; made by: fastsg completion bash
_fastsg() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    local command=${{COMP_WORDS[1]}} words=
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W '{" ".join(summaries(commands))}' -- "$cur"))
        return
    fi
    # bash makes three words of --flag=value
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case "$command $prev" in
{chr(10).join(values)}
    esac
    if [ -z "$words" ] && [ "${{cur:0:1}}" = - ]; then
        case $command in
{chr(10).join(flags)}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
# where it offers nothing, bash offers files
complete -o default -F _fastsg fastsg
"""


# ---- zsh ----


def zsh(commands: Commands) -> str:
    """The script for zsh."""
    listed = "\n".join(f"        {_quoted(f'{name}:{help}')}" for name, help in summaries(commands).items())
    cases = "\n".join(
        f"        {name})\n            _arguments {_zsh_arguments(parser)} ;;"
        for name, parser in commands.choices.items()
    )
    return f"""#compdef fastsg
# zsh completion of fastsg; made by: fastsg completion zsh
_fastsg() {{
    local -a commands
    commands=(
{listed}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{cases}
    esac
}}
# The body of a file in $fpath, or a script of its own
if [[ $funcstack[1] = _fastsg ]]; then
    _fastsg "$@"
else
    compdef _fastsg fastsg
fi
"""


def _zsh_arguments(parser: argparse.ArgumentParser) -> str:
    specs, rest = [], "*:file:_files"
    for flag in flags_of(parser):
        values = f"({' '.join(flag.choices)})" if flag.choices else "_files"
        if not flag.names:
            rest = f"1:value:{values}"
        help = flag.help.replace("[", "(").replace("]", ")")
        value = f":value:{values}" if flag.takes_value else ""
        for name in flag.names:
            equals = "=" if value and name.startswith("--") else ""  # also --flag=value
            specs.append(_quoted(f"{name}{equals}[{help}]{value}"))
    return " \\\n                ".join([*specs, _quoted(rest)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# ---- fish ----


def fish(commands: Commands) -> str:
    """The script for fish."""
    lines = [_FISH_HEAD]
    lines += [
        f"complete -c fastsg -f -n '__fastsg_command \"\"' -a {name} -d {_fish_quoted(help)}"
        for name, help in summaries(commands).items()
    ]
    for name, parser in commands.choices.items():
        begin = f"complete -c fastsg -n '__fastsg_command {name}'"
        lines += [begin + _fish_flag(flag) for flag in flags_of(parser)]
    return "\n".join(lines) + "\n"


# fish's own __fish_seen_subcommand_from finds the commands among the operands as well: fastsg nn v.vec train
_FISH_HEAD = """# fish completion of fastsg; made by: fastsg completion fish
function __fastsg_command
    set -l words (commandline -opc)
    test "$words[2]" = "$argv[1]"
end"""


def _fish_flag(flag: Flag) -> str:
    parts = []
    for name in flag.names:  # -o is a flag of one dash and many letters
        kind = "-l" if name.startswith("--") else "-s" if len(name) == 2 else "-o"
        parts.append(f" {kind} {name.lstrip('-')}")
    if flag.choices:
        parts.append(f" -x -a '{' '.join(flag.choices)}'")
    elif flag.takes_value:
        parts.append(" -r")
    return "".join(parts) + (f" -d {_fish_quoted(flag.help)}" if flag.help else "")


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}
