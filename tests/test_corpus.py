"""EncodedCorpus: the class, its files, what it does to the process, corpora that are known."""

import importlib.util
import lzma
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import DATA, NO_DATA, slow
from containers import sealed, taken_apart
from safetensors import safe_open
from texts import content, oracle, oracle_lines, writer

from fastsg.errors import FormatError
from fastsg.text.corpus import EncodedCorpus
from fastsg.text.vocab import Vocab


@pytest.fixture
def write(tmp_path):
    return writer(tmp_path)


# ---- the class ----


def test_members():
    corpus = EncodedCorpus.from_iter([["a", "b", "a"], [], ["rare"], ["b", "a"]], min_count=2)
    assert corpus.tokens.dtype == np.int32 and corpus.offsets.dtype == np.int64
    assert (len(corpus), corpus.n_tokens, corpus.raw_tokens, corpus.invalid_bytes_replaced) == (2, 5, 6, 0)
    assert list(corpus) == [["a", "b", "a"], ["b", "a"]]
    assert repr(corpus) == "<EncodedCorpus: 2 sentences, 5 tokens, 2 words>"


def test_read_only_arrays():
    tokens, offsets = np.zeros(3, np.int32), np.array([0, 1, 3])
    tokens.setflags(write=False)
    offsets.setflags(write=False)
    corpus = EncodedCorpus(tokens, offsets, Vocab(["a"], [3]))
    assert corpus.tokens is tokens and list(corpus) == [["a"], ["a", "a"]]


GOOD = np.array([0, 1, 0], np.int32)


@pytest.mark.parametrize(
    "tokens, offsets, message",
    [
        ([0, 1], [0, 2], "tokens must be a NumPy array, got list"),
        (GOOD.astype(np.int64), np.array([0, 3]), "tokens must be a contiguous array .* of int64"),
        (np.zeros(6, np.int32)[::2], np.array([0, 3]), "not contiguous"),
        (GOOD.reshape(1, 3), np.array([0, 3]), r"shape \(1, 3\)"),
        (GOOD, np.array([0, 3], np.int32), "offsets must be a contiguous array"),
        (GOOD, [0, 3], "offsets must be a NumPy array"),
        (GOOD[:0], np.array([0]), "no tokens"),
        (GOOD, np.array([0]), "offsets must rise strictly from 0 to the number of tokens, 3"),
        (GOOD, np.array([0, 2]), "offsets must rise"),
        (GOOD, np.array([1, 3]), "offsets must rise"),
        (GOOD, np.array([0, 2, 2, 3]), "offsets must rise"),
        (GOOD, np.array([0, 4, 3]), "offsets must rise"),
        (GOOD + 1, np.array([0, 3]), "tokens holds ids from 1 to 2; the vocabulary has 0 to 1"),
        (GOOD - 1, np.array([0, 3]), "tokens holds ids from -1 to 0"),
    ],
)
def test_wrong_arrays(tokens, offsets, message):
    with pytest.raises((TypeError, ValueError), match=message):
        EncodedCorpus(tokens, offsets, Vocab(["a", "b"], [2, 1]))
    with pytest.raises(TypeError, match="vocab must be a Vocab"):
        EncodedCorpus(GOOD, np.array([0, 3]), ["a", "b"])


# ---- files of the class ----


@pytest.fixture
def corpus():
    return EncodedCorpus.from_iter(
        [["the", "naïve", "the"], ["爱", "the", "new york"], ["rare"]] * 3 + [["once"]], min_count=2
    )


