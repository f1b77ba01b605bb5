"""Shares of a text: together they are the text, line by line and number by number, wherever borders fall."""

import bz2
import gzip
import itertools

import numpy as np
import pytest
from containers import resealed

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, Vocab
from fastsg.text import parse_shard, thin
from fastsg.text.growth import joined as joined_texts
from fastsg.text.shards import share_of

#: Lines of every kind: empty, of white space, of unknown words, all line ends, wide characters, no last end.
TRICKY = (
    "the cat\n\n\n \t \u3000\nthe dog ran\r\nnaïve 京都 cat\r\rmac line\rdog\n\nunknown words only\n"
    "the the the the the the the the the\n\r\n\ufeffmarked cat\n\x0b\x0c the\x85dog\u2028cat\nthe end"
)
VOCAB = Vocab(["the", "cat", "dog", "京都", "naïve", "\ufeffmarked", "end"], [9, 8, 7, 3, 2, 2, 1])
READING = {"tokenizer": "space", "errors": "replace", "encoding": "utf-8", "lower": False}


def content(corpus):
    """Each sentence with its number."""
    ends = itertools.pairwise(corpus.offsets.tolist())
    numbers = corpus.sentence_numbers().tolist()
    return [(number, corpus.tokens[a:b].tolist()) for number, (a, b) in zip(numbers, ends, strict=True)]


def shares(paths, n, **options):
    options = {"vocab": VOCAB, "progress": False} | options
    return [EncodedCorpus.from_files(paths, shard=(i, n), **options) for i in range(1, n + 1)]


def joined(parts):
    return [line for part in parts for line in content(part)]


@pytest.fixture
def files(tmp_path, rng):
    """Several files, also empty and compressed ones."""
    tricky = TRICKY.encode()
    texts = {
        "a.txt": b"\xef\xbb\xbf" + tricky,
        "empty.txt": b"",
        "b.txt.gz": gzip.compress(tricky + b"\n"),
        "c.txt": tricky + b"\n",
        "d.txt.bz2": bz2.compress(tricky),
        "long.txt": b"the cat " * 3000 + b"\n" + tricky + b"\r",
        "ends.txt": b"\n\r\n\n",
    }
    for name, data in texts.items():
        (tmp_path / name).write_bytes(data)
    return [str(tmp_path / name) for name in texts]


@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
def test_together_they_are_the_text(files, n, tokenizer):
    options = {"tokenizer": tokenizer}
    if tokenizer == "char":
        options["vocab"] = Vocab(list("thecadog京"), range(9, 0, -1))
    whole = EncodedCorpus.from_files(files, progress=False, **{"vocab": VOCAB} | options)
    parts = shares(files, n, **options)
    assert joined(parts) == content(whole)
    assert [part.shard.number for part in parts] == list(range(1, n + 1))
    assert len({part.shard._replace(number=1) for part in parts}) == 1
    assert sum(part.raw_tokens for part in parts) == whole.raw_tokens


def test_every_border_of_a_small_text(tmp_path):
    (tmp_path / "a").write_bytes(TRICKY.encode())
    (tmp_path / "b").write_bytes(TRICKY.encode())
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    want = content(EncodedCorpus.from_files(paths, vocab=VOCAB, progress=False))
    size = 2 * len(TRICKY.encode())
    for n in (5, size, size + 1):
        assert joined(shares(paths, n)) == want


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "latin-1"])
@pytest.mark.parametrize("lower", [False, True])
def test_other_encodings_belong_whole_to_a_share(tmp_path, encoding, lower):
    for name in "abc":
        (tmp_path / name).write_bytes(TRICKY.replace("ran", "DOG Ran").encode(encoding, "replace"))
    paths = [str(tmp_path / name) for name in "abc"]
    options = {"encoding": encoding, "lower": lower, "vocab": VOCAB, "progress": False}
    whole = EncodedCorpus.from_files(paths, **options)
    for n in (1, 2, 3, 5):
        assert joined(shares(paths, n, **options)) == content(whole)


