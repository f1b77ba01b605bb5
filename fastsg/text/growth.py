"""More text for a vocabulary that exists: which words join it, and texts by the ids of other vocabularies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .corpus import EncodedCorpus
from .remote import RemoteCorpus
from .vocab import Vocab


def common_vocab(first: Vocab, second: Vocab) -> Vocab:
    """The words of both, with the sums of their counts."""
    totals = dict(zip(first.words, first.counts.tolist(), strict=True))
    for word, count in zip(second.words, second.counts.tolist(), strict=True):
        totals[word] = totals.get(word, 0) + count
    raw_types = len(totals) + max(first.raw_types - len(first), second.raw_types - len(second))
    return _ordered(totals, raw_types, first.raw_tokens + second.raw_tokens)


def summed_vocab(vocabs: Iterable[Vocab], min_count: int, max_final_vocab: int | None) -> Vocab:
    """The vocabulary of a text from those of its parts, which have all their words; see Vocab.from_counts."""
    totals: dict[str, int] = {}
    for vocab in vocabs:
        for word, count in zip(vocab.words, vocab.counts.tolist(), strict=True):
            totals[word] = totals.get(word, 0) + count
    counts = np.fromiter(totals.values(), np.int64, len(totals))
    return Vocab.from_counts(list(totals), counts, min_count=min_count, max_final_vocab=max_final_vocab)


def grown_vocab(known: Vocab, all_words: Vocab, min_count: int, most_words: int | None) -> Vocab:
    """The words known and those that have become frequent enough.

    Parameters
    ----------
    known : Vocab               Its words all stay.
    all_words : Vocab           The words of all text so far, those of `known` among them.
    min_count : int             Words of so many occurrences join.
    most_words : int or None    The vocabulary has at most so many words, unless it has more already.
    """
    counts = dict(zip(all_words.words, all_words.counts.tolist(), strict=True))
    joining = [word for word in all_words.words if counts[word] >= min_count and word not in known]
    if most_words is not None:
        joining = joining[: max(most_words - len(known), 0)]  # the most frequent ones come first
    totals = {word: counts[word] for word in [*known.words, *joining]}
    return _ordered(totals, all_words.raw_types, all_words.raw_tokens)


def _ordered(totals: dict[str, int], raw_types: int, raw_tokens: int) -> Vocab:
    words = sorted(totals, key=lambda word: (-totals[word], word))
    return Vocab(words, [totals[word] for word in words], raw_types=raw_types, raw_tokens=raw_tokens)


def recoded(corpus: EncodedCorpus, vocab: Vocab) -> EncodedCorpus | None:
    """A corpus by the ids of another vocabulary, without words that this lacks; None if no word is left."""
    place = np.array([vocab.index.get(word, -1) for word in corpus.vocab.words], np.int32)
    if isinstance(corpus, RemoteCorpus):
        occurrences = np.zeros(len(vocab), np.int64)
        occurrences[place[place >= 0]] = corpus.occurrences[place >= 0]
        if not occurrences.any():
            return None
        return RemoteCorpus(vocab, occurrences, corpus.lines, raw_tokens=corpus.raw_tokens)
    tokens = place[corpus.tokens]
    kept = tokens >= 0
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[corpus.offsets]
    stays = ends[1:] > ends[:-1]  # sentences left empty vanish
    if not stays.any():
        return None
    offsets, numbers = np.append(0, ends[1:][stays]), corpus.sentence_numbers()[stays]
    found = EncodedCorpus(tokens[kept], offsets, vocab, numbers, raw_tokens=corpus.raw_tokens)
    found.lines = corpus.lines
    return found


def joined(first: EncodedCorpus, second: EncodedCorpus) -> EncodedCorpus:
    """Two corpora, one behind the other, by the ids of their common vocabulary."""
    vocab = common_vocab(first.vocab, second.vocab)
    parts = [recoded(first, vocab) or first, recoded(second, vocab) or second]
    if isinstance(parts[0], RemoteCorpus) and isinstance(parts[1], RemoteCorpus):
        occurrences, lines = parts[0].occurrences + parts[1].occurrences, first.lines + second.lines
        return RemoteCorpus(vocab, occurrences, lines, raw_tokens=first.raw_tokens + second.raw_tokens)
    numbers = [part.sentence_numbers() for part in parts]
    corpus = EncodedCorpus(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([parts[0].offsets, parts[1].offsets[1:] + parts[0].offsets[-1]]),
        vocab,
        np.concatenate([numbers[0], numbers[1] + first.lines]),
        raw_tokens=first.raw_tokens + second.raw_tokens,
        invalid_bytes_replaced=first.invalid_bytes_replaced + second.invalid_bytes_replaced,
    )
    corpus.lines = first.lines + second.lines
    return corpus
