"""The command line."""

from .main import build_parser, main, parse

__all__ = ["build_parser", "main", "parse"]
