"""Files that never end, or that nobody writes to: only regular ones are read whole, and reading ends."""

import gzip
import itertools
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from commands import TEXT, fails, python, run

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, KeyedVectors, Vocab, load
from fastsg.io import load_bias, load_counts, load_vectors
from fastsg.system import compression, memory
from fastsg.text import blocks

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there are text.txt and a FIFO."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    os.mkfifo("fifo")


VECTORS = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
READ_WHOLE = {
    "Vocab.load": Vocab.load,
    "load_bias": lambda path: load_bias(path, ["a"]),
    "load_counts": load_counts,
    "load_vectors": load_vectors,
    "load": load,
    "KeyedVectors.load": KeyedVectors.load,
    "load_word2vec_format": KeyedVectors.load_word2vec_format,
    "EncodedCorpus.load": EncodedCorpus.load,
    "CooccurrenceCounts.load": CooccurrenceCounts.load,
    "evaluate_word_pairs": VECTORS.evaluate_word_pairs,
    "evaluate_word_analogies": VECTORS.evaluate_word_analogies,
}


@pytest.mark.parametrize("path", ["fifo", "/dev/zero", "/dev/null", "fifo.gz"])
@pytest.mark.parametrize("read", READ_WHOLE.values(), ids=READ_WHOLE)
@pytest.mark.timeout(20)
def test_only_regular_files_are_read_whole(read, path):
    os.mkfifo("fifo.gz")
    with pytest.raises((OSError, FormatError), match=r"not a regular file|no regular file"):
        read(path)


@pytest.mark.parametrize("number", [0, 5, True, None, 2.5, [], b""])
@pytest.mark.parametrize("read", READ_WHOLE.values(), ids=READ_WHOLE)
def test_an_integer_is_no_path(read, number):
    if number == [] and "evaluate" in getattr(read, "__name__", ""):
        return  # lines, of which there are none
    with open("text.txt", "rb") as file:
        given = file.fileno() if number == 5 else number
        with pytest.raises((TypeError, ValueError)):
            read(given)
        assert file.read(3) == b"the"  # still open, and nothing was read


COMMANDS = [
    "train text.txt -o v.vec --read-vocab {}",
    "train text.txt -o v.vec --init {}",
    "train text.txt -o v.vec --resume {}",
    "train --counts {} -o v.vec",
    "predict v.vec v.vec --bias {} cat",
    "eval v.vec --pairs {}",
    "eval v.vec --analogies {}",
    "convert {} x.vec",
    "info {}",
]


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.timeout(30)
def test_commands(line, capsys):
    run(capsys, "train text.txt -o v.vec --quiet --vector-size 4 --min-count 1 --epochs 1")
    for path in ("fifo", "/dev/zero"):
        assert "regular file" in fails(capsys, line.format(path))


@pytest.mark.timeout(30)
def test_a_corpus_may_be_a_fifo(capsys):
    writer = threading.Thread(target=Path("fifo").write_text, args=[TEXT], daemon=True)
    writer.start()
    assert EncodedCorpus.from_files("fifo", min_count=1).n_tokens == 40 * 13
    writer.join()


# ---- a text that never ends ----


@pytest.mark.parametrize("tokenizer", ["char", "lines"])
def test_reading_ends_before_memory_does(tokenizer):
    """NULs are words of "char", and no end of a line for other tokenizers."""
    how = "'char'" if tokenizer == "char" else "str.split"
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({3 << 29}, {3 << 29}))\n"
        "from fastsg import EncodedCorpus\n"
        f"try: EncodedCorpus.from_files('/dev/zero', tokenizer={how}, workers=1)\n"
        "except MemoryError as error: print(error)"
    )
    done = python("-c", code)
    assert "reading stopped: 0." in done.stdout and "of memory are free" in done.stdout, done.stderr


def test_control_without_the_watch(monkeypatch):
    """Control: nothing else says so before there is none."""
    free = itertools.count(1 << 30, -(1 << 28))
    monkeypatch.setattr(memory, "available", lambda: max(next(free), 0))
    with open("long", "w") as file:
        file.write("a b\n" * 10_000_000)
    with pytest.raises(MemoryError, match="reading stopped"):
        EncodedCorpus.from_files("long", min_count=1)
    monkeypatch.setattr(blocks.Watch, "grown", lambda *args, **kwargs: None)
    assert EncodedCorpus.from_files("long", min_count=1).n_tokens == 20_000_000


def test_a_small_file_holds_no_large_text(monkeypatch):
    with open("bomb.gz", "wb") as file:
        file.write(gzip.compress(b"a b " * 20_000_000))
    assert os.path.getsize("bomb.gz") < 400_000
    with pytest.raises(FormatError, match=r"'bomb\.gz' unpacks to more than 67108864 bytes"):
        EncodedCorpus.from_files("bomb.gz", min_count=1)
    with open("words.gz", "wb") as file:
        file.write(gzip.compress(b"a 1\n" * 20_000_000))
    for read in (Vocab.load, lambda path: load_bias(path, ["a"])):
        with pytest.raises(FormatError, match=r"unpacks to more than 67108864 bytes"):
            read("words.gz")
    monkeypatch.setattr(compression, "_FREE_BYTES", 1 << 30)  # control
    assert EncodedCorpus.from_files("bomb.gz", min_count=1).n_tokens == 40_000_000
