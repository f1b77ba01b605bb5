"""fastsg count --shard, vocab --shard and merge: the bytes of the whole, also after kills; what is refused.

FASTSG_SLOW=1 kills counting 50 times.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ROOT, TEXT, fails, run
from containers import resealed

from fastsg import CooccurrenceCounts, FormatError, SkipGram, Vocab
from fastsg.cli import main
from fastsg.system.growing_file import GrowingFile

KILLS = 50 if os.environ.get("FASTSG_SLOW") else 3
LINES = TEXT + "\n\nthe end\r\n \n" + "a dog\n" * 30


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there are text.txt and its words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(LINES, encoding="utf-8", newline="")
    Vocab.from_counts(["the", "a", "cat", "dog", "eats", "end"], [99, 90, 80, 80, 70, 1], min_count=1).save(
        "w"
    )
    return tmp_path


COUNT = "count text.txt --read-vocab w --sample 0.05 --quiet"


def count_shards(capsys, n, flags=""):
    """Count them all; their names."""
    for i in range(1, n + 1):
        run(capsys, f"{COUNT} --shard {i}/{n} -o c.{i} {flags}")
    return [f"c.{i}" for i in range(1, n + 1)]


@pytest.mark.parametrize("flags", ["", "--sample 0", "--ws 1,3 --shrink-windows harmonic --draws 2"])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
def test_merged_shards_are_the_whole(text, capsys, rng, n, flags):
    run(capsys, f"{COUNT} -o whole {flags}")
    names = count_shards(capsys, n, flags)
    for _ in range(5):
        rng.shuffle(names)
        run(capsys, f"merge {' '.join(names)} -o merged --quiet")
        assert (text / "merged").read_bytes() == (text / "whole").read_bytes()
    counts = CooccurrenceCounts.merge(CooccurrenceCounts.load(name) for name in names)
    counts.save("memory")
    assert (text / "memory").read_bytes() == (text / "whole").read_bytes()


def test_shares_without_a_line(text, capsys):
    """More shares than lines: most are empty."""
    (text / "text.txt").write_text("the cat eats\nthe dog eats\n")
    run(capsys, f"{COUNT} -o whole")
    names = count_shards(capsys, 9)
    assert "shard 3 of 9, 6 words, 0 entries" in run(capsys, "verify c.3")
    run(capsys, f"merge {' '.join(names)} -o merged")
    assert (text / "merged").read_bytes() == (text / "whole").read_bytes()


def test_words_of_shards(text, capsys):
    for n in (1, 2, 3, 16):
        names = [f"v.{i}" for i in range(1, n + 1)]
        for i, name in enumerate(names, 1):
            run(capsys, f"vocab text.txt --shard {i}/{n} -o {name} --quiet")
        run(capsys, f"merge {' '.join(names)} -o merged --min-count 2 --max-vocab 6 --quiet")
        run(capsys, "vocab text.txt -o whole --min-count 2 --max-vocab 6 --quiet")
        assert (text / "merged").read_bytes() == (text / "whole").read_bytes()


def test_words_of_a_share_without_a_word(text, capsys):
    (text / "text.txt").write_text("the cat\n")
    run(capsys, "vocab text.txt --shard 2/2 -o v.2")
    assert (text / "v.2").read_bytes() == b""
    assert run(capsys, "vocab text.txt --shard 2/2") == ""
    run(capsys, "vocab text.txt --shard 1/2 -o v.1")
    run(capsys, "merge v.1 v.2 -o v --min-count 1 --quiet")
    assert Vocab.load("v").words == ["cat", "the"]
    assert "vocabulary is empty" in fails(capsys, "merge v.2 -o v")


def test_what_is_needed_is_said_before_it_starts(capsys):
    count_shards(capsys, 2)
    out = run(capsys, f"{COUNT.replace('--quiet', '')} --shard 2/2 -o c.2")
    assert re.match(r"shard 2 of 2, 0\.0 MB of text: at most some [1-9]\d*\.\d\d [KM]iB of memory", out), out
    assert "of disk" in out.splitlines()[0] and "temporary" not in out
    out = run(capsys, f"{COUNT.replace('--quiet', '')} --shard 2/2 -o c.2 --memory-limit 1")
    assert re.search(r"\), and .* of disk \(.* are free\) for temporary files in /", out.splitlines()[0]), out
    out = run(capsys, "merge c.1 c.2 -o all")
    assert out.startswith("merging 2 files: at most some 0.50 GiB of memory (")
    assert re.search(r" and [1-9]\.\d\d KiB of disk \(", out)  # not 0.00 GiB
    assert out.splitlines()[1].startswith("6 words, 19 pairs of words; thinned 19")


# ---- what is refused ----


def test_missing_shards_are_named(capsys):
    names = count_shards(capsys, 5)
    assert "3 of 5 shards are missing: number 1, 2, 5" in fails(capsys, f"merge {names[2]} {names[3]} -o x")


def test_shards_that_come_twice_are_named(text, capsys):
    count_shards(capsys, 2)
    shutil.copy("c.1", "copy")
    assert "'copy' hold shard 1 of 2, and so do 'c.1'" in fails(capsys, "merge c.1 copy c.2 -o x")
    assert "c.1 is given twice" in fails(capsys, "merge c.1 c.2 c.1 -o x")
    assert not (text / "x").exists()


@pytest.mark.parametrize(
    "flags, says",
    [
        ("--window 3", "c.2' have counts of window=[3, 3], the first have window=[5, 5]"),
        ("--seed 2", "seed=2, the first have seed=1"),
        ("--sample 0.06", "thinned counts of sample=0.06, the first have sample=0.05"),
        ("--sample 0", "c.2' differ in having thinned counts"),
        ("--lower", "or read otherwise"),
        ("--tokenizer char", "or read otherwise"),
        ("--read-vocab w2", "another vocabulary than"),
        ("--shard 2/3", "of is 3, not 2"),
        ("--draws 0", "draws=0, the first have draws=3"),
    ],
)
def test_foreign_shards_are_named(text, capsys, flags, says):
    Vocab(["the", "cat"], [99, 98]).save("w2")
    count_shards(capsys, 2)
    run(capsys, f"{COUNT} --shard 2/2 -o c.2 {flags}")
    said = fails(capsys, "merge c.1 c.2 -o x")
    assert says in said and "c.2" in said
    assert not (text / "x").exists()


def test_shards_of_another_text_are_named(text, capsys):
    count_shards(capsys, 2)
    (text / "text.txt").write_text(LINES.replace("cat", "dog"), newline="")
    run(capsys, f"{COUNT} --shard 2/2 -o c.2")
    assert "'c.2' hold shard 2 of 2 of another text" in fails(capsys, "merge c.1 c.2 -o x")


def test_what_is_no_shard_is_named(text, capsys):
    count_shards(capsys, 2)
    run(capsys, f"{COUNT} -o whole")
    assert "one is a shard, the other is not" in fails(capsys, "merge c.1 whole -o x")
    assert "of different kinds" in fails(capsys, "merge c.1 w -o x")
    assert "--min-count is for words" in fails(capsys, "merge c.1 c.2 -o x --min-count 2")
    assert "text.txt" in fails(capsys, "merge text.txt -o x")
    assert "missing" in fails(capsys, "merge missing -o x")
    assert "same file" in fails(capsys, "merge c.1 c.2 -o c.2")
    assert "the counts are shard 1 of 2 of a text" in fails(capsys, "train --counts c.1 -o v.vec")
    with pytest.raises(ValueError, match="merge all of them first"):
        SkipGram(vector_size=2).fit_counts(CooccurrenceCounts.load("c.1"))


def test_damaged_shards_are_named(text, capsys):
    count_shards(capsys, 2)
    data = bytearray((text / "c.2").read_bytes())
    data[-200] ^= 1
    (text / "c.2").write_bytes(data)
    assert "'c.2' is no file of counts" in fails(capsys, "merge c.1 c.2 -o x")
    with pytest.raises(FormatError):
        CooccurrenceCounts.load("c.2")


def _with(name, at, value, dtype):
    """A change of a value of a tensor."""

    def change(header, tensors):
        array = np.frombuffer(tensors[name], dtype).copy()
        array[at] = value
        tensors[name] = array.tobytes()

    return change


def _shorter(header, tensors):
    """row_ptr without its last value; what follows moves up."""
    tensors["row_ptr"] = tensors["row_ptr"][:-8]
    header["row_ptr"]["shape"][0] -= 1
    start = header["row_ptr"]["data_offsets"][0]
    for entry in list(header.values())[1:]:
        entry["data_offsets"] = [at - 8 * (at > start) for at in entry["data_offsets"]]


@pytest.mark.parametrize("prefix", ["", "thinned_"])
@pytest.mark.parametrize(
    "name, at, value, dtype, says",
    [
        ("contexts", 0, 2 * 10**9, np.int32, "contexts[0] is 2000000000; the vocabulary has ids 0 to 5"),
        ("contexts", -1, -2 * 10**8, np.int32, "is -200000000; the vocabulary has ids 0 to 5"),
        ("row_ptr", 1, -(10**12), np.int64, "row_ptr must rise from 0"),
        ("row_ptr", 1, 10**12, np.int64, "row_ptr must rise from 0"),
        ("row_ptr", -1, 1, np.int64, "row_ptr must rise from 0"),
        ("counts", 0, np.nan, np.float32, "counts[0] is nan; counts must be finite"),
    ],
)
def test_lying_shards_are_named(text, capsys, prefix, name, at, value, dtype, says):
    """Their checksums are right: anybody can write them. Some of these once ended the process."""
    count_shards(capsys, 2)
    path = text / "c.2"
    path.write_bytes(resealed(path.read_bytes(), _with(prefix + name, at, value, dtype)))
    said = fails(capsys, "merge c.1 c.2 -o x")
    assert "'c.2' is no file of counts" in said and says in said
    assert not (text / "x").exists()


def test_rows_that_are_too_few_are_named(text, capsys):
    count_shards(capsys, 2)
    path = text / "c.2"
    path.write_bytes(resealed(path.read_bytes()))  # control
    run(capsys, "merge c.1 c.2 -o x --quiet")
    path.write_bytes(resealed(path.read_bytes(), _shorter))
    said = fails(capsys, "merge c.1 c.2 -o x")
    assert "'c.2' is no file of counts" in said and "in 7 values" in said


@pytest.mark.parametrize(
    "line, says",
    [
        ("count text.txt --shard 1/2 -o x", "--shard needs --read-vocab"),
        ("count text.txt - --read-vocab w --shard 1/2 -o x", "no regular file"),
        ("count ids --shard 1/2 -o x --read-vocab w", "ids is an encoded corpus"),
        ("vocab text.txt --shard 1/2 --min-count 2", "--min-count and --shard exclude each other"),
        ("vocab text.txt --shard 1/2 --read-vocab w", "--read-vocab and --shard exclude each other"),
    ],
)
def test_what_excludes_a_shard(capsys, line, says):
    run(capsys, "encode text.txt -o ids --min-count 1 --quiet")
    assert says in fails(capsys, line)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1"])
def test_no_such_shard(capsys, shard):
    with pytest.raises(SystemExit):
        main(["count", "text.txt", "--read-vocab", "w", "-o", "x", "--shard", shard])
    assert "shard" in capsys.readouterr().err


def test_a_full_disk_names_what_could_not_be_written(text, capsys, monkeypatch):
    count_shards(capsys, 2)
    (text / "merged").write_text("of before")

    def full(self, *parts):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GrowingFile, "append", full)
    assert "merged" in fails(capsys, "merge c.1 c.2 -o merged")
    assert (text / "merged").read_text() == "of before"


# ---- killed ----


def test_killed_shards_are_counted_again(text, capsys, rng):
    """Processes die by SIGKILL at any moment, also while they write; what they leave is whole or nothing."""
    (text / "text.txt").write_text(LINES * 200, newline="")
    run(capsys, f"{COUNT} -o whole")
    n, kills = 4, 0
    while kills < KILLS:
        i = int(rng.integers(1, n + 1))
        command = [sys.executable, "-m", "fastsg", *COUNT.split(), "--shard", f"{i}/{n}", "-o", f"c.{i}"]
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
        time.sleep(rng.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    found = [name for name in (f"c.{i}" for i in range(1, n + 1)) if (text / name).exists()]
    for name in found:
        CooccurrenceCounts.load(name)
    for i in range(1, n + 1):
        if f"c.{i}" not in found:
            run(capsys, f"{COUNT} --shard {i}/{n} -o c.{i}")
    run(capsys, f"merge {' '.join(f'c.{i}' for i in range(1, n + 1))} -o merged --quiet")
    assert (text / "merged").read_bytes() == (text / "whole").read_bytes()
