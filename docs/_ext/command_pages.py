"""The directive ``command``: what a command does and takes, read from its parser."""

from __future__ import annotations

import argparse
import re
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from fastsg.cli import parse
from fastsg.cli.flags import EPILOG, HelpFormatter

#: Titles that argparse gives by itself.
_TITLES = {"positional arguments": "Arguments", "options": "Flags"}


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("command", CommandDirective)
    return {"parallel_read_safe": True}


class CommandDirective(SphinxDirective):
    """Everything that ``fastsg COMMAND --help`` says, as a page says it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes in the directive's place."""
        parsers = parse(["completion", "bash"]).commands.choices
        return self.parse_text_to_nodes(page(parsers[self.arguments[0]]))


class _Collector(HelpFormatter):
    """Keeps what it is told to format: the one way to a parser's groups that argparse documents."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self.texts: list[str] = []
        self.groups: list[tuple[str, list[tuple[str, str]]]] = []

    def add_text(self, text: str | None) -> None:
        if text and text is not argparse.SUPPRESS:
            self.texts.append(text)

    def start_section(self, heading: str | None) -> None:
        self.groups.append((heading or "", []))

    def end_section(self) -> None:
        pass

    def add_argument(self, action: argparse.Action) -> None:
        if action.help is not argparse.SUPPRESS and action.dest != "help":
            told = self._expand_help(action) if action.help else ""
            self.groups[-1][1].append((self._format_action_invocation(action), told))


def page(parser: argparse.ArgumentParser) -> str:
    """Markdown about a command."""
    found, usual = _Collector(parser.prog), parser.formatter_class
    parser.formatter_class = lambda prog: found
    try:
        parser.format_help()
    finally:
        parser.formatter_class = usual
    blocks = [escaped(text) for text in found.texts if not text.startswith(EPILOG)]
    blocks.append(f"```{{program}} {parser.prog}\n```")
    # a lone --log-level, which every command has, comes last
    for title, flags in sorted(found.groups, key=lambda group: group[0] == "options" and len(group[1]) == 1):
        if flags:
            blocks.append(f"**{_TITLES.get(title, title.capitalize())}**")
            blocks += [f"````{{option}} {names}\n{escaped(help)}\n````" for names, help in flags]
    examples = [text.removeprefix(EPILOG) for text in found.texts if text.startswith(EPILOG)]
    lines = [line.removeprefix("  ") for text in examples for line in text.splitlines()]
    return "\n\n".join([*blocks, "**Examples**", "\n".join(["```text", *lines, "```"])])


def escaped(text: str) -> str:
    """The text, of which nothing is Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|~$#])", r"\\\1", text)