@pytest.mark.parametrize("mmap", [False, True])
def test_save_and_load(corpus, tmp_path, mmap):
    path = tmp_path / "c.safetensors"
    corpus.save(path)
    again = EncodedCorpus.load(path, mmap=mmap)
    assert content(again) == content(corpus) and again.vocab == corpus.vocab
    assert (again.vocab.raw_types, again.vocab.raw_tokens) == (
        corpus.vocab.raw_types,
        corpus.vocab.raw_tokens,
    )
    assert (again.raw_tokens, again.invalid_bytes_replaced) == (corpus.raw_tokens, 0)
    assert again.tokens.flags.writeable is not mmap and type(again.tokens) is np.ndarray
    again.save(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == path.read_bytes()


def test_the_library_reads_our_files(corpus, tmp_path):
    corpus.save(tmp_path / "c")
    with safe_open(tmp_path / "c", "np") as file:
        assert sorted(file.keys()) == ["checksums", "counts", "offsets", "tokens", "word_offsets", "words"]
        assert file.metadata()["raw_types"] == "6" and file.metadata()["format"] == "fastsg-corpus"
        assert (file.get_tensor("tokens") == corpus.tokens).all() and (
            file.get_tensor("offsets") == corpus.offsets
        ).all()
        assert file.get_tensor("words").tobytes() == "".join(corpus.vocab.words).encode()


def reseal(good, change):
    """The file with another header, and the checksums that go with it."""
    header, tensors = taken_apart(good)
    body = b"".join(tensors.values())
    header = change(header) or header
    if isinstance(header, bytes):
        return len(header).to_bytes(8, "little") + header + body
    return sealed(header, body)


def setter(tensor, key, value):
    return lambda header: header[tensor].__setitem__(key, value)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h: h.pop("tokens") and None, "it holds"),
        (lambda h: h.__setitem__("extra", h["tokens"]), "it holds"),
        (lambda h: h["__metadata__"].__setitem__("format", "other"), "does not say format="),
        (lambda h: h["__metadata__"].__setitem__("format_version", "4"), "its version is '4'"),
        (lambda h: h["__metadata__"].__setitem__("raw_types", "-1"), "its header has raw_types='-1'"),
        (lambda h: h["__metadata__"].pop("raw_tokens") and None, "its header has raw_tokens=None"),
        (lambda h: h["__metadata__"].__setitem__("raw_types", "1"), "are below"),
        (lambda h: h.pop("__metadata__") and None, "does not say format="),
        (setter("tokens", "dtype", "F32"), "do not agree"),
        (setter("tokens", "shape", [2**62]), "do not agree"),
        (setter("tokens", "shape", [-1]), "do not agree"),
        (setter("tokens", "shape", [7, 1]), "describes tokens in an unknown way"),
        (setter("tokens", "shape", 7), "in an unknown way"),
        (setter("tokens", "more", 7), "in an unknown way"),
        (setter("tokens", "data_offsets", [0, 2**63]), "do not agree"),
        (lambda h: b"[" * 100_000, "its header is not valid"),
        (lambda h: b"[1]", "does not say format="),
        (lambda h: b'{"a":1,"a":2}', "a key occurs twice"),
        (lambda h: b"\xff{}", "its header is not valid"),
    ],
)
def test_lying_headers(corpus, tmp_path, change, message):
    corpus.save(tmp_path / "c")
    (tmp_path / "c").write_bytes(reseal((tmp_path / "c").read_bytes(), change))
    with pytest.raises(FormatError, match=message):
        EncodedCorpus.load(tmp_path / "c")


def test_load_refuses_other_files(tmp_path, write):
    for data in (
        b"",
        b"\x80\x04\x95\x0b pickle of something",
        b"the of and\n" * 50,
        b"\xff" * 100,
        (2**63).to_bytes(8, "little"),
    ):
        with pytest.raises(FormatError, match=r"a\.txt' is no encoded corpus"):
            EncodedCorpus.load(write(data))
    with pytest.raises(FileNotFoundError):
        EncodedCorpus.load(tmp_path / "missing")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FormatError, match="no regular file"):
        EncodedCorpus.load(tmp_path / "fifo")
    with pytest.raises(IsADirectoryError):
        EncodedCorpus.load(tmp_path)


def test_trailing_bytes_are_refused(corpus, tmp_path):
    corpus.save(tmp_path / "c")
    with open(tmp_path / "c", "ab") as file:
        file.write(b"x")
    with pytest.raises(FormatError, match="its header describes"):
        EncodedCorpus.load(tmp_path / "c")


# ---- behaviour of the process ----


