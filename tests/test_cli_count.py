"""fastsg count, and fastsg train --counts: the same vectors as from the text, and what excludes what."""

import json
import tempfile

import numpy as np
import pytest
from commands import TEXT, fails, python, run
from containers import taken_apart, unsealed

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab
from fastsg.cli import main, parse
from fastsg.io.word2vec import load_word2vec

SMALL = "--vector-size 8 --epochs 3 --batch-size 3 --quiet"


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there is text.txt."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text.txt"
    path.write_text(TEXT + "the end\n", encoding="utf-8")
    return path


def count(capsys, flags="", output="c"):
    """Count text.txt."""
    run(capsys, f"count text.txt -o {output} --min-count 2 --quiet {flags}")


# ---- counting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags, options",
    [
        ("", {}),
        ("--window 2,1 --shrink-windows false", {"window": (2, 1), "shrink_windows": False}),
        ("--ws none", {"window": None}),
        ("-t 0.05 --draws 2 --seed 7", {"sample": 0.05, "draws": 2, "seed": 7}),
        (
            "--sample 0.05 --draws 0 --shrink-windows harmonic",
            {"sample": 0.05, "draws": 0, "shrink_windows": "harmonic"},
        ),
        ("--sample 0 --memory-limit 0 --threads 2 --shrink-windows true", {"shrink_windows": True}),
    ],
    ids=str,
)
def test_flags_mean_what_for_training_means(text, capsys, flags, options):
    count(capsys, flags)
    corpus = EncodedCorpus.from_files(str(text), min_count=2)
    want = CooccurrenceCounts.for_training(corpus, **{"sample": 10 / len(corpus.vocab)} | options)
    got = CooccurrenceCounts.load("c")
    assert got.vocab == corpus.vocab and "end" not in got.vocab
    assert (got.thinned is None) == (want.thinned is None) == ("sample" not in options)
    for name in ("row_ptr", "contexts", "counts"):
        assert getattr(got, name).tobytes() == getattr(want, name).tobytes()
        assert getattr(got.start, name).tobytes() == getattr(want.start, name).tobytes()


def test_a_limit_changes_no_byte(text, tmp_path, capsys, monkeypatch):
    """From text, several texts or an encoded corpus, which is mapped; the files are where TMPDIR says."""
    run(capsys, "encode text.txt -o ids --min-count 2 --quiet")
    monkeypatch.setattr("fastsg.cooccurrence.pieces.LEAST_PIECE", 0)
    monkeypatch.setattr("fastsg.cooccurrence.pieces._PIECE_OF_A_WORD", 0)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    for name in "ab":
        (tmp_path / name).write_text(TEXT)
    folders = watched_folders(monkeypatch)
    for given in ("text.txt --min-count 2", "a b --min-count 2", "ids"):
        run(capsys, f"count {given} -o want --sample 0.05 --quiet")
        for limit in ("0", "1e-6", "1"):
            run(capsys, f"count {given} -o got --sample 0.05 --quiet --memory-limit {limit}")
            assert (tmp_path / "got").read_bytes() == (tmp_path / "want").read_bytes()
    assert len(folders) > 20 and set(folders) == {str(tmp_path / "temporary")}


def watched_folders(monkeypatch):
    """The folders of the temporary files that are made from now on, one for each."""
    folders, make = [], tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: (folders.append(dir), make(dir=dir))[1])
    return folders


