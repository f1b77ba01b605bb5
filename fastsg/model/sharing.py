"""What rank 0 has read or counted, on all ranks: corpora, counts, the content of a model's file.

With one process each is what it was made as, and nothing is copied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

from .. import _core
from .._version import __version__
from ..cooccurrence.count_settings import CountSettings
from ..cooccurrence.counts import CooccurrenceCounts
from ..distributed import Message, Team, from_first
from ..io.model_file import ModelContent
from ..io.safetensors import pack_words, unpack_words
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab

Arrays: TypeAlias = dict[str, NDArray[Any]]
#: What an EncodedCorpus is told besides its arrays.
_COUNTERS = ("raw_tokens", "invalid_bytes_replaced", "tokenizer", "lower")


def agreed_build(precision: str) -> dict[str, object]:
    """What of an installation all ranks must have alike, or their bits differ."""
    kind = "generic" if _core.isa() == "generic" else "fused"
    half = _core.available_bf16()[0] if precision == "bfloat16" else None
    return {"version": __version__, "kind of instructions": kind, "bfloat16 instructions": half}


def shared_corpus(team: Team, vocab: Vocab | None, read: Callable[[], EncodedCorpus]) -> EncodedCorpus:
    """The corpus that `read` gives on rank 0; with `vocab`, which all ranks have, by its ids."""
    if team.size == 1:
        return read()
    made: list[EncodedCorpus] = []  # on rank 0: it need not be made again

    def message() -> Message:
        made.append(read())
        corpus = made[0]
        words = _packed(corpus.vocab) if vocab is None else Message({}, {})
        about = {name: getattr(corpus, name) for name in (*_COUNTERS, "lines")} | words.about
        arrays: Arrays = {"tokens": corpus.tokens, "offsets": corpus.offsets}
        if corpus.numbers is not None:
            arrays["numbers"] = corpus.numbers
        return Message(about, arrays | words.arrays)

    about, arrays = from_first(team, message)
    if made:
        return made[0]
    told = {name: about[name] for name in _COUNTERS}
    known = _unpacked(about, arrays) if vocab is None else vocab
    corpus = EncodedCorpus(arrays["tokens"], arrays["offsets"], known, arrays.get("numbers"), **told)
    corpus.lines = about["lines"]
    return corpus


def shared_counts(
    team: Team, vocab: Vocab | None, make: Callable[[], CooccurrenceCounts]
) -> CooccurrenceCounts:
    """The counts that `make` gives on rank 0, of the words of `vocab`, if all ranks have it."""
    if team.size == 1:
        return make()
    made: list[CooccurrenceCounts] = []

    def message() -> Message:
        made.append(make())
        counts = made[0]
        about, arrays = _packed(counts.vocab) if vocab is None else Message({}, {})
        for name, table in _tables(counts).items():
            about = about | {name: table.about}
            arrays = arrays | {f"{name}_{part}": array for part, array in table.rows._asdict().items()}
            if table.keep is not None:
                arrays = arrays | {f"{name}_keep": table.keep}
        return Message(about, arrays)

    about, arrays = from_first(team, message)
    if made:
        return made[0]
    known = _unpacked(about, arrays) if vocab is None else vocab
    found: CooccurrenceCounts | None = None
    for name in ("thinned", "text"):
        if name not in about:
            continue
        row_ptr, contexts, weights = (arrays[f"{name}_{part}"] for part in ("row_ptr", "contexts", "counts"))
        keep = arrays.get(f"{name}_keep")
        found = CooccurrenceCounts(row_ptr, contexts, weights, known, keep=keep, thinned=found)
        found.settings = CountSettings.parse(about[name])
    assert found is not None, "there is always a table"
    return found


def _tables(counts: CooccurrenceCounts) -> dict[str, CooccurrenceCounts]:
    return {"text": counts} | ({} if counts.thinned is None else {"thinned": counts.thinned})


def shared_content(team: Team, read: Callable[[], ModelContent]) -> ModelContent:
    """The content of a model's file that `read` gives on rank 0."""
    if team.size == 1:
        return read()

    def message() -> Message:
        content = read()
        offsets, blob = pack_words(content.words)
        about = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
        del about["words"], about["word_counts"], about["arrays"]
        words: Arrays = {"word_offsets": offsets, "words": blob, "counts": content.word_counts}
        return Message(about, content.arrays | words)

    about, arrays = from_first(team, message)
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