def test_lower_case_is_shared_out(tmp_path):
    (tmp_path / "a").write_bytes(("ΤΈΛΟΣ the CAT\n" * 50 + TRICKY).encode())
    options = {"lower": True, "vocab": Vocab(["cat", "the", "τέλος"], [9, 8, 7]), "progress": False}
    whole = EncodedCorpus.from_files(str(tmp_path / "a"), **options)
    assert joined(shares(str(tmp_path / "a"), 7, **options)) == content(whole)


def test_a_share_is_thinned_as_the_whole_is(files):
    """The control numbers the lines of each share from 0."""
    keep = np.full(len(VOCAB), 0.5)

    def thinned(corpus, numbers):
        return thin(corpus.tokens, corpus.offsets, keep, 3, 0, numbers)[0].tolist()

    whole = EncodedCorpus.from_files(files, vocab=VOCAB, progress=False)
    parts = shares(files, 7)
    want = thinned(whole, whole.numbers)
    assert [token for part in parts for token in thinned(part, part.numbers)] == want
    assert [token for part in parts for token in thinned(part, None)] != want


def test_numbers_count_empty_lines(tmp_path):
    (tmp_path / "a").write_text("a\n\nb\n\n\n \nc\nd")
    corpus = EncodedCorpus.from_files(str(tmp_path / "a"), min_count=1, progress=False)
    assert corpus.numbers.tolist() == [0, 2, 6, 7] == corpus.sentence_numbers().tolist()
    lists = EncodedCorpus.from_iter([["a"], [], ["b"], [], [], ["?"], ["c"], ["d"]], vocab=corpus.vocab)
    assert content(lists) == content(corpus)
    plain = EncodedCorpus.from_iter([["a"], ["b"]], min_count=1)
    assert plain.numbers is None and plain.sentence_numbers().tolist() == [0, 1]
    corpus.save(tmp_path / "c")
    for mmap in (False, True):
        assert content(EncodedCorpus.load(tmp_path / "c", mmap=mmap)) == content(corpus)


def test_a_file_keeps_lines_and_shard(tmp_path):
    """Else what is joined to a loaded text, and counts of a loaded shard, would be those of another one."""
    lists = [["a"], [], ["b"], [], [], []]
    first, second = (EncodedCorpus.from_iter(lists[:n], min_count=1) for n in (6, 3))
    first.save(tmp_path / "c")
    loaded = EncodedCorpus.load(tmp_path / "c")
    assert loaded.lines == first.lines == 6
    want = [0, 2, 6, 8]
    assert joined_texts(loaded, second).sentence_numbers().tolist() == want
    assert joined_texts(first, second).sentence_numbers().tolist() == want
    (tmp_path / "a").write_text("the cat\n\n" * 9)
    for shard in shares(str(tmp_path / "a"), 3):
        shard.save(tmp_path / "s")
        loaded = EncodedCorpus.load(tmp_path / "s")
        assert loaded.shard == shard.shard and loaded.lines == shard.lines
        assert content(loaded) == content(shard)
    assert shard.lines == EncodedCorpus.from_files(str(tmp_path / "a"), vocab=VOCAB, progress=False).lines
    assert CooccurrenceCounts.from_corpus(loaded).shard == shard.shard


@pytest.mark.parametrize("name, value", [("lines", "1"), ("lines", "x"), ("shard", "{}"), ("shard", "[1]")])
def test_files_that_lie_of_their_lines_are_refused(tmp_path, name, value):
    EncodedCorpus.from_iter([["a"], [], ["b"], []], min_count=1).save(tmp_path / "c")
    data = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(resealed(data))  # control
    assert EncodedCorpus.load(tmp_path / "c").lines == 4
    (tmp_path / "c").write_bytes(
        resealed(data, lambda header, _: header["__metadata__"].update({name: value}))
    )
    with pytest.raises(FormatError, match=f"no encoded corpus of fastsg: .*{name}"):
        EncodedCorpus.load(tmp_path / "c")


def test_a_part_of_a_corpus(tmp_path):
    (tmp_path / "a").write_text("a b\n\nb\nc a\n")
    corpus = EncodedCorpus.from_files(str(tmp_path / "a"), min_count=1, progress=False)
    assert content(corpus.part(1, 3)) == content(corpus)[1:3]
    for start, stop in ((1, 1), (-1, 2), (0, 4)):
        with pytest.raises(ValueError, match=f"start and stop are {start} and {stop}; there are 3 sentences"):
            corpus.part(start, stop)