def test_a_limit_changes_no_byte_of_standard_input_or_shards(text, tmp_path, capsys):
    count(capsys, "--sample 0.05", output="want")
    want = (tmp_path / "want").read_bytes()
    flags = "--sample 0.05 --quiet --memory-limit 0"
    command = ["-m", "fastsg", "count", "-", "-o", "got", "--min-count", "2", *flags.split()]
    done = python(*command, folder=tmp_path, input=text.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == want
    run(capsys, "vocab text.txt -o words --min-count 2")
    run(capsys, f"count text.txt --read-vocab words -o whole {flags}")
    for number in (1, 2):
        run(capsys, f"count text.txt --read-vocab words --shard {number}/2 -o part.{number} {flags}")
    run(capsys, "merge part.1 part.2 -o merged --quiet")
    assert (tmp_path / "merged").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_damaged_corpus_is_not_counted(tmp_path, capsys):
    """Mapped or not; one of before there were checksums is."""
    run(capsys, "encode text.txt -o ids --min-count 2 --quiet")
    good = (tmp_path / "ids").read_bytes()
    tokens = taken_apart(good)[1]["tokens"]
    other = (np.frombuffer(tokens, np.int32) + 1) % 3
    (tmp_path / "ids").write_bytes(good.replace(tokens, other.astype(np.int32).tobytes()))
    for limit in ("", "--memory-limit 0"):
        assert "the bytes of tokens are damaged" in fails(capsys, f"count ids -o c --quiet {limit}")
    (tmp_path / "ids").write_bytes(unsealed(good))
    run(capsys, "count ids -o c --quiet --memory-limit 0")


def test_a_folder_that_is_none_is_refused_before_the_text_is_read(capsys, monkeypatch):
    monkeypatch.setenv("TMPDIR", "nowhere")
    says = "TMPDIR is 'nowhere'; it must name a folder to write in"
    assert says in fails(capsys, "count text.txt -o c --quiet --memory-limit 0")
    count(capsys)


def test_vocabulary_flags(tmp_path, capsys):
    run(capsys, "count text.txt -o c --max-vocab 3 --quiet")
    assert CooccurrenceCounts.load("c").K == 3
    Vocab(["dog", "cat", "unseen"], [9, 8, 1]).save("vocab")
    run(capsys, "count text.txt -o c --read-vocab vocab --quiet")
    assert CooccurrenceCounts.load("c").vocab.words == ["dog", "cat", "unseen"]
    (tmp_path / "zh").write_text("春眠不觉晓\n" * 9, encoding="utf-8")
    run(capsys, "count zh -o c --tokenizer char --quiet")
    assert set(CooccurrenceCounts.load("c").vocab.words) == set("春眠不觉晓")


def test_summary(capsys):
    out = run(capsys, "count text.txt -o c --min-count 2 --sample 0")
    counts = CooccurrenceCounts.load("c")
    assert f"{counts.K} words, 521 tokens, {counts.nnz} pairs of words, {counts.total:,.0f} pairs" in out
    assert "seconds" in out and "thinned" not in out
    assert run(capsys, "count text.txt -o c --quiet") == ""
    out = run(capsys, "count text.txt -o c --min-count 2 --sample 0.05")
    thinned = CooccurrenceCounts.load("c").thinned
    assert f"; thinned {thinned.nnz} and {thinned.total:,.0f}\n" in out


def test_standard_input(text, tmp_path, capsys):
    run(capsys, "count text.txt -o a --quiet")
    command = ["-m", "fastsg", "count", "-", "-o", "b", "--quiet"]
    done = python(*command, folder=tmp_path, input=text.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "content, flags, says",
    [
        (None, "", "missing.txt"),
        ("", "", "no token"),
        ("a b c", "", "min_count=5"),
        ("a b a b", "--min-count 1 --window 0", "window is 0"),
        ("a b a b", "--min-count 1 --draws -1", "draws is -1"),
        (
            "a b a b",
            "--min-count 1 --window none --shrink-windows harmonic",
            "shrink_windows is 'harmonic'",
        ),
        ("a b a b", "--min-count 1 --sample -1", "sample"),
        ("a b a b", "--min-count 1 --workers 0", "workers"),
        ("a b", "--read-vocab nowhere", "nowhere"),
        ("a b", "--min-count 1 --read-vocab v", "--read-vocab and --min-count exclude each other"),
        ("a\nb\n", "--min-count 1", "no pairs"),
    ],
)
def test_bad_input_is_one_line(content, flags, says, tmp_path, capsys):
    if content is not None:
        (tmp_path / "missing.txt").write_text(content)
    assert says in fails(capsys, f"count missing.txt -o c --quiet {flags}")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "flags, message",
    [
        ("--seed -1", "seed is -1; it must be an integer from 0"),
        ("--draws -1", "draws is -1"),
        ("--memory-limit nan", "--memory-limit is nan; it must be a number of GB, 0 or more"),
        ("--memory-limit -1", "--memory-limit is -1"),
    ],
)
def test_count_refuses(capsys, flags, message):
    assert message in fails(capsys, f"count text.txt -o c --min-count 2 {flags}")


@pytest.mark.parametrize(
    "flags, says",
    [
        ("-o no/c", "--output"),
        ("-o -", "--output is '-', which is not a file"),
        ("-o c --memory-limit -1", "--memory-limit"),
    ],
)
def test_what_is_refused_before_the_text_is_read(tmp_path, capsys, flags, says):
    assert says in fails(capsys, f"count missing {flags}")
    assert not (tmp_path / "-").exists()


