"""The command line: fastsg train, count, nn, predict, convert, info and demo.

    main -> train, count, query, convert, demo    the commands (query: nn, predict, info)
              -> flags                   settings as flags; what several commands share is declared once
              -> outputs                 files to write: checked before the work, written after it
              -> terminal                what a person sees: printable words, errors, prompts, signals

A command is a function from parsed arguments to an exit code. It checks all it can before the work begins,
uses the public names of the other folders, and raises what went wrong; :func:`main` prints that as one line.
Nothing imports this folder.
"""

from .main import build_parser, main, parse

__all__ = ["build_parser", "main", "parse"]
