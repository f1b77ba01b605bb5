"""A history: a record for each epoch."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from ..system.notebook import html_table


class EpochRecord(TypedDict):
    """What happened in an epoch. Losses are in nats per pair, float64; ``valid_`` is about the held-out text.

    Attributes
    ----------
    nll, perplexity                     Mean loss, each batch at the parameters it started from; its
                                        exponential.
    unigram_nll                         Loss of the same pairs by word frequencies alone.
    valid_nll, valid_perplexity         After the epoch; None without a held-out text.
    valid_unigram_nll, valid_pairs      Only with a held-out text: its loss by word frequencies alone, and the
                                        sum of its pairs' weights.
    pairs, softmax_rows                 Sum of the pairs' weights; rows of the softmax that were worked out.
    seconds, count_seconds              In all, and within that on counting.
    pairs_per_second                    Speed.
    alpha                               Learning rate in the end.
    words                               Over how many words the softmax ran.
    thinned                             Whether it was on thinned text; files of before do not tell.
    centers                             How many of these words, the most frequent ones, were centers: in the
                                        first epoch over counts not all; likewise.
    """

    nll: float
    perplexity: float
    unigram_nll: float
    valid_nll: float | None
    valid_perplexity: float | None
    valid_unigram_nll: NotRequired[float]
    valid_pairs: NotRequired[float]
    pairs: float
    softmax_rows: int
    seconds: float
    count_seconds: float
    pairs_per_second: float
    alpha: float
    words: int
    thinned: NotRequired[bool]
    centers: NotRequired[int]


#: What a record says its epoch was trained on, by its ``thinned``.
TEXTS = {True: "thinned", False: "whole", None: "unknown"}


class History(list[EpochRecord]):
    """The records of a model, as a list; a notebook shows it as a table."""

    def _repr_html_(self) -> str:
        has_held_out = any(record.get("valid_nll") is not None for record in self)
        columns = ["epoch", "text", "words", "loss", "unigram", "perplexity"]
        columns += ["held-out loss", "held-out perplexity"] * has_held_out
        rows = (list(_cells(number, record, has_held_out)) for number, record in enumerate(self, 1))
        title = "Loss in nats per pair, of the text and the words trained on" if self else "No epoch is done"
        return html_table(title, [*columns, "rate", "seconds"], rows)


def _cells(number: int, record: Mapping[str, Any], has_held_out: bool) -> Iterator[object]:
    """Those of an epoch in the table; users may have taken some out of the record."""
    yield number
    yield TEXTS.get(record.get("thinned"), TEXTS[None])
    names = ["words", "nll", "unigram_nll", "perplexity"]
    names += ["valid_nll", "valid_perplexity"] * has_held_out
    yield from map(record.get, [*names, "alpha", "seconds"])


def checked_history(records: list[dict[str, Any]]) -> History:
    """The records of a file; ValueError unless each has every field, and each of these its type.

    Other fields may be anything: users add some.
    """
    for field, hint in typing.get_type_hints(EpochRecord).items():
        kinds = {*(typing.get_args(hint) or (hint,))}
        if float in kinds:
            kinds.add(int)  # as JSON may have it
        for number, record in enumerate(records, 1):
            if field not in record and field in EpochRecord.__required_keys__:
                raise ValueError(f"its history has no {field} in record {number}")
            if field in record and type(record[field]) not in kinds:
                raise ValueError(f"its history has {field}={record[field]!r:.40} in record {number}")
    return History(typing.cast(list[EpochRecord], records))