def test_the_text_is_not_overwritten_by_its_counts(text, tmp_path, capsys):
    vocab = tmp_path / "vocab"
    Vocab(["dog", "cat"], [9, 8]).save(vocab)
    for path in (text, vocab):
        before = path.read_bytes()
        said = fails(capsys, f"count text.txt -o {path.name} --read-vocab vocab --quiet")
        assert "--output" in said and "same file" in said and path.read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        "count",
        "count text",
        "count text -o c --window x",
        "count text -o c --draws few",
        "count text -o c --shrink-windows maybe",
    ],
)
def test_usage_errors_exit_2(line):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2


def test_defaults_are_those_of_train():
    counting, training = parse(["count", "x", "-o", "c"]), parse(["train", "x"])
    shared = "window shrink_windows min_count max_final_vocab sample draws seed tokenizer errors workers"
    for name in shared.split():
        assert getattr(counting, name) == getattr(training, name), name


# ---- training on them ------------------------------------------------------------------------------------

COUNTED = [
    "",
    "--sample 0.05",
    "--sample 0.05 --draws 0",
    "--window 1,3 --shrink-windows false",
    "--sample 0",
]
TRAINED = {
    "default": ("", {}),
    "no bias": ("--output-bias none", {"output_bias": None}),
    "adagrad": (
        "--optimizer adagrad --init random --vectors sum",
        {"optimizer": "adagrad", "init": "random", "vectors": "sum"},
    ),
}


@pytest.mark.parametrize("trained", [flags for flags, _ in TRAINED.values()], ids=TRAINED)
@pytest.mark.parametrize("flags", COUNTED, ids=str)
def test_counts_give_the_vectors_of_the_text(capsys, flags, trained):
    """Byte for byte, the bias included: counts of a text know its words' frequencies."""
    count(capsys, flags)
    run(capsys, f"train --counts c -o a.bin --save-output ao.bin {SMALL} {trained}")
    run(capsys, f"train text.txt -o b.bin --save-output bo.bin --min-count 2 {SMALL} {flags} {trained}")
    for a, b in (("a.bin", "b.bin"), ("ao.bin", "bo.bin")):
        (words, X), (same, Y) = load_word2vec(a), load_word2vec(b)
        assert words == same and X.tobytes() == Y.tobytes()


@pytest.mark.parametrize("trained, options", TRAINED.values(), ids=TRAINED)
def test_a_file_of_counts_is_fit_counts(tmp_path, capsys, trained, options):
    count(capsys, "--sample 0.05")
    run(capsys, f"train --counts c -o v.bin --report r --json-log log --save-model m {SMALL} {trained}")
    model = SkipGram(vector_size=8, epochs=3, batch_size=3, progress=False, **options)
    model.fit_counts(CooccurrenceCounts.load("c"))
    words, X = load_word2vec("v.bin")
    assert words == model.vocab.words and X.tobytes() == model.wv.vectors.tobytes()
    report = json.loads((tmp_path / "r").read_text())
    assert len(report["epochs"]) == 3 and report["vocabulary_size"] == len(words)
    assert len((tmp_path / "log").read_text().splitlines()) == 3
    assert SkipGram.load("m").I.tobytes() == model.I.tobytes()


@pytest.mark.parametrize("given, told", [("--counts c", False), ("text.txt", True)], ids=["counts", "text"])
def test_the_summary_tells_tokens_where_they_are_known(capsys, given, told):
    count(capsys)
    first = run(capsys, f"train {given} -o v.vec {SMALL.removesuffix(' --quiet')}").partition("\n")[0]
    assert " words x 8 coordinates" in first and first.endswith(" tokens") == told


def test_held_out_text_beside_counts(tmp_path, capsys):
    count(capsys)
    run(capsys, f"train --counts c --valid text.txt --report r --patience 2 {SMALL}")
    report = json.loads((tmp_path / "r").read_text())
    assert 0 < report["epochs"][-1]["valid_nll"] < report["valid_unigram_nll"]


