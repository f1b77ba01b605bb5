"""Docstrings as they are written here, made into those that numpydoc reads.

Here an item and what it is stand side by side, ``name : type      What it is.``, and what is returned may be
a sentence. Drawings in the docstrings of modules are indented; reStructuredText wants ``::`` before them.
"""

from __future__ import annotations

import re
from typing import Any

_SECTIONS = {"Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns"}
_COLUMNS = re.compile(r"(\S.*?) {2,}(\S.*)")
_DEEP = " " * 12  # what begins there continues the second column


def setup(app: Any) -> dict[str, bool]:
    """Before numpydoc, which is called with priority 500."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True}


def _process(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = with_drawings(lines) if what == "module" else one_column(lines)


def one_column(lines: list[str]) -> list[str]:
    """The lines of a docstring with the second column below the first."""
    found: list[str] = []
    section = ""
    for i, line in enumerate(lines):
        below = lines[i + 1] if i + 1 < len(lines) else ""
        if line and set(below) == {"-"}:
            section = line.strip()
            found.append(line)
        elif section not in _SECTIONS or not line.strip() or set(line) == {"-"}:
            found.append(line)
        elif line.startswith(_DEEP):
            found.append("    " + line.strip())
        elif line.startswith(" "):
            found.append(line)
        elif continues(found[-1], section):
            found[-1] += " " + line
        else:
            columns = _COLUMNS.fullmatch(line)
            found += [columns[1], "    " + columns[2]] if columns else [line]
    return found


def continues(before: str, section: str) -> bool:
    """Whether a line that is not indented goes on with the one before it."""
    if not before.strip() or before.startswith(" ") or set(before) == {"-"}:
        return False
    return before.endswith(",") or section in ("Returns", "Yields")


def with_drawings(lines: list[str]) -> list[str]:
    """The lines of a docstring whose indented blocks are shown as they stand."""
    found: list[str] = []
    for line in lines:
        prose = next((before for before in reversed(found) if before.strip()), "")
        if line.startswith(" ") and found and not found[-1].strip() and not prose.startswith((" ", "::")):
            found += [] if prose.endswith("::") else ["::", ""]
        found.append(line)
    return found