def test_progress_bar(write, capsys):
    path = write("the of and\n" * 100)
    EncodedCorpus.from_files(path, progress=True)
    assert "reading" in capsys.readouterr().err
    EncodedCorpus.from_iter([["a"] * 5], progress=True)
    assert "sentences" in capsys.readouterr().err
    EncodedCorpus.from_files(path)
    EncodedCorpus.from_files(path, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt(workers):
    """Ctrl-C while standard input is silent, and while there is much to do."""
    code = f"""
import sys
from fastsg.text.corpus import EncodedCorpus
print("ready", flush=True)
try:
    EncodedCorpus.from_files("-", workers={workers})
except KeyboardInterrupt:
    print("stopped")
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"ready\n"
        child.stdin.write(b"the of and\n" * 300_000)
        child.stdin.flush()
        start = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 0
        assert time.perf_counter() - start < 5
        assert child.stdout.read() == b"stopped\n"
    finally:
        child.kill()
        child.communicate()


def test_two_readers_at_once(write, rng):
    paths = [write(" ".join(f"w{k}" for k in rng.integers(0, 500, 20_000)), str(i)) for i in range(2)]
    alone = [content(EncodedCorpus.from_files(path)) for path in paths]
    together = [None, None]

    def read(i):
        together[i] = content(EncodedCorpus.from_files(paths[i], workers=2, _block_bytes=1000))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


MEMORY = """
import os, resource, sys
import numpy as np
from fastsg.text.corpus import EncodedCorpus
EncodedCorpus.from_iter([["a"] * 5])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
corpus = EncodedCorpus.from_files(sys.argv[1], workers=2)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(grown - corpus.tokens.nbytes - corpus.offsets.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("space", [" ", "\n"], ids=["one line", "a word a line"])
def test_memory_is_tokens_once(tmp_path, space):
    """60 MB of text: tokens and offsets once, little vocabulary, and at most 64 MB."""
    path = tmp_path / "big"
    path.write_bytes(space.join(f"word{i % 5000}" for i in range(500_000)).encode() * 12)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert int(done.stdout) < 64 << 20, done.stderr


# ---- corpora ----


EXPECTED_ERRORS = {
    "corpus_empty.txt": "there are no tokens",
    "corpus_blank_lines.txt": "there are no tokens",
    "corpus_one_word.txt": "fewer than min_count=5",
    "corpus_all_rare.txt": "of 5000 different words the commonest occurs 1 times, fewer than min_count=5",
    "corpus_long_token.txt": "the word at byte offset 0 is longer than max_word_bytes=4096",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Runs the script that writes broken files; skipped where it is absent."""
    script = DATA / "hostile" / "make_hostile.py"
    if not script.is_file():
        pytest.skip(NO_DATA)
    folder = tmp_path_factory.mktemp("hostile") / "x"
    folder.mkdir()
    copy = folder / script.name
    copy.write_bytes(script.read_bytes())
    spec = importlib.util.spec_from_file_location("make_hostile", copy)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return folder / "made"


def test_hostile_corpora(hostile):
    paths = sorted(hostile.glob("corpus_*"))
    assert len(paths) == 16
    for path in paths:
        for workers, block_bytes in ((1, 1 << 20), (3, 100)):
            options = {"workers": workers, "_block_bytes": block_bytes}
            if path.name in EXPECTED_ERRORS:
                with pytest.raises(ValueError, match=EXPECTED_ERRORS[path.name]):
                    EncodedCorpus.from_files(path, **options)
                continue
            sentences = [line.split() for line in oracle_lines(path.read_bytes(), "replace")]
            corpus = EncodedCorpus.from_files(path, **options)
            assert content(corpus) == oracle(sentences, 5), path.name


def test_hostile_details(hostile):
    def words(name, **options):
        return EncodedCorpus.from_files(hostile / name, **options).vocab.words

    assert words("corpus_bom.txt") == ["and", "of", "the"]
    assert "\u200b" in words("corpus_zero_width.txt") and "\ufeff" in words("corpus_zero_width.txt")
    assert words("corpus_ideographic_space.txt") == ["北京", "天安门", "我", "爱"]
    assert "</s>" in words("corpus_special_tokens.txt")
    assert "x" * 1_000_000 in words("corpus_long_token.txt", max_word_bytes=1_000_000, min_count=1)
    with pytest.raises(ValueError, match=r"invalid UTF-8 at byte offset 3 \(bytes e9\)"):
        words("corpus_bad_utf8.txt", errors="strict")
    with pytest.raises(ValueError, match=r"invalid UTF-8 at byte offset 40003 \(bytes c3\)"):
        words("corpus_trunc_utf8.txt", errors="strict")
    for other in ("trunc.txt.gz", "txt_named_gz.txt.gz"):
        with pytest.raises(OSError, match=other):
            words(other)
    with pytest.raises(ValueError, match="holds gz data"):
        words("gz_named_txt.txt")


def test_known_counts_wikitext2(data):
    path = data / "corpora_en" / "wikitext2.train.txt.xz"
    corpus = EncodedCorpus.from_files(path)
    assert (corpus.raw_tokens, corpus.vocab.raw_types, len(corpus.vocab)) == (2_051_910, 33_277, 23_379)
    with lzma.open(path, "rt", encoding="utf-8") as file:
        assert content(corpus) == oracle([line.split() for line in file.read().split("\n")], 5)


def test_known_counts_poems(data):
    corpus = EncodedCorpus.from_files(data / "corpora_zh" / "poems_tang.chars.xz", min_count=1)
    assert (corpus.raw_tokens, len(corpus.vocab)) == (3_667_171, 9_168)
    assert (corpus.vocab.counts >= 5).sum() == 6_047


@slow
@pytest.mark.parametrize(
    "name, expected",
    [
        ("corpora_en/enwiki15a.text8fmt.xz", (16_908_100, 221_303, 67_965)),
        ("corpora_zh/zhwiki16a.seg.xz", (11_970_563, 405_867, 102_014)),
    ],
)
def test_known_counts_of_large_corpora(data, name, expected):
    corpus = EncodedCorpus.from_files(data / name)
    assert (corpus.raw_tokens, corpus.vocab.raw_types, len(corpus.vocab)) == expected
