"""Final ids: new vocabularies with their cuts and ties, known vocabularies."""

from collections import Counter

import numpy as np
import pytest
from texts import content, oracle, writer

from fastsg.text.corpus import EncodedCorpus
from fastsg.text.encoders import DistinctWords
from fastsg.text.ids import _known_ids, _without_last_ties
from fastsg.text.vocab import Vocab, eligible


@pytest.fixture
def write(tmp_path):
    return writer(tmp_path)


@pytest.mark.parametrize("min_count, limit", [(1, None), (2, None), (5, None), (5, 7), (1, 1), (3, 10_000)])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_cuts(write, rng, min_count, limit, workers):
    lines = [" ".join(f"w{k}" for k in rng.zipf(1.3, rng.integers(0, 30)) if k < 3000) for _ in range(500)]
    path = write("\n".join(lines))
    expected = oracle([line.split() for line in lines], min_count, limit)
    corpus = EncodedCorpus.from_files(
        path, min_count=min_count, max_final_vocab=limit, workers=workers, _block_bytes=512
    )
    assert content(corpus) == expected
    raw = Counter(" ".join(lines).split())
    assert (corpus.raw_tokens, corpus.vocab.raw_tokens, corpus.vocab.raw_types) == (
        raw.total(),
        raw.total(),
        len(raw),
    )
    assert (
        content(EncodedCorpus.from_iter(map(str.split, lines), min_count=min_count, max_final_vocab=limit))
        == expected
    )


def test_equal_counts_go_by_bytes(write):
    corpus = EncodedCorpus.from_files(write("\U0001f600 \uff21 é e B b\n"), min_count=1)
    assert corpus.vocab.words == ["B", "b", "e", "é", "\uff21", "\U0001f600"]


def test_given_vocabulary(write):
    vocab = Vocab(["the", "of", "é"], [9, 8, 7])
    text = "the big of\nbig big\né the\n"
    for corpus in (
        EncodedCorpus.from_files(write(text), vocab=vocab, workers=2, _block_bytes=4),
        EncodedCorpus.from_iter(map(str.split, text.split("\n")), vocab=vocab),
    ):
        assert corpus.vocab is vocab
        assert list(corpus) == [["the", "of"], ["é", "the"]]
        assert (corpus.raw_tokens, corpus.n_tokens, len(corpus)) == (7, 4, 2)
    characters = EncodedCorpus.from_files(write("aéz é"), tokenizer="char", vocab=Vocab(["é", "b"], [2, 1]))
    assert list(characters) == [["é", "é"]]


def distinct(words, counts):
    """Words of one slot, of which no more than two become str at once."""

    def some(ids):
        assert len(ids) <= 2
        return [words[i] for i in ids]

    return DistinctWords(counts, some, [np.arange(len(words), dtype=np.int32)])


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
def test_ties_at_the_cap_in_chunks(limit):
    """The words of the lowest count that still find room are the first by their bytes."""
    sentence = ["f", "b", "e", "z", "z", "a", "c"]
    words = list(dict.fromkeys(sentence))
    counts = np.array([sentence.count(word) for word in words])
    expected = oracle([sentence], 1, limit)
    assert content(EncodedCorpus.from_iter([sentence], min_count=1, max_final_vocab=limit)) == expected
    chosen = eligible(counts, 1, limit)
    if len(chosen) > limit:
        chosen = _without_last_ties(distinct(words, counts), chosen, limit, at_once=2)
    assert sorted(words[i] for i in chosen) == sorted(expected[0])


def test_known_ids_in_chunks():
    vocab = Vocab(["b", "d"], [1, 1])
    found = _known_ids(distinct("abcde", np.ones(5, np.int64)), vocab, at_once=2)
    assert found.tolist() == [-1, 0, -1, 1, -1]
