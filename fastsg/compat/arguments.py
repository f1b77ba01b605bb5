"""gensim's settings, made into ours: what can be honoured, what has no effect, what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any

from .. import EncodedCorpus, Vocab

#: Arguments that mean the same in SkipGram.
PASSED = ("vector_size", "window", "sample", "workers", "epochs", "max_final_vocab", "shrink_windows")

#: What a rule about words answers, in gensim's numbers.
_BY_COUNT, _DISCARD, _KEEP = 0, 1, 2

#: Arguments that do nothing here, with the values that ask for nothing, and why.
_WITHOUT_EFFECT: dict[str, tuple[tuple[object, ...], str]] = {
    "hs": ((None, 0), "the softmax is exact"),
    "negative": ((None, 0), "the softmax is exact"),
    "ns_exponent": ((None,), "there are no negative samples"),
    "cbow_mean": ((None,), "there is no CBOW"),
    "alpha": ((None,), "the optimizer is another one: give settings={'alpha': ...}"),
    "min_alpha": ((None,), "the optimizer is another one: give settings={'min_alpha': ...}"),
    "start_alpha": ((None,), "the optimizer is another one"),
    "end_alpha": ((None,), "the optimizer is another one"),
    "max_vocab_size": ((None,), "no words are dropped while counting: max_final_vocab bounds the vocabulary"),
    "sorted_vocab": ((1, True), "words always stand by falling count"),
    "hashfxn": ((None, hash), "no result depends on hashes"),
}


def warn_without_effect(given: Mapping[str, object], stacklevel: int) -> None:
    """One warning that names all arguments that were given and do nothing."""
    found = [
        f"{name}={given[name]!r} ({why})"
        for name, (neutral, why) in _WITHOUT_EFFECT.items()
        if name in given and not any(given[name] is value or given[name] == value for value in neutral)
    ]
    if found:
        warnings.warn(
            "fastsg trains skip-gram with the exact full softmax; without effect: " + "; ".join(found),
            stacklevel=stacklevel + 1,
        )


def check_possible(sg: object, null_word: object) -> None:
    """ValueError for what fastsg has not: CBOW, a null word."""
    if sg != 1:
        raise ValueError(f"sg is {sg!r}: fastsg trains skip-gram only (sg=1), no CBOW")
    if null_word:
        raise ValueError(f"null_word is {null_word!r}; it must be 0: there is no such word in skip-gram")


def least_count(min_count: object) -> object:
    """gensim takes min_count=0 for 1; anything else is for SkipGram to check."""
    return 1 if isinstance(min_count, Integral) and min_count == 0 else min_count


def counted(sentences: Iterable[Any], count: Callable[[int], None]) -> Iterable[Any]:
    """The sentences themselves, if they know their number; else an iterator that tells it in the end."""
    try:
        count(len(sentences))  # type: ignore[arg-type]
    except TypeError:
        return _counting(sentences, count)
    return sentences


def _counting(sentences: Iterable[Any], count: Callable[[int], None]) -> Iterable[Any]:
    n = 0
    for sentence in sentences:
        n += 1
        yield sentence
    count(n)


def ruled_vocab(
    words: Iterable[str],
    counts: Iterable[int],
    rule: Callable[[str, int, int], int],
    min_count: int,
    max_final_vocab: int | None,
) -> Vocab:
    """The vocabulary of the words that a rule leaves: ``rule(word, count, min_count)`` is 0 for "by its
    count", 1 for "discard" and 2 for "keep"; ValueError for another answer, or if no word is left."""
    kept: dict[str, int] = {}
    for word, count in zip(words, counts):
        answer = rule(word, count, min_count)
        if answer not in (_BY_COUNT, _DISCARD, _KEEP):
            raise ValueError(
                f"trim_rule answered {answer!r} for the word {word!r}; allowed are 0 (by its count), "
                "1 (discard) and 2 (keep)"
            )
        if answer == _KEEP or (answer == _BY_COUNT and count >= min_count):
            kept[word] = count
    if not kept:
        raise ValueError("the vocabulary is empty: trim_rule and min_count leave no word")
    return Vocab.from_counts(list(kept), list(kept.values()), min_count=1, max_final_vocab=max_final_vocab)


def ruled_corpus(
    whole: EncodedCorpus, rule: Callable[[str, int, int], int], min_count: int, max_final_vocab: int | None
) -> EncodedCorpus:
    """A corpus that was encoded with all its words, without those that a rule discards."""
    vocab = ruled_vocab(whole.vocab.words, whole.vocab.counts.tolist(), rule, min_count, max_final_vocab)
    return EncodedCorpus.from_iter(whole, vocab=vocab, progress=False)
