"""Texts that are hard to read, and what Python's own split, decode, Counter and sort make of them."""

import io
import itertools
from collections import Counter

from hypothesis import strategies as st

from fastsg import _text

#: White space as ``str.split()`` sees it.
SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
WIDE_SPACES = [c for c in SPACES if c > "\x7f"]
LETTERS = "ab\0é爱\U0001f600\u200b\ufeff"
PIECES = st.sampled_from(
    [*SPACES, *LETTERS, *LETTERS, "\n", "\r", "\r\n", "word", "longer-than-fifteen-bytes", "abcdefgh"]
)
TEXT = st.lists(PIECES, max_size=60).map("".join)
# Bytes that make valid, almost valid and invalid sequences likely.
_PARTS = (b"a", b"b ", b" ", b"\n", b"\r", b"\r\n", b"\0", b"\x80", b"\xbf", b"\xc2", b"\xe2", b"\xe2\x80")
_PARTS += (b"\xed\xa0\x80", b"\xf4\x90", b"\xf0\x9f", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xef\xbf\xbd", b"\xff")
HOSTILE_BYTES = st.lists(
    st.sampled_from([*_PARTS, *(c.encode() for c in ["é", "\U0001f600", *WIDE_SPACES])]), max_size=60
).map(b"".join)


def padded(data):
    """The bytes as the compiled functions want them: with room behind."""
    return bytearray(data + b" " * _text.PAD)


def writer(folder):
    """A function that writes bytes or text to a file of the folder, and gives its path."""

    def write(data, name="a.txt"):
        path = folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def oracle_lines(data, errors="strict"):
    """What a text file's lines are to Python."""
    return (
        io.TextIOWrapper(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), encoding="utf-8", errors=errors)
        .read()
        .split("\n")
    )


def oracle(sentences, min_count=1, limit=None):
    """Words, counts and sentences of ids, in the dumbest way."""
    sentences = [list(sentence) for sentence in sentences]
    counts = Counter(token for sentence in sentences for token in sentence)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))
    ranked = [pair for pair in ranked if pair[1] >= min_count][:limit]
    words = [word for word, _ in ranked]
    index = {word: i for i, word in enumerate(words)}
    encoded = [[index[token] for token in sentence if token in index] for sentence in sentences]
    return words, [n for _, n in ranked], [sentence for sentence in encoded if sentence]


def content(corpus):
    """The same three of a corpus."""
    bounds = corpus.offsets.tolist()
    encoded = [corpus.tokens[a:b].tolist() for a, b in itertools.pairwise(bounds)]
    return corpus.vocab.words, corpus.vocab.counts.tolist(), encoded
