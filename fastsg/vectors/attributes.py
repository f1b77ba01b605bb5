"""Attributes of words: a column of values, one for each word, for every name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import word_counts

Counts = Sequence[int] | NDArray[np.integer[Any]]
#: Numbers in their own type, texts as objects.
Column = NDArray[Any]


def column_for(attr: object, value: object, K: int) -> Column:
    """A column for a new attribute that has a value like this one: zeros, False or empty texts."""
    if not isinstance(attr, str) or not attr:
        raise TypeError(f"attr is {attr!r}; it must be a name")
    if isinstance(value, str):
        return np.full(K, "", object)
    return np.zeros(K, np.int64 if attr == "count" else _number(attr, value).dtype)


def check_value(attr: str, value: object, column: Column) -> None:
    """TypeError if the column cannot hold the value as it is; a count must not be negative (ValueError)."""
    if column.dtype == object:
        if not isinstance(value, str):
            raise TypeError(f"attribute {attr!r} holds texts, got {value!r}")
        return
    number = _number(attr, value)
    if not (np.can_cast(number.dtype, column.dtype, "safe") or _survives(number, column.dtype)):
        raise TypeError(f"attribute {attr!r} holds {column.dtype}, got {value!r}")
    if attr == "count" and float(value) < 0:  # type: ignore[arg-type]  # it is a number by now
        raise ValueError(f"attribute 'count' must not be negative, got {value!r}")


def checked_column(attr: str, values: object, n: int) -> Column:
    """Values of an attribute for n words as a column; an error names the attribute."""
    array = np.asarray(values)
    if array.dtype.kind == "U":
        array = array.astype(object)
    is_text = array.dtype == object and all(isinstance(value, str) for value in array.ravel())
    if array.shape != (n,) or not (is_text or array.dtype.kind in "biuf"):
        raise TypeError(
            f"attribute {attr!r} must be {n} numbers or texts, got {array.dtype} of shape {array.shape}"
        )
    return word_counts(array, n) if attr == "count" else array


def longer(column: Column, n: int) -> Column:
    """A copy with n more values: zeros, False or empty texts."""
    more: Column = np.full(n, "", object) if column.dtype == object else np.zeros(n, column.dtype)
    return np.concatenate([column, more])


def _survives(number: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether a number of the same kind is one of a narrower type too; floating-point ones may be rounded."""
    with np.errstate(over="ignore"):
        is_same = dtype.kind == "f" or number.astype(dtype) == number
    return np.can_cast(number.dtype, dtype, "same_kind") and bool(is_same)


def _number(attr: str, value: object) -> NDArray[Any]:
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "biuf":
        raise TypeError(f"attribute {attr!r} takes numbers and texts, got {value!r}")
    return number
