"""Vocab: order of ids, cuts, probabilities, files, messages."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastsg.errors import FormatError
from fastsg.text.vocab import Vocab, _checked_counts

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=6)


def oracle(counts, min_count, limit):
    """Words in order of their ids, in the dumbest way."""
    kept = [(word, n) for word, n in counts.items() if n >= min_count]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0].encode()))[:limit]


@settings(deadline=None)
@given(
    st.dictionaries(WORDS, st.integers(1, 4), min_size=1, max_size=30),
    st.integers(1, 4),
    st.none() | st.integers(1, 12),
)
def test_order_and_cuts(counts, min_count, limit):
    expected = oracle(counts, min_count, limit)
    if not expected:
        with pytest.raises(ValueError, match="the vocabulary is empty"):
            Vocab.from_counts(list(counts), list(counts.values()), min_count=min_count, max_final_vocab=limit)
        return
    vocab = Vocab.from_counts(list(counts), list(counts.values()), min_count=min_count, max_final_vocab=limit)
    assert list(zip(vocab.words, vocab.counts.tolist())) == expected
    assert vocab.index == {word: i for i, (word, _) in enumerate(expected)}
    assert (vocab.raw_types, vocab.raw_tokens) == (len(counts), sum(counts.values()))


def test_ties_go_by_utf8_bytes():
    # As UTF-16 code units, U+1F600 would come before U+FF21; upper case before lower; prefixes first.
    words = ["\U0001f600", "\uff21", "b", "B", "é", "e", "ab", "a"]
    vocab = Vocab.from_counts(words, [5] * len(words))
    assert vocab.words == ["B", "a", "ab", "b", "e", "é", "\uff21", "\U0001f600"]
    assert vocab.words == sorted(words, key=str.encode)


def test_default_min_count_is_5():
    assert Vocab.from_counts(["a", "b"], [5, 4]).words == ["a"]


def test_container():
    vocab = Vocab(["the", "of"], [3, 2])
    assert len(vocab) == 2 and "of" in vocab and "no" not in vocab and None not in vocab
    assert vocab["of"] == 1
    assert vocab.counts.dtype == np.int64
    assert (vocab.raw_types, vocab.raw_tokens) == (2, 5)
    assert repr(vocab) == "<Vocab: 2 words, 5 tokens>"


def test_equality():
    vocab = Vocab(["the", "of"], [3, 2])
    assert vocab == Vocab(["the", "of"], [3, 2])
    assert vocab != Vocab(["the", "of"], [3, 1]) and vocab != Vocab(["the"], [3]) and vocab != ["the", "of"]
    assert copy.deepcopy(vocab) == vocab and pickle.loads(pickle.dumps(vocab)) == vocab
    with pytest.raises(TypeError):
        hash(vocab)


def test_counts_are_a_copy():
    counts = np.array([3, 2])
    vocab = Vocab(["the", "of"], counts)
    counts[0] = 0
    assert vocab.counts[0] == 3


def test_unigram():
    p = Vocab(["a", "b", "c"], [6, 3, 1]).unigram()
    assert p.dtype == np.float64 and p.tolist() == [0.6, 0.3, 0.1]


def test_keep_probabilities_by_hand():
    vocab = Vocab(["a", "b", "c"], [900, 99, 1])
    p = vocab.keep_probabilities(0.01)
    assert p.dtype == np.float64
    assert p == pytest.approx([(0.01 / 0.9) ** 0.5 + 0.01 / 0.9, (0.01 / 0.099) ** 0.5 + 0.01 / 0.099, 1.0])


@pytest.mark.parametrize("sample", [0, 0.0, None])
def test_no_subsampling(sample):
    assert Vocab(["a", "b"], [2, 1]).keep_probabilities(sample).tolist() == [1.0, 1.0]


def test_words_never_seen_are_kept():
    assert Vocab(["a", "b"], [2, 0]).keep_probabilities(1e-3)[1] == 1.0


@pytest.mark.parametrize("sample", [-1e-3, float("nan"), float("inf"), "1e-3", True])
def test_wrong_sample(sample):
    with pytest.raises(ValueError, match=r"sample is .*; allowed are None and finite numbers >= 0"):
        Vocab(["a"], [1]).keep_probabilities(sample)


def test_empty_says_why():
    with pytest.raises(
        ValueError, match="of 3 different words the commonest occurs 4 times, fewer than min_count=5"
    ):
        Vocab.from_counts(["a", "b", "c"], [4, 1, 1])
    with pytest.raises(ValueError, match="of 0 different words"):
        Vocab.from_counts([], [])
    with pytest.raises(ValueError, match="empty"):
        Vocab([], [])
    with pytest.raises(ValueError, match="all its counts are 0"):
        Vocab(["a"], [0])


@pytest.mark.parametrize("name", ["min_count", "max_final_vocab"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True])
def test_wrong_limits(name, value):
    allowed = {"min_count": "integers >= 1", "max_final_vocab": "None and integers >= 1"}[name]
    with pytest.raises(ValueError, match=rf"{name} is .*; allowed are {allowed}$"):
        Vocab.from_counts(["a"], [9], **{name: value})
    with pytest.raises(ValueError, match="min_count is None"):
        Vocab.from_counts(["a"], [9], min_count=None)


@pytest.mark.parametrize(
    "words, counts, error, message",
    [
        (["a", "b"], [1], ValueError, "counts must be 2 integers"),
        (["a"], [1.0], ValueError, "counts must be 1 integers.*float64"),
        (["a"], [[1]], ValueError, r"got shape \(1, 1\)"),
        (["a", "b"], [1, -1], ValueError, "must not be negative; the smallest is -1"),
        (["a", 3], [1, 1], TypeError, "words must be str; got 3 of type int"),
        (["a", b"b"], [1, 1], TypeError, "words must be str"),
        (["a", ""], [1, 1], ValueError, "empty string"),
        (["a", "a"], [1, 1], ValueError, "'a' occurs twice"),
        (["a", "\udc80"], [1, 1], ValueError, "cannot be encoded as UTF-8"),
        (["a", "b"], [1, 2], ValueError, "'b' may not follow 'a'"),
        (["b", "a"], [1, 1], ValueError, "'a' may not follow 'b'"),
    ],
)
def test_wrong_words_and_counts(words, counts, error, message):
    with pytest.raises(error, match=message):
        Vocab(words, counts)


def test_raw_numbers_are_checked():
    with pytest.raises(ValueError, match="raw_types=1 and raw_tokens=9 are below"):
        Vocab(["a", "b"], [1, 1], raw_types=1, raw_tokens=9)


def test_too_many_words_for_ids():
    with pytest.raises(ValueError, match=r"3 words are more than ids can number \(2\)"):
        _checked_counts([3, 2, 1], 3, most_words=2)


# ---- files ----


@settings(deadline=None)
@given(st.dictionaries(WORDS, st.integers(1, 2**62), min_size=1, max_size=10))
def test_round_trip(tmp_path_factory, counts):
    path = tmp_path_factory.getbasetemp() / "v.txt"
    counts = {word: n // len(counts) + 1 for word, n in counts.items()}
    vocab = Vocab.from_counts(list(counts), list(counts.values()), min_count=1)
    vocab.save(path)
    assert Vocab.load(path) == vocab


def test_first_word_may_start_like_a_byte_order_mark(tmp_path):
    vocab = Vocab(["\ufeffa", "b"], [2, 1])
    vocab.save(tmp_path / "v.txt")
    assert Vocab.load(tmp_path / "v.txt") == vocab


def test_bytes_of_the_file(tmp_path):
    Vocab(["the", "naïve", "new york"], [30, 2, 1]).save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes() == "the 30\nnaïve 2\nnew york 1\n".encode()


@pytest.mark.parametrize(
    "data",
    [b"of 2\nthe 3\n", b"the 3\nof 2", b"the 3\r\nof 2\r\n", b"\xef\xbb\xbfthe 3\nof 2\n"],
    ids=["unsorted", "no final newline", "CRLF", "BOM"],
)
def test_load_is_lenient(tmp_path, data):
    (tmp_path / "v.txt").write_bytes(data)
    assert Vocab.load(str(tmp_path / "v.txt")) == Vocab(["the", "of"], [3, 2])


def test_load_word2vec_vocabulary(tmp_path):
    """word2vec.c writes </s> first, whatever its count."""
    (tmp_path / "v.txt").write_bytes(b"</s> 0\nthe 3\nof 2\n")
    assert Vocab.load(tmp_path / "v.txt").words == ["the", "of", "</s>"]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "the file is empty"),
        (b"the 3\nof\n", "line 2: expected 'word count'"),
        (b"the 3\n\nof 2\n", "line 2"),
        (b"the -3\n", "line 1"),
        (b"the 3.0\n", "line 1"),
        (b"the 99999999999999999999\n", "line 1"),
        (b"the " + b"9" * 5000, "line 1"),
        (b" 3\n", "line 1"),
        (b"caf\xe9 3\n", "line 1: the word is not UTF-8"),
        (b"the 3\nthe 2\n", "'the' occurs twice"),
        (b"the 9000000000000000000\nof 9000000000000000000\n", "more than 64 bits hold"),
        (b"the 0\n", "all its counts are 0"),
        (b"\x80\x04\x95\x0b pickle", "line 1"),
    ],
)
def test_load_refuses(tmp_path, data, message):
    path = tmp_path / "v.txt"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        Vocab.load(path)
    assert "v.txt" in str(caught.value)


def test_load_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Vocab.load(tmp_path / "missing")


def test_words_with_line_feeds_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="contains a line feed"):
        Vocab(["a\nb"], [1]).save(tmp_path / "v.txt")
    assert not list(tmp_path.iterdir())


# ---- suggestions ----


@pytest.mark.parametrize(
    "asked, expected",
    [
        ("languge", "language"),
        ("Language", "language"),
        ("paris", "Paris"),
        ("anguage", "language"),
        ("kat", "cat"),
        ("LANGUGE", "language"),
        ("zzzz", None),
        ("", None),
    ],
)
def test_suggest(asked, expected):
    vocab = Vocab(["language", "Paris", "luggage", "cat"], [4, 3, 2, 1])
    assert (vocab.suggest(asked) or [None])[0] == expected


def test_suggest_number():
    vocab = Vocab(["cart", "cast", "cat", "cats", "catty"], [1] * 5)
    assert len(vocab.suggest("catt", n=2)) == 2 and vocab.suggest("cats")[0] != "cats"


def test_unknown_word_names_close_ones():
    vocab = Vocab(["language", "cat"], [2, 1])
    with pytest.raises(
        KeyError, match="'languge' is not among the 2 words of the vocabulary; close words: 'language'"
    ):
        vocab["languge"]
    with pytest.raises(KeyError, match="7 is not among"):
        vocab[7]
