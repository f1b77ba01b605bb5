"""What users may give as tokenizer, as a function from a line to its tokens."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

#: Those that have a name.
TOKENIZERS = ("space", "char", "rjieba")


def line_tokenizer(tokenizer: Any) -> Callable[[str], Iterable[str]]:
    """A function from a line to its tokens.

    Parameters
    ----------
    tokenizer       A callable str -> list of str; or an object whose ``encode(str)`` gives an object with
                    ``tokens`` or else ``ids`` (as the packages tokenizers and sentencepiece-like wrappers
                    do), or a list of either. Ids become words by ``tokenizer.id_to_token`` where that exists,
                    else by ``str``. Or "rjieba": Chinese words, without white space.

    Raises
    ------
    TypeError       It is neither a callable nor such an object.
    ValueError      It is another str: the name of no tokenizer that reads whole lines.
    ImportError     It is "rjieba", and that package is not installed.
    """
    if isinstance(tokenizer, str) and tokenizer == "rjieba":
        return _chinese_words()
    if isinstance(tokenizer, str):
        raise ValueError(  # noqa: TRY004  a wrong name, not a wrong type
            f"tokenizer is {tokenizer!r}; allowed are 'space', 'char', 'rjieba', a callable and an object "
            "with encode()"
        )
    if callable(getattr(tokenizer, "encode", None)) and not isinstance(tokenizer, type):
        return _encode_tokenizer(tokenizer)
    if not callable(tokenizer):
        raise TypeError(
            "tokenizer must be 'space', 'char', 'rjieba', a callable or have encode(), "
            f"got {type(tokenizer).__name__}"
        )
    function: Callable[[str], Iterable[str]] = tokenizer
    return function


def _chinese_words() -> Callable[[str], list[str]]:
    """Splits a line into Chinese words."""
    try:
        rjieba: Any = importlib.import_module("rjieba")
    except ImportError:
        raise ImportError("the tokenizer 'rjieba' needs the package rjieba: pip install rjieba") from None
    return lambda line: [word for word in rjieba.cut(line) if not word.isspace()]


def _encode_tokenizer(tokenizer: Any) -> Callable[[str], list[str]]:
    """The tokens, or else the words of the ids, that ``tokenizer.encode`` gives."""
    encode, to_word = tokenizer.encode, getattr(tokenizer, "id_to_token", str)

    def tokenize(line: str) -> list[str]:
        encoded = encode(line)
        tokens = getattr(encoded, "tokens", None)
        if tokens is None:
            tokens = getattr(encoded, "ids", encoded)
        return [token if isinstance(token, str) else to_word(token) for token in tokens]

    return tokenize