def test_the_report_has_the_windows_of_the_counts(tmp_path, capsys):
    """And the held-out loss is about them, as if the text had been trained on."""
    flags = "--window 2 --shrink-windows false --sample 0.05"
    count(capsys, flags)
    run(capsys, f"train --counts c --valid text.txt --report r --json-log l {SMALL}")
    run(capsys, f"train text.txt --min-count 2 --valid text.txt --report s --json-log k {SMALL} {flags}")
    counted, read = (json.loads((tmp_path / name).read_text())["settings"] for name in "rs")
    assert read["window"] == 2 and read["shrink_windows"] is False and read["sample"] == 0.05
    assert counted["min_count"] is None
    assert counted["tokenizer"] is None and read["tokenizer"] == "space"  # counts do not tell
    unknown = {"batch_size": None, "tokenizer": None}
    assert counted | {"min_count": 2} | unknown == read | unknown
    ends = [json.loads((tmp_path / name).read_text().splitlines()[-1]) for name in "lk"]
    assert ends[0]["valid_nll"] == ends[1]["valid_nll"] and ends[0]["valid_pairs"] == ends[1]["valid_pairs"]


@pytest.mark.parametrize(
    "flags, message",
    [
        ("--draws 2", "--draws is for --solver counts"),
        ("--head 0.5", "head is 0.5, which is for solver='counts'"),
    ],
)
def test_what_the_solver_sgd_does_not_know(capsys, flags, message):
    assert message in fails(capsys, f"train text.txt --solver sgd -o v {flags}")


def test_counts_are_resumed_bit_for_bit(tmp_path, capsys):
    count(capsys, "--sample 0.05")
    run(capsys, f"train --counts c -o whole.bin --checkpoint m {SMALL}")
    run(capsys, "train --counts c -o again.bin --resume m.1 --workers 1 --quiet")
    assert (tmp_path / "whole.bin").read_bytes() == (tmp_path / "again.bin").read_bytes()
    count(capsys, "--sample 0.05 --seed 2", output="other")
    said = fails(capsys, "train --counts other --resume m.1 --quiet")
    assert "the corpus is not that of the interrupted training" in said


@pytest.mark.parametrize("name", ["input", "output", "sum", "centered"])
def test_vectors(capsys, name):
    run(capsys, f"train text.txt -o v.bin --save-model m --min-count 2 --vectors {name} {SMALL}")
    model = SkipGram.load("m")
    unit = [X / np.linalg.norm(X, axis=1, keepdims=True) for X in (model.I, model.O)]
    centered = model.I - np.average(model.I, axis=0, weights=np.sqrt(model.vocab.counts))
    want = {"input": model.I, "output": model.O, "sum": unit[0] + unit[1], "centered": centered}[name]
    np.testing.assert_allclose(load_word2vec("v.bin")[1], want, atol=1e-6)


@pytest.mark.parametrize(
    "flags, says",
    [
        ("text.txt", ("--counts", "text.txt", "exclude each other")),
        ("--input text.txt", ("--counts", "text.txt", "exclude each other")),
        ("--solver sgd", ("--counts needs --solver counts", "sgd")),
        ("--read-vocab v", ("--counts and --read-vocab exclude each other",)),
        ("--window 3", ("--counts and --window exclude each other",)),
        ("--shrink-windows true", ("--counts and --shrink-windows",)),
        ("--sample 0", ("--counts and --sample",)),
        ("--draws 3", ("--counts and --draws",)),
        ("--min-count 5", ("--counts and --min-count",)),
        ("--max-vocab 5", ("--counts and --max-final-vocab",)),
        ("-o c", ("--output", "--counts", "same file")),
        ("--save-model ./c", ("--save-model", "--counts", "same file")),
    ],
)
def test_what_excludes_counts(tmp_path, capsys, flags, says):
    count(capsys)
    before = (tmp_path / "c").read_bytes()
    said = fails(capsys, f"train --counts c -o v.vec {flags} --quiet")
    assert all(part in said for part in says), said
    assert (tmp_path / "c").read_bytes() == before and not (tmp_path / "v.vec").exists()


def test_files_that_hold_no_counts(capsys):
    not_counts = "no file of counts of fastsg"
    assert f"text.txt' is {not_counts}" in fails(capsys, "train --counts text.txt -o v.vec --quiet")
    assert "nowhere" in fails(capsys, "train --counts nowhere -o v.vec --quiet")
    run(capsys, f"train text.txt --save-model m --min-count 2 {SMALL}")
    assert f"m' is {not_counts}" in fails(capsys, "train --counts m -o v.vec --quiet")
    count(capsys)
    assert "c' is no model file of fastsg" in fails(capsys, "train text.txt --resume c --quiet")
