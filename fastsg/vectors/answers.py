"""What a query answers: words with a number each, which a notebook shows as a table."""

from __future__ import annotations

from collections.abc import Iterable

from ..system.notebook import html_table

Answer = tuple[str, float]
Answers = list[Answer]


class Ranking(Answers):
    """(word, number) pairs, best first: a list like any other, which a notebook shows as a table.

    Parameters
    ----------
    answers : iterable of (str, float)
    measure : str                       What the numbers are.
    """

    def __init__(self, answers: Iterable[Answer], measure: str) -> None:
        super().__init__(answers)
        self._measure = measure

    def __reduce__(self) -> tuple[type[Answers], tuple[Answers]]:
        return list, (list(self),)  # copies and pickles are plain lists, which can be read without fastsg

    def _repr_html_(self) -> str:
        rows = ([number, word, value] for number, (word, value) in enumerate(self, 1))
        return html_table("", ["", "word", self._measure], rows)
