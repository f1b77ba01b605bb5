"""Notebooks: whether this process is one's kernel, and tables that it shows."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Sequence
from numbers import Integral, Real


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, where standard error is no terminal but is looked at."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it before anything of the user's
    get_shell = getattr(ipython, "get_ipython", None)  # it may be half imported
    shell = get_shell() if get_shell else None
    return shell is not None and "IPKernelApp" in shell.config


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], more: int = 0) -> str:
    """A table as HTML, for ``_repr_html_``; nothing in it is taken for markup.

    Parameters
    ----------
    title : str                     Above the table; may be empty.
    columns : sequence of str       Their heads.
    rows : iterable of sequences    Cells; None is an empty one, numbers stand to the right.
    more : int                      Rows that are not shown, for a line that says so.
    """
    parts = ["<table>", f"<caption>{_escaped(title)}</caption>"] if title else ["<table>"]
    parts += ["<thead><tr>", *(f"<th>{_escaped(name)}</th>" for name in columns), "</tr></thead>", "<tbody>"]
    for row in rows:
        parts += ["<tr>", *map(_cell, row), "</tr>"]
    if more > 0:
        parts.append(f'<tr><td colspan="{len(columns)}">… and {more:,} more</td></tr>')
    return "".join([*parts, "</tbody></table>"])


def _cell(value: object) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, Integral):
        return f'<td style="text-align: right">{int(value):,}</td>'
    if isinstance(value, Real):
        return f'<td style="text-align: right">{_number(float(value) + 0.0)}</td>'
    return f'<td style="text-align: left">{_escaped(str(value))}</td>'


def _number(value: float) -> str:
    """As many digits as tell something."""
    return (
        f"{value:.2g}" if 0 < abs(value) < 1e-3 else f"{value:,.4f}" if abs(value) < 100 else f"{value:,.1f}"
    )


def _escaped(text: str) -> str:
    """Text for HTML; lone surrogates, which cannot be sent anywhere, as their numbers."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())
