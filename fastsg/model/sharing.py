"""What rank 0 has read, on all ranks: corpora, what counts are about, the content of a model's file.

With one process each is what it was made as, and nothing is copied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._version import __version__
from ..cooccurrence.count_settings import CountSettings
from ..cooccurrence.counts import CooccurrenceCounts
from ..distributed import Message, Team, from_first
from ..io.model_file import ModelContent
from ..io.safetensors import pack_words, unpack_words
from ..text.corpus import EncodedCorpus
from ..text.remote import RemoteCorpus
from ..text.vocab import Vocab
from ..training.memory import CountSizes

Arrays: TypeAlias = dict[str, NDArray[Any]]
#: Tokens that are counted at once.
_COUNTED = 1 << 24
#: What an EncodedCorpus is told besides its arrays.
_COUNTERS = ("raw_tokens", "invalid_bytes_replaced", "tokenizer", "lower")


def agreed_build(precision: str) -> dict[str, object]:
    """What of an installation all ranks must have alike, or their bits differ."""
    kind = "generic" if _core.isa() == "generic" else "fused"
    half = _core.available_bf16()[0] if precision == "bfloat16" else None
    return {"version": __version__, "kind of instructions": kind, "bfloat16 instructions": half}


def shared_corpus(
    team: Team, vocab: Vocab | None, read: Callable[[], EncodedCorpus], everywhere: bool = True
) -> EncodedCorpus:
    """The corpus that `read` gives on rank 0; with `vocab`, which all ranks have, by its ids.

    Unless it is wanted `everywhere`, other ranks get a :class:`RemoteCorpus`, without the ids.
    """
    if team.size == 1:
        return read()
    made: list[EncodedCorpus] = []  # on rank 0: it need not be made again

    def message() -> Message:
        made.append(read())
        corpus = made[0]
        words = _packed(corpus.vocab) if vocab is None else Message({}, {})
        about = {name: getattr(corpus, name) for name in (*_COUNTERS, "lines")} | words.about
        if not everywhere:
            return Message(about, {"occurrences": _occurrences(corpus)} | words.arrays)
        arrays: Arrays = {"tokens": corpus.tokens, "offsets": corpus.offsets}
        if corpus.numbers is not None:
            arrays["numbers"] = corpus.numbers
        return Message(about, arrays | words.arrays)

    about, arrays = from_first(team, message)
    if made:
        return made[0]
    told = {name: about[name] for name in _COUNTERS}
    known = _unpacked(about, arrays) if vocab is None else vocab
    if not everywhere:
        return RemoteCorpus(known, arrays["occurrences"], about["lines"], **told)
    corpus = EncodedCorpus(arrays["tokens"], arrays["offsets"], known, arrays.get("numbers"), **told)
    corpus.lines = about["lines"]
    return corpus


def _occurrences(corpus: EncodedCorpus) -> NDArray[np.int64]:
    """How often each word occurs, (K,); part by part, since NumPy counts in copies of twice the size."""
    found = np.zeros(len(corpus.vocab), np.int64)
    for start in range(0, len(corpus.tokens), _COUNTED):
        found += np.bincount(corpus.tokens[start : start + _COUNTED], minlength=len(found))
    return found


class CountsAbout(NamedTuple):
    """What a model takes over from counts that it is trained on, and what tells whether they fit it.

    Attributes
    ----------
    vocab : Vocab
    settings, start_settings : CountSettings or None    How they were made; and those a training starts on.
    keep : ndarray (K,), float64, or None               What thinned those a training starts on.
    contexts : ndarray (K,), float64, or None           How often each word is a context, if the counts are of
                                                        no text that is known.
    sizes : CountSizes or None                          Their sizes, on the rank that has them.
    """

    vocab: Vocab
    settings: CountSettings | None
    start_settings: CountSettings | None
    keep: NDArray[np.float64] | None
    contexts: NDArray[np.float64] | None
    sizes: CountSizes | None

    @classmethod
    def of(cls, counts: CooccurrenceCounts) -> CountsAbout:
        """What counts tell."""
        start, contexts = counts.start, None if counts.settings else counts.column_sums()
        sizes = CountSizes.of(counts)
        return cls(counts.vocab, counts.settings, start.settings, start.keep, contexts, sizes)


def about_counts(team: Team, given: Callable[[], CooccurrenceCounts]) -> CountsAbout:
    """What the counts tell that `given` gives on rank 0."""
    if team.size == 1:
        return CountsAbout.of(given())
    made: list[CountsAbout] = []

    def message() -> Message:
        found = CountsAbout.of(given())
        made.append(found)
        about, arrays = _packed(found.vocab)
        for name in ("settings", "start_settings"):
            about[name] = getattr(found, name).as_dict() if getattr(found, name) else {}
        known = {name: getattr(found, name) for name in ("keep", "contexts")}
        return Message(about, arrays | {name: array for name, array in known.items() if array is not None})

    about, arrays = from_first(team, message)
    if made:
        return made[0]
    settings, start = (CountSettings.parse(about[name]) for name in ("settings", "start_settings"))
    vocab, known = _unpacked(about, arrays), (arrays.get("keep"), arrays.get("contexts"))
    return CountsAbout(vocab, settings, start, *known, None)


def shared_content(team: Team, read: Callable[[], ModelContent]) -> ModelContent:
    """The content of a model's file that `read` gives on rank 0.

    Where no other rank keeps the model, their O is zero: what they train of it they get from rank 0.
    """
    if team.size == 1:
        return read()
    kept_by_others = not team.agrees(not (team.rank and team.keeps_model))
    outputs: list[NDArray[Any]] = []  # on rank 0

    def message() -> Message:
        content = read()
        offsets, blob = pack_words(content.words)
        about = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
        del about["words"], about["word_counts"], about["arrays"]
        words: Arrays = {"word_offsets": offsets, "words": blob, "counts": content.word_counts}
        outputs.append(content.arrays["O"])
        told = {name: array for name, array in content.arrays.items() if kept_by_others or name != "O"}
        return Message(about, told | words)

    about, arrays = from_first(team, message)
    if not kept_by_others:  # zeros that nobody has written take no memory
        arrays["O"] = outputs[0] if outputs else np.zeros(arrays["I"].shape, np.float32)
    words = unpack_words(arrays.pop("word_offsets"), arrays.pop("words"))
    return ModelContent(words=words, word_counts=arrays.pop("counts"), arrays=arrays, **about)


def _packed(vocab: Vocab) -> Message:
    offsets, blob = pack_words(vocab.words)
    about: dict[str, Any] = {"raw_types": vocab.raw_types, "vocab_raw_tokens": vocab.raw_tokens}
    return Message(about, {"word_offsets": offsets, "words": blob, "word_counts": vocab.counts})


def _unpacked(about: dict[str, Any], arrays: dict[str, Any]) -> Vocab:
    return Vocab(
        unpack_words(arrays["word_offsets"], arrays["words"]),
        arrays["word_counts"],
        raw_types=about["raw_types"],
        raw_tokens=about["vocab_raw_tokens"],
    )
