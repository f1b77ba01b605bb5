"""Notices text that has no spaces between its words, Chinese and Japanese, where words are to be read."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator

from .blocks import Block

logger = logging.getLogger(__name__)

_LOOKED_AT = 1 << 16  # bytes of a file
_LEAST_LETTERS = 20
_MEAN_WORD = 4.0  # characters; Chinese words have one to three
#: Kana and the Han characters of the first two planes.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def unsegmented(text: str) -> bool:
    """Whether a text is mostly Chinese or Japanese, in lines that mostly have no white space within.

    Lines of one short word each, as in a word list, do not count.
    """
    lines = [line.split() for line in text.splitlines() if not line.isspace() and line]
    words = [word for line in lines for word in line]
    letters = sum(map(len, words))
    if letters < _LEAST_LETTERS or letters <= _MEAN_WORD * len(words):
        return False
    whole = sum(len(line) == 1 for line in lines)
    return 2 * whole > len(lines) and 2 * len(_UNSPACED.findall(text)) > letters


def hinting(read: Callable[..., Iterator[Block]], **options: object) -> Iterator[Block]:
    """The blocks that `read` gives; a warning for each file whose first one is not cut into words."""
    path = None
    for block in read(**options):
        if block.path != path:
            path = block.path
            text = bytes(memoryview(block.text)[: min(block.n, _LOOKED_AT)]).decode(errors="ignore")
            if unsegmented(text):
                logger.warning(
                    "%r seems to be Chinese or Japanese without spaces between the words, so that whole "
                    "lines are taken for words; the tokenizers 'char' and 'rjieba' cut them",
                    path,
                )
        yield block
