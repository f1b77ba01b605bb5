"""Checks of arguments, one home each. An error names the argument, what came and what is allowed."""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Ids are int32.
MAX_WORDS = 2**31 - 1
#: What 64 bits hold.
MOST_INTEGER = 2**63 - 1
#: What may be done with invalid UTF-8.
TEXT_ERRORS = ("replace", "strict", "ignore")

# Infinity and NaN are numbers too, of which the readers tell.
_IN_NUMBERS = b"0123456789+-.eEnaifytNAIFYT"
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200


def shown(value: object) -> str:
    """The value for a message: as repr() has it, but short."""
    return _SHORT.repr(value)


def printable(text: str) -> str:
    """The text with control characters escaped: nothing in a file may reach the terminal as a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def integer(name: str, value: object, least: int | None, most: int = MOST_INTEGER) -> int:
    """The value as an int; TypeError if it is not an integer, ValueError if it is out of its bounds."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        bound = "" if least is None else f" of at least {least}"
        raise TypeError(f"{name} is {shown(value)}, a {type(value).__name__}; it must be an integer{bound}")
    number = int(value)
    if least is not None and number < least:
        raise ValueError(f"{name} is {number!s:.200}; it must be at least {least}")
    if number > most:
        raise ValueError(f"{name} is {number!s:.200}; it must be at most {most}")
    return number


def positive_integer(name: str, value: object, also: str = "") -> int:
    """The value as an int; ValueError, whatever it is, unless that is an integer of at least 1.

    `also` names what else the caller allows ("None and "), for the message.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {shown(value)}; allowed are {also}integers >= 1")
    return int(value)


def real(name: str, value: object) -> float:
    """The value as a float; TypeError if it is not a number, ValueError if it is negative or not finite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {shown(value)}, a {type(value).__name__}; it must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number >= 0.0):
        raise ValueError(f"{name} is {value!s:.200}; it must be finite and not negative")
    return number


def path(name: str, value: object) -> str:
    """The path as a str; TypeError if it is none, ValueError if it is empty or holds NUL.

    An integer is none: open() would take it for a descriptor, read that and close it.
    """
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name} must be a path (str or PathLike), got {shown(value)}, a {type(value).__name__}"
        )
    found = os.fsdecode(value)
    if not found or "\0" in found:
        raise ValueError(f"{name} must be a non-empty path without NUL, got {found!r}")
    return found


def number_in(field: bytes | str) -> float | None:
    """The number that a field of a file holds, None if it holds none.

    Python's float() takes more than any other program: 1_000, digits of other scripts, and spaces, line ends
    and control characters around the number.
    """
    try:
        raw = field.encode("ascii") if isinstance(field, str) else field
        return None if raw.translate(None, _IN_NUMBERS) else float(raw)
    except ValueError:
        return None


def floats(name: str, given: object) -> NDArray[np.float64]:
    """The numbers as a float64 array; ValueError for integers beyond its range, else NumPy's errors."""
    try:
        return np.asarray(given, np.float64)
    except OverflowError:
        raise ValueError(f"{name} is {shown(given)}; numbers must be at most 1e308") from None


def choice(name: str, value: object, allowed: Sequence[object], why: str = "") -> None:
    """ValueError unless the value is one of those allowed; `why` is added to the message."""
    if value not in allowed:
        raise ValueError(f"{name} is {shown(value)}; allowed are {', '.join(map(repr, allowed))}{why}")


def _kind(given: object) -> str:
    return str(getattr(given, "dtype", f"a {type(given).__name__}"))


def ids(name: str, given: ArrayLike, K: int) -> NDArray[np.int32]:
    """Integers in [0, K) as int32; an error before a larger one could wrap round or a fraction be cut off."""
    array = np.asarray(given)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} must be one-dimensional, of integers; it is {array.ndim}-dimensional, {array.dtype}"
        )
    bad = np.flatnonzero((array < 0) | (array >= K))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}; ids must lie in [0, {K})")
    return np.ascontiguousarray(array, np.int32)


def matrix(name: str, given: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix itself; an error unless it is two-dimensional, float32 and C-contiguous."""
    if not isinstance(given, np.ndarray) or given.dtype != np.float32:
        raise TypeError(f"{name} is {_kind(given)}; it must be a float32 array")
    if given.ndim != 2 or not given.flags.c_contiguous:
        raise ValueError(
            f"{name} has shape {given.shape} and strides {given.strides}; "
            "it must be two-dimensional and C-contiguous"
        )
    return given


def bias(name: str, given: NDArray[np.float32], K: int) -> NDArray[np.float32]:
    """The constants themselves; an error unless they are a float32 array of K, or of none."""
    if not isinstance(given, np.ndarray) or given.dtype != np.float32:
        raise TypeError(f"{name} is {_kind(given)}; it must be a float32 array")
    if given.shape not in ((K,), (0,)):
        raise ValueError(f"{name} has shape {given.shape}; it must have {K} numbers, or none")
    return given


def word_counts(given: object, K: int) -> NDArray[np.int64]:
    """Occurrences of K words as int64; ValueError unless they are K integers >= 0 that int64 holds."""
    array = np.asarray(given)
    is_wrong = array.shape != (K,) or (K and array.dtype.kind not in "iu")
    if is_wrong or (array < 0).any() or (array > MOST_INTEGER).any():
        raise ValueError(f"counts must be {K} integers >= 0, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64, copy=False)


def listed(name: str, given: object) -> list[Any]:
    """The items of an iterable; TypeError for anything else, and for a str, whose letters nobody means."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(f"{name} is {shown(given)}, a {type(given).__name__}; it must be a list of words")
    return list(given)


def all_str(words: Sequence[Any]) -> None:
    """TypeError unless every word is a str."""
    try:
        "".join(words)
    except TypeError:
        wrong = next(word for word in words if not isinstance(word, str))
        raise TypeError(f"words must be str; got {shown(wrong)} of type {type(wrong).__name__}") from None


def word_index(words: Sequence[Any]) -> dict[str, int]:
    """The position of each word; TypeError if a word is not a str, ValueError if a word occurs twice."""
    all_str(words)
    index = dict(zip(words, range(len(words))))
    if len(index) < len(words):
        twice = next(word for i, word in enumerate(words) if index[word] != i)
        raise ValueError(f"words must be unique; the word {twice!r} occurs twice")
    return index
