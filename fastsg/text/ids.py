"""From the provisional ids of an encoder to final ones: those of a new vocabulary, or of a known one."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from .. import _text
from ..system.growing_file import give_back
from .encoders import DistinctWords, Encoder, Segment
from .vocab import Vocab, eligible, ranking

# Words that become str at once, where there may be a hundred million of them.
_WORDS_AT_ONCE = 1 << 18
# Segments after which those that lie in a file leave the memory.
_SEGMENTS_AT_ONCE = 64


class NoTokens(ValueError):
    """A text has no token, or none that is in the vocabulary."""


def final_ids(
    encoder: Encoder,
    vocab: Vocab | None,
    min_count: int,
    max_final_vocab: int | None,
    source: str,
    *,
    may_be_empty: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.int64], Vocab, NDArray[np.int64] | None]:
    """Tokens, offsets, vocabulary and numbers, as EncodedCorpus has them; the encoder is used up.

    Parameters
    ----------
    encoder : Encoder
    vocab : Vocab or None           Keep these words and their ids; None makes a vocabulary.
    min_count, max_final_vocab      See :meth:`.Vocab.from_counts`; not used with ``vocab``.
    source : str                    Where the text is from, for messages.
    may_be_empty : bool             No token is no error if there is a vocabulary.

    Raises
    ------
    NoTokens                        There are no tokens, or no token is left in the vocabulary.
    """
    may_be_empty = may_be_empty and vocab is not None
    if encoder.n_tokens == 0 and not may_be_empty:
        raise NoTokens(f"there are no tokens in {source}")
    distinct = encoder.distinct_words()
    if vocab is None:
        vocab, final = _new_vocab(distinct, min_count, max_final_vocab)
    else:
        final = _known_ids(distinct, vocab)
        if (final < 0).all() and not may_be_empty:
            raise NoTokens(f"none of the {encoder.n_tokens} tokens in {source} is in the vocabulary")
    if not len(final):
        final = np.full(1, -1, np.int32)  # an id that no token has, for tables of all characters
    tokens, offsets, numbers = _translated(encoder, [final[ids] for ids in distinct.slot_ids])
    return tokens, offsets, vocab, numbers


def _new_vocab(
    distinct: DistinctWords, min_count: int, max_final_vocab: int | None
) -> tuple[Vocab, NDArray[np.int32]]:
    """Vocabulary of the distinct words, and the id in it of each, -1 for those left out."""
    chosen = eligible(distinct.counts, min_count, max_final_vocab)
    if max_final_vocab is not None and len(chosen) > max_final_vocab:
        chosen = _without_last_ties(distinct, chosen, max_final_vocab)
    words = distinct.words(chosen)
    order = ranking(words, distinct.counts[chosen])
    chosen = chosen[order]
    vocab = Vocab(
        [words[i] for i in order.tolist()],
        distinct.counts[chosen],
        raw_types=len(distinct.counts),
        raw_tokens=int(distinct.counts.sum()),
    )
    final = np.full(len(distinct.counts), -1, dtype=np.int32)
    final[chosen] = np.arange(len(chosen), dtype=np.int32)
    return vocab, final


def _without_last_ties(
    distinct: DistinctWords, chosen: NDArray[np.int64], limit: int, at_once: int = _WORDS_AT_ONCE
) -> NDArray[np.int64]:
    """``limit`` of the chosen words: all above the lowest count, of the others the first by their bytes."""
    counts = distinct.counts[chosen]
    tied, above = chosen[counts == counts.min()], chosen[counts > counts.min()]
    first: list[tuple[str, int]] = []
    for ids in _chunks(tied, at_once):
        words = zip(distinct.words(ids), ids.tolist(), strict=True)
        first = heapq.nsmallest(limit - len(above), itertools.chain(first, words))
    return np.append(above, np.array([i for _, i in first], dtype=np.int64))


def _known_ids(distinct: DistinctWords, vocab: Vocab, at_once: int = _WORDS_AT_ONCE) -> NDArray[np.int32]:
    """Id in a given vocabulary of each distinct word, -1 for those not in it."""
    final = np.empty(len(distinct.counts), dtype=np.int32)
    for ids in _chunks(np.arange(len(final), dtype=np.int64), at_once):
        final[ids] = [vocab.index.get(word, -1) for word in distinct.words(ids)]
    return final


def _chunks(ids: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _translated(
    encoder: Encoder, slot_finals: list[NDArray[np.int32]]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64] | None]:
    """Final tokens and offsets, in the memory of the provisional ones; ``slot_finals``: ids by slot. And the
    numbers of the sentences, None if no sentence was empty.
    """
    tokens, ends = encoder.tokens.view(), encoder.ends.view()

    def translate(segment: Segment) -> int:
        return _text.remap(tokens[segment.tokens], slot_finals[segment.slot], ends[segment.ends])

    kept = 0
    with ThreadPoolExecutor(encoder.n_workers) as pool:
        for number, (segment, n) in enumerate(
            zip(encoder.segments, pool.map(translate, encoder.segments), strict=True)
        ):
            if kept != segment.tokens.start:
                tokens[kept : kept + n] = tokens[segment.tokens.start : segment.tokens.start + n]
            ends[segment.ends] += kept
            kept += n
            if number % _SEGMENTS_AT_ONCE == 0:
                give_back(tokens, ends)
    has_tokens = ends[1:] > ends[:-1]
    n_sentences = _text.drop_empty(ends[1:])
    give_back(tokens, ends)
    has_gaps = not has_tokens[:n_sentences].all()
    offsets = encoder.ends.finish(n_sentences + 1)
    return encoder.tokens.finish(kept), offsets, np.flatnonzero(has_tokens) if has_gaps else None
