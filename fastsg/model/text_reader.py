"""TextReader: how the texts of a model become ids, be they sentences, files or corpora."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import _core, checks
from ..distributed import Alone, Team
from ..errors import FormatError
from ..text.corpus import EncodedCorpus
from ..text.growth import recoded
from ..text.tokenizers import TOKENIZERS, line_tokenizer
from ..text.transcoding import check_encoding
from ..text.vocab import Vocab
from .sharing import shared_corpus

Corpus: TypeAlias = EncodedCorpus | Iterable[Iterable[str]] | Iterable[Iterable[int]]
Path: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = Path | Sequence[Path]


@dataclasses.dataclass(frozen=True)
class TextReader:
    """The choices that every text of a model shares.

    Attributes
    ----------
    tokenizer : object          None is "space", unless `is_known` is False: then it has to be asked for.
    errors, encoding : str      Of files.
    lower : bool                Files and token lists are made lower case.
    is_known : bool             Whether the text that the vocabulary is of was cut by this tokenizer.
    team : Team                 Of these processes rank 0 reads, for all.
    """

    tokenizer: object
    errors: str
    encoding: str
    lower: bool
    workers: int
    progress: bool | None
    min_count: int
    max_final_vocab: int | None
    is_known: bool = True
    team: Team = dataclasses.field(default_factory=Alone)

    def __post_init__(self) -> None:
        checks.choice("errors", self.errors, checks.TEXT_ERRORS)
        check_encoding(self.encoding)
        checks.choice("lower", self.lower, (False, True))
        if self.tokenizer not in ("space", "char", None):
            line_tokenizer(self.tokenizer)  # raises unless it is a tokenizer

    # ---- what others say about it ----

    def following(self, text: object) -> TextReader:
        """The reader of a model whose vocabulary is that of a text: as a corpus was read, if it tells.

        ValueError if the corpus was read otherwise than the model was told to read.
        """
        if not isinstance(text, EncodedCorpus):
            return dataclasses.replace(self, is_known=True)
        for name, mine, theirs in (
            ("tokenizer", self.tokenizer, text.tokenizer),
            ("lower", self.lower or None, text.lower),
        ):
            if mine is not None and theirs is not None and mine != theirs:
                raise ValueError(f"{name} is {mine!r}, but the corpus was encoded with {name}={theirs!r}")
        followed = dataclasses.replace(self, lower=self.lower or bool(text.lower))
        return followed.told(text.tokenizer)

    def told(self, tokenizer: str | None) -> TextReader:
        """The reader of a model whose text was cut by a tokenizer, None if nobody knows.

        Files are read by what the user gave then, or at white space; the record does not claim it.
        """
        known = tokenizer if self.tokenizer is None else self.tokenizer
        return dataclasses.replace(
            self, tokenizer="space" if known is None else known, is_known=known is not None
        )

    def record(self) -> dict[str, Any]:
        """What a model's file and report hold; the tokenizer is None where it is unknown or the user's."""
        name = "space" if self.tokenizer is None else self.tokenizer
        return {
            "tokenizer": name if isinstance(name, str) and self.is_known else None,
            "errors": self.errors,
            "encoding": self.encoding,
            "lower": bool(self.lower),
        }

    def restored(self, saved: dict[str, Any], given: dict[str, Any]) -> TextReader:
        """The reader of a model from a file: as its record says, but for what the user gave, not None.

        ValueError if `lower` is given otherwise than the words of the model are.
        """
        given = dict.fromkeys(RECORDED) | given
        lower = given["lower"]
        if lower is not None and saved["lower"] not in (None, lower):
            raise ValueError(
                f"lower is {lower}, but the texts of this model were read with lower={saved['lower']}"
            )
        chosen = {name: saved[name] if given[name] is None else given[name] for name in RECORDED}
        chosen["lower"] = bool(chosen["lower"])
        return dataclasses.replace(self, **chosen, is_known=chosen["tokenizer"] is not None)

    # ---- reading ----

    def encode(
        self,
        sentences: Corpus | None,
        corpus_file: Paths | None,
        vocab: Vocab | None,
        name: str = "sentences",
        everywhere: bool = True,
    ) -> EncodedCorpus:
        """Encode one of the two; without a vocabulary, count one.

        Of several ranks the first one reads; unless the ids are wanted `everywhere`, it alone has them.
        """
        return shared_corpus(
            self.team, vocab, lambda: self._encode(sentences, corpus_file, vocab, name), everywhere
        )

    def _encode(
        self, sentences: Corpus | None, corpus_file: Paths | None, vocab: Vocab | None, name: str
    ) -> EncodedCorpus:
        if sentences is not None and corpus_file is not None:
            raise ValueError("sentences and corpus_file are both given; give one of them")
        options: dict[str, Any] = {
            "vocab": vocab,
            "min_count": self.min_count,
            "max_final_vocab": self.max_final_vocab,
            "lower": self.lower,
            "progress": self.progress,
        }
        if corpus_file is not None:
            return self._encode_files(corpus_file, options)
        if isinstance(sentences, str):
            raise TypeError(
                f"{name} is a str, and its letters would be taken for sentences: for a file give its path as "
                "corpus_file, for a text a list of lists of words"
            )
        if isinstance(sentences, EncodedCorpus):
            return known_corpus(name, sentences, vocab)
        if sentences is None:
            raise TypeError(f"{name} is None; it must be sentences, an EncodedCorpus or paths")
        try:
            return EncodedCorpus.from_iter(sentences, **options)
        except ValueError as error:
            if name == "sentences":
                raise
            raise ValueError(f"{name}: {error}") from None

    def _encode_files(self, paths: Paths, options: dict[str, Any]) -> EncodedCorpus:
        if self.tokenizer is None and not self.is_known:
            raise ValueError(
                "how the model's text was cut into words is not in its file: by a tokenizer of its own, or "
                "before it was encoded or counted. Give it when loading, tokenizer=..."
            )
        return EncodedCorpus.from_files(
            paths,
            tokenizer="space" if self.tokenizer is None else self.tokenizer,
            errors=self.errors,
            encoding=self.encoding,
            workers=self.workers,
            **options,
        )

    def encode_all_words(
        self, sentences: Corpus | None, corpus_file: Paths | None, everywhere: bool = True
    ) -> EncodedCorpus:
        """Encode one of the two by a vocabulary of its own, which has all its words."""
        return dataclasses.replace(self, min_count=1, max_final_vocab=None).encode(
            sentences, corpus_file, None, everywhere=everywhere
        )

    def encode_either(self, given: Any, vocab: Vocab, name: str, everywhere: bool = True) -> EncodedCorpus:
        """Encode an argument that may be sentences or paths."""
        if is_paths(given):
            return self.encode(None, given, vocab, name, everywhere)
        return self.encode(given, None, vocab, name, everywhere)

    def encode_validation(self, given: Any, vocab: Vocab) -> EncodedCorpus:
        """The held-out text, from all that the argument `validation` may be."""
        corpus = self.encode_either(given, vocab, "validation")
        if np.diff(corpus.offsets).max() < 2:
            raise ValueError("the validation text has no pair of known words within a sentence")
        return corpus


#: What a model's file holds of its reader. Files of before had no encoding and no lower.
RECORDED = ("tokenizer", "errors", "encoding", "lower")


def checked_record(saved: dict[str, Any]) -> dict[str, Any]:
    """The record of a file; FormatError if it makes no sense. Old files do not tell `lower`: None."""
    record = {"tokenizer": None, "errors": None, "encoding": "utf-8", "lower": None} | saved
    tokenizer, lower = record["tokenizer"], record["lower"]
    is_named = tokenizer is None or (isinstance(tokenizer, str) and tokenizer in TOKENIZERS)
    if not is_named or record["errors"] not in checks.TEXT_ERRORS or lower not in (None, False, True):
        raise FormatError(f"its config has {', '.join(f'{name}={record[name]!r}' for name in RECORDED)}")
    check_encoding(record["encoding"])
    return record


def known_corpus(name: str, corpus: EncodedCorpus, vocab: Vocab | None) -> EncodedCorpus:
    """The corpus itself; ValueError unless its ids are those of `vocab` (if given) and lie in range.

    TypeError for anything but a corpus.
    """
    if not isinstance(corpus, EncodedCorpus):
        raise TypeError(
            f"{name} is of type {type(corpus).__name__}; it must be an EncodedCorpus; model.encode makes one"
        )
    if vocab is not None and corpus.vocab is not vocab and corpus.vocab.words != vocab.words:
        raise ValueError(
            f"{name} is encoded with another vocabulary than the model's: encode it with vocab=model.vocab, "
            "or give its sentences"
        )
    _core.check_corpus(corpus.tokens, corpus.offsets, len(corpus.vocab))
    return corpus


def is_paths(given: object) -> bool:
    """Whether an argument that takes both names files: a path, or a list of paths."""
    if isinstance(given, (str, os.PathLike)):
        return True
    if not isinstance(given, (list, tuple)):
        return False
    return bool(given) and all(isinstance(part, (str, os.PathLike)) for part in given)


def reusable(given: object) -> object:
    """The argument, readable more than once: a one-shot iterator becomes a list."""
    return list(given) if isinstance(given, Iterator) else given


def revised(given: object, old: Vocab, vocab: Vocab) -> object:
    """The argument `validation`: a corpus by the ids of the old vocabulary comes by those of the new one."""
    if isinstance(given, EncodedCorpus) and given.vocab.words == old.words:
        return recoded(given, vocab)
    return given
