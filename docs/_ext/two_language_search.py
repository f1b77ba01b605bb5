"""Search in English and Chinese at once, in the browser alone and without a segmenter.

Chinese is indexed by characters and pairs of characters, and a query is cut in the same way: a page is found
best if it has all pairs of the query. Names are indexed by their parts too: ``early_stopping`` and
``EarlyStopping`` are found by "early stopping". two_language_search.js puts the pages in order.

A page is also found by words that it does not show: ``<!-- searched for: gdpr, privacy -->``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.search.en import SearchEnglish

_WORD = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿]+")
_KEYWORDS = re.compile(r"<!-- searched for:\s+(.+?)\s+-->", re.DOTALL)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the language, and of the keywords."""
    app.add_search_language(EnglishAndChinese)
    app.add_node(Keywords, html=(_skip, None))
    app.connect("doctree-read", _find_keywords)
    return {"parallel_read_safe": True}


class Keywords(nodes.meta):
    """Words that Sphinx indexes and no page shows, with a mark that no word of a text has."""


def _skip(translator: Any, node: Keywords) -> None:
    raise nodes.SkipNode


def _find_keywords(app: Any, doctree: nodes.document) -> None:
    for comment in list(doctree.findall(nodes.raw)):
        if found := _KEYWORDS.fullmatch(comment.astext().strip()):
            content = ", ".join(f"={word}" for word in re.split(r",\s+", found[1]))
            comment.replace_self(Keywords(name="keywords", content=content))


class EnglishAndChinese(SearchEnglish):
    """English words by their stems, Chinese by pairs of characters, keywords by ``=`` and their stems."""

    lang = "en-zh"
    js_splitter_code = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

    def split(self, input: str) -> list[str]:
        """What a text is found by."""
        return [term for word in _WORD.findall(input) for term in terms_of(word)]

    def stem(self, word: str) -> str:
        """The stem, behind the mark if there is one."""
        return f"={self.stem(word[1:])}" if word.startswith("=") else super().stem(word)


def terms_of(word: str) -> list[str]:
    """A word and its parts, or the characters and pairs of characters of a run of Chinese ones."""
    if "㐀" <= word[0] <= "鿿":
        return [*word, *(word[i - 1 : i + 1] for i in range(1, len(word)))]
    parts = _PART.findall(word)
    return [word, *parts] if len(parts) > 1 else [word]