@pytest.mark.parametrize("numbers", [[0], [1, 1], [-1, 2], [2, 1], [0.0, 1.0]])
def test_numbers_must_rise(numbers):
    with pytest.raises(ValueError, match="numbers must be 2 int64, one a sentence, that rise"):
        EncodedCorpus(np.zeros(2, np.int32), np.arange(3), Vocab(["a"], [1]), np.array(numbers))


def test_an_empty_share_has_a_vocabulary_or_is_refused(tmp_path):
    (tmp_path / "a").write_text("a b\n")
    empty = EncodedCorpus.from_files(
        str(tmp_path / "a"), vocab=Vocab(["a"], [1]), shard=(2, 2), progress=False
    )
    assert empty.n_tokens == len(empty) == 0
    with pytest.raises(ValueError, match="there are no tokens in shard 2 of 2 of "):
        EncodedCorpus.from_files(str(tmp_path / "a"), min_count=1, shard=(2, 2), progress=False)
    with pytest.raises(ValueError, match="the corpus has no tokens"):
        empty.save(tmp_path / "c")


def test_errors_name_the_place_in_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"a b\n" * 10 + b"\xff\n")
    with pytest.raises(ValueError, match="at byte offset 40"):
        EncodedCorpus.from_files(
            str(tmp_path / "a"), vocab=VOCAB, errors="strict", shard=(2, 2), progress=False
        )


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1,), 5, (1, 0), "1/2", (-1, 2)])
def test_no_such_shard(tmp_path, shard):
    (tmp_path / "a").write_text("the cat\n")
    with pytest.raises(ValueError, match="shard"):
        EncodedCorpus.from_files(str(tmp_path / "a"), vocab=VOCAB, shard=shard)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "a/b", "1/2/3", "-1/2", "1/0", "１/２", ""])
def test_no_such_shard_in_words(text):
    with pytest.raises(ValueError, match="shard"):
        parse_shard(text)
    assert parse_shard("3/16") == (3, 16)


def test_only_regular_files_have_shards(tmp_path):
    for path in ("-", "/dev/null", str(tmp_path)):
        with pytest.raises(ValueError, match="it is no regular file, whose size is known"):
            share_of([path], (1, 2), **READING)


def test_a_compressed_file_by_another_name_is_refused_by_every_shard(tmp_path, rng):
    (tmp_path / "a").write_bytes(gzip.compress(rng.bytes(5000) + b"\n" * 5000))
    for i in (1, 2, 3):
        with pytest.raises(ValueError, match="holds gz data, not text"):
            EncodedCorpus.from_files(str(tmp_path / "a"), vocab=VOCAB, shard=(i, 3), progress=False)


def test_the_fingerprint_is_that_of_the_text(files, tmp_path):
    shard = share_of(files, (1, 2), **READING).shard
    assert share_of(files, (1, 2), **READING).shard == shard
    assert share_of(files[::-1], (1, 2), **READING).shard.text != shard.text
    assert share_of(files, (1, 2), **READING | {"lower": True}).shard.reading != shard.reading
    copies = []
    for number, path in enumerate(files):  # names differ from machine to machine
        copies.append(str(tmp_path / f"copy{number}{path[-4:]}"))
        with open(path, "rb") as source, open(copies[-1], "wb") as target:
            target.write(source.read())
    assert share_of(copies, (1, 2), **READING).shard.text == shard.text
    with open(copies[0], "r+b") as file:
        file.write(b"T")
    assert share_of(copies, (1, 2), **READING).shard.text != shard.text


def test_joined_texts_are_numbered_as_one(tmp_path):
    """Where the first ends in empty lines, too; the control forgets these."""
    names = [str(tmp_path / name) for name in "ab"]
    for name in names:
        (tmp_path / name).write_text("\nthe cat\n\nthe dog\n\n\n")
    first, second, both = (
        EncodedCorpus.from_files(files, min_count=1, progress=False) for files in (*names, names)
    )
    assert joined_texts(first, second).sentence_numbers().tolist() == both.numbers.tolist()
    assert both.lines == first.lines + second.lines == 14
    first.lines = int(first.numbers[-1]) + 1
    assert joined_texts(first, second).sentence_numbers().tolist() != both.numbers.tolist()
