"""The command line: what it writes, what it says, how it fails."""

import gzip
import hashlib
import inspect
import json
import math
import shlex

import numpy as np
import pytest
from commands import TEXT, fails, python, run

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab
from fastsg.cli import dry_run, main, parse
from fastsg.cli.terminal import printable
from fastsg.io.bias import load_bias
from fastsg.io.word2vec import load_word2vec

TINY = "--vector-size 8 --min-count 1"
SMALL = f"{TINY} --epochs 2 --batch-size 64"
QUIET = f"--quiet {SMALL}"

REPORT = {
    "version", "settings", "vocabulary_size", "vector_size", "tokens", "pairs", "softmax_rows", "uniform_nll",
    "unigram_nll", "valid_unigram_nll", "epochs", "seconds", "workers", "isa", "precision", "peak_rss_bytes",
}  # fmt: skip
EPOCH = {"nll", "valid_nll", "pairs", "softmax_rows", "seconds", "pairs_per_second", "alpha"}


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there is text.txt."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


# ---- training --------------------------------------------------------------------------------------------


def test_train_writes_everything_and_the_report_agrees(tmp_path, capsys):
    files = (
        "-o i.vec --save-output o.bin --save-vocab vocab --save-bias bias --report report.json --json-log log"
    )
    out = run(capsys, f"train text.txt {files} --valid text.txt --sample 0.05 {SMALL}")
    report = json.loads((tmp_path / "report.json").read_text())
    words, I = load_word2vec("i.vec")
    same, O = load_word2vec("o.bin")
    assert words == same == Vocab.load("vocab").words
    assert report["input_sha256"] == hashlib.sha256(I.tobytes()).hexdigest()
    assert report["output_sha256"] == hashlib.sha256(O.tobytes()).hexdigest()
    assert report.keys() >= REPORT and report["epochs"][0].keys() >= EPOCH
    assert report["seconds"].keys() >= {"read", "count", "init", "train", "save", "total"}
    assert len(report["epochs"]) == 2
    assert report["vocabulary_size"] == len(words) and report["vector_size"] == 8
    assert report["uniform_nll"] == pytest.approx(math.log(len(words)))
    assert report["tokens"] == 40 * 13
    logged = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in logged] == [1, 2]
    assert load_bias("bias", words).shape == (len(words),)
    assert "held-out" in out and "ln K" in out


def test_flags_mean_what_the_constructor_means(capsys):
    run(
        capsys,
        "train --train text.txt --output v.bin --size 8 --ws 2,1 --shrink-windows random --min-count 1 "
        "--max-vocab 6 -t 0.1 --lr 0.2 --min-alpha 0.1 --iter 1 --threads 1 --batch-size 32 --seed 7 "
        "--optimizer sgd --output-bias none --solver sgd --quiet",
    )
    model = SkipGram(
        corpus_file="text.txt", vector_size=8, window=(2, 1), shrink_windows="random", min_count=1,
        max_final_vocab=6, sample=0.1, alpha=0.2, min_alpha=0.1, epochs=1, batch_size=32, seed=7,
        optimizer="sgd", output_bias=None, solver="sgd",
    )  # fmt: skip
    words, I = load_word2vec("v.bin")
    assert words == model.vocab.words and np.array_equal(I, model.I)
    run(
        capsys,
        f"train text.txt -o c.bin --solver counts --optimizer adagrad --init random --draws 2 "
        f"--shrink-windows harmonic --sample 0.1 --lr-schedule constant {QUIET}",
    )
    model = SkipGram(
        corpus_file="text.txt", vector_size=8, min_count=1, epochs=2, batch_size=64, optimizer="adagrad",
        init="random", draws=2, shrink_windows="harmonic", sample=0.1, lr_schedule="constant",
        solver="counts",
    )  # fmt: skip
    assert np.array_equal(load_word2vec("c.bin")[1], model.I)


def test_defaults_are_the_constructors():
    args = parse(["train", "x"])
    for name, parameter in inspect.signature(SkipGram).parameters.items():
        if hasattr(args, name) and name != "tokenizer":
            assert getattr(args, name) == parameter.default, name


def test_standard_input_and_gzip_give_the_same(text, tmp_path, capsys):
    (tmp_path / "text.gz").write_bytes(gzip.compress(text.read_bytes()))
    run(capsys, f"train text.gz -o a.vec {QUIET}")
    command = shlex.split(f"-m fastsg train --input - -o b.vec {SMALL}")
    done = python(*command, folder=tmp_path, input=text.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()
    assert "%|" not in done.stderr  # no progress bar where there is no terminal


def test_read_vocab(tmp_path, capsys):
    (tmp_path / "vocab").write_text("cat 9\ndog 8\nunseen 1\n")
    run(capsys, "train text.txt -o v.vec --read-vocab vocab --quiet --vector-size 8")
    assert load_word2vec("v.vec")[0] == ["cat", "dog", "unseen"]
    for flag in ("--min-count", "--max-vocab"):
        said = fails(capsys, f"train text.txt --read-vocab vocab -o w.vec {flag} 5")
        assert "--read-vocab and --m" in said and not (tmp_path / "w.vec").exists()


def test_char_tokenizer(tmp_path, capsys):
    (tmp_path / "zh").write_text("春眠不觉晓\n处处闻啼鸟\n" * 20, encoding="utf-8")
    run(capsys, f"train zh -o v.vec --tokenizer char {QUIET}")
    assert "鸟" in load_word2vec("v.vec")[0]


def test_patience_stops(tmp_path, capsys):
    (tmp_path / "valid").write_text("fish the\n")  # a text the training must get worse on
    run(capsys, f"train text.txt --valid valid --patience 1 --report r --epochs 50 {TINY} --quiet --alpha 1")
    assert 2 <= len(json.loads((tmp_path / "r").read_text())["epochs"]) < 50


def test_divergence_is_one_line(capsys):
    assert "step" in fails(capsys, f"train text.txt -o v.vec --optimizer sgd --alpha 1e30 {QUIET}")


# ---- questions -------------------------------------------------------------------------------------------


def test_nn_predict_info(capsys):
    files = "-o v.vec --save-output o.vec --save-bias b"
    run(capsys, f"train text.txt {files} --quiet {TINY} --epochs 60 --batch-size 128 --shrink-windows true")
    out = run(capsys, "nn v.vec cat -k 3")
    assert out.splitlines()[0] == "cat" and len(out.splitlines()) == 4
    out = run(capsys, "predict v.vec o.vec --bias b eats -k 100")
    listed = {line.split()[1]: float(line.split()[0]) for line in out.splitlines()[1:]}
    assert sum(listed.values()) == pytest.approx(1, abs=1e-3)
    assert max(listed, key=listed.get) == "the"
    assert "8 words x 8 coordinates" in run(capsys, "info v.vec")
    assert json.loads(run(capsys, "info"))["isa"]


def test_nn_answers_lines_of_standard_input(tmp_path, capsys):
    run(capsys, f"train text.txt -o v.vec {QUIET}")
    done = python(*shlex.split("-m fastsg nn v.vec -k 2"), folder=tmp_path, input="cat\nnothere\ndog\n")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == ["cat", "dog"]
    assert "nothere" in done.stderr and "Traceback" not in done.stderr


def test_a_format_against_the_suffix_can_be_read(capsys):
    run(capsys, f"train text.txt -o v.vec --save-output o.vec --format binary {QUIET}")
    for question in ("nn v.vec cat", "predict v.vec o.vec cat --bias none", "info v.vec"):
        assert "--format" in fails(capsys, question)
        run(capsys, f"{question} --format binary")


def test_unknown_words(capsys):
    run(capsys, f"train text.txt -o v.vec --save-output o.vec {QUIET}")
    assert "catt" in fails(capsys, "nn v.vec catt")
    message = fails(capsys, "predict v.vec o.vec catt --bias none")
    assert "catt" in message and "cat" in message.replace("catt", "")
    assert "--topn is 0" in fails(capsys, "nn v.vec cat -k 0")


def test_predict_refuses_files_that_do_not_belong_together(tmp_path, capsys):
    run(capsys, f"train text.txt -o v.vec {QUIET}")
    run(capsys, f"train text.txt -o w.vec {QUIET} --max-vocab 3")
    assert "same words" in fails(capsys, "predict v.vec w.vec cat --bias none")
    (tmp_path / "b").write_text("cat 1\n")
    assert "lacks" in fails(capsys, "predict v.vec v.vec cat --bias b")
    (tmp_path / "b").write_text("cat one\n")
    assert "line 1" in fails(capsys, "predict v.vec v.vec cat --bias b")


def test_control_characters_never_reach_the_terminal():
    assert printable("a\x1b[31mb\n\x9b") == "a\\x1b[31mb\\n\\x9b"
    assert printable("猫 naïve") == "猫 naïve"


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.startswith("fastsg ")


# ---- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "flags", "says"),
    [
        (None, "", "missing.txt"),
        ("", "", "no token"),
        ("\n\n  \n", "", "no token"),
        ("a b c d", "--min-count 5", "4"),
        ("a\nb\nc\n", "--min-count 1", "no pairs"),
        ("a b", "--min-count 1 --vector-size 0", "vector_size is 0"),
        ("a b", "--min-count 1 --window 0", "window is 0"),
        ("a b", "--min-count 1 --alpha -1", "alpha is -1"),
        ("a b", "--min-count 1 --workers 0", "workers"),
        ("a b", "--min-count 1 --output-bias log", "output_bias is 'log'"),
        ("a b", "--min-count 1 --patience 1", "--valid"),
        ("a b", "--min-count 1 --patience 0 --valid missing", "patience is 0; allowed are integers >= 1"),
    ],
)
def test_bad_input_is_one_line(content, flags, says, tmp_path, capsys):
    if content is not None:
        (tmp_path / "missing.txt").write_text(content)
    assert says in fails(capsys, f"train missing.txt -o v.vec --quiet {flags}")
    assert not (tmp_path / "v.vec").exists()


def test_no_input_and_directory(tmp_path, capsys):
    assert "no input" in fails(capsys, "train")
    assert str(tmp_path) in fails(capsys, f"train -o v.vec {shlex.quote(str(tmp_path))}")


@pytest.fixture
def no_training(monkeypatch):
    """Fails when a training starts."""
    monkeypatch.setattr(SkipGram, "train", lambda *args, **kwargs: pytest.fail("training started"))


@pytest.fixture
def untouched(monkeypatch, no_training):
    """Fails when a text is read or a training starts."""
    monkeypatch.setattr(SkipGram, "build_vocab", lambda *args, **kwargs: pytest.fail("a text was read"))
    monkeypatch.setattr(EncodedCorpus, "from_files", lambda *args, **kwargs: pytest.fail("a text was read"))


WORD_FILES = ["--output", "--save-output", "--save-vocab", "--save-bias"]


@pytest.mark.parametrize("flag", [*WORD_FILES, "--save-model", "--checkpoint", "--report", "--json-log"])
def test_unwritable_output_is_named_before_the_text_is_read(flag, capsys, untouched):
    assert flag in fails(capsys, f"train text.txt {flag} no/such/file {SMALL}")
    assert flag in fails(capsys, f"train text.txt {flag} . {SMALL}")


@pytest.mark.parametrize("flag", WORD_FILES)
def test_words_that_cannot_be_written_are_named_before_training(flag, tmp_path, capsys, no_training):
    (tmp_path / "odd.txt").write_bytes(b"the c\0t eats fish\n" * 40)
    said = fails(capsys, f"train odd.txt {flag} v --save-model m {SMALL}")
    assert flag in said and r"c\x00t" in said and "--save-model" in said


def test_a_model_file_holds_any_word(tmp_path, capsys):
    (tmp_path / "odd.txt").write_bytes(b"the c\0t eats fish\n" * 40)
    run(capsys, f"train odd.txt --save-model m {QUIET}")
    assert (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "files, flags",
    [
        ("-o a.vec --save-output a.vec", ("--output", "--save-output")),
        ("-o a.vec --save-output ./x/../a.vec", ("--output", "--save-output")),
        ("-o text.txt", ("--output", "--input")),
        ("-o link.txt", ("--output", "--input")),
        ("--report valid --valid valid", ("--report", "--valid")),
        ("--save-vocab vocab --read-vocab vocab", ("--save-vocab", "--read-vocab")),
        ("--save-model m --resume m", ("--save-model", "--resume")),
        ("--save-model m --checkpoint m", ("--save-model", "--checkpoint")),
        ("--save-model m.1 --resume m", ("--save-model", "--checkpoint")),
    ],
)
def test_files_that_would_overwrite_each_other(files, flags, text, tmp_path, capsys, untouched):
    (tmp_path / "x").mkdir()
    (tmp_path / "link.txt").symlink_to(text)
    before = text.read_bytes()
    said = fails(capsys, f"train text.txt {files}")
    assert all(flag in said for flag in flags) and "same file" in said and text.read_bytes() == before


def test_devices_may_repeat_and_a_checkpoint_is_its_own_successor(capsys):
    null = "-o /dev/null --save-output /dev/null --report /dev/null --json-log -"
    run(capsys, f"train text.txt {null} --checkpoint m {SMALL}")
    for begun in ("m", "m.1"):
        run(capsys, f"train text.txt --quiet --resume {begun} --checkpoint m")


@pytest.mark.parametrize("flag", [*WORD_FILES, "--save-model", "--checkpoint", "--report"])
def test_only_the_log_goes_to_standard_output(flag, tmp_path, capsys, untouched):
    said = fails(capsys, f"train text.txt {flag} -")
    assert f"{flag} is '-'" in said and "--json-log" in said and not (tmp_path / "-").exists()


@pytest.mark.parametrize("files", ["--input - --valid -", "- -"])
def test_standard_input_is_read_once(files, capsys, untouched):
    assert "only once" in fails(capsys, f"train {files}")


@pytest.mark.parametrize("flags", ["", "--valid text.txt", "--quiet --epochs 1"])
def test_a_training_without_an_output_is_not_begun(flags, capsys, untouched):
    assert "there is no output" in fails(capsys, f"train text.txt {flags}")


@pytest.mark.parametrize(
    "output", ["-o v", "--save-model v", "--save-vocab v", "--report v", "--json-log v", "--json"]
)
def test_every_output_counts(output, capsys):
    run(capsys, f"train text.txt {output} {QUIET}")


# ---- what is said ----------------------------------------------------------------------------------------


def test_json_is_the_report(tmp_path, capsys):
    out = run(capsys, f"train text.txt --json --report r {SMALL}")
    assert json.loads(out) == json.loads((tmp_path / "r").read_text())
    assert "standard output" in fails(capsys, "train text.txt --json --json-log -")


def test_a_line_for_each_epoch_where_there_is_no_terminal(capsys):
    for flags, lines in ((SMALL, 2), (QUIET, 0)):
        assert main(shlex.split(f"train text.txt -o v.vec --valid text.txt {flags}")) == 0
        err = capsys.readouterr().err.splitlines()
        assert len(err) == lines
        assert all(line.startswith(f"fastsg: epoch {i}/2: loss ") for i, line in enumerate(err, 1))
        assert all("held-out" in line and "perplexity" in line for line in err)


def test_log_level(capsys, caplog):
    run(capsys, f"train text.txt -o v.vec --log-level debug {QUIET}")
    assert any("epoch 1: loss " in record.message for record in caplog.records)
    caplog.clear()
    run(capsys, f"train text.txt -o v.vec {QUIET}")
    assert not caplog.records


# ---- dry run ---------------------------------------------------------------------------------------------


def test_dry_run_writes_nothing_and_trains_nothing_large(tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    out = run(capsys, f"train text.txt --dry-run {SMALL}")
    assert "8 words x 8 coordinates, 520 tokens" in out and "MiB" in out and "whole passes" in out
    run(capsys, f"train text.txt --dry-run -o v.vec --save-model m {SMALL}")
    assert sorted(tmp_path.iterdir()) == before
    facts = json.loads(run(capsys, f"train text.txt --dry-run --json {SMALL}"))
    assert facts["words"] == 8 and facts["memory"]["total"] > 0 < facts["bytes"]["memory"]
    assert list(facts["seconds"]) == ["read", "count", "init", "train", "save", "total"]
    assert min(facts["seconds"].values()) > 0 and facts["flops"] > 0 and facts["passes"] == 2
    assert facts["bytes"]["disk"] > 0  # of vectors as text, where no file is named


def test_dry_run_of_words_that_are_known(tmp_path, capsys, monkeypatch):
    run(capsys, "vocab text.txt -o words --min-count 1 --quiet")
    run(capsys, "count text.txt -o counts --min-count 1 --quiet")
    monkeypatch.setattr(EncodedCorpus, "from_files", lambda *args, **kwargs: pytest.fail("a text was read"))
    for source in ("missing.txt --read-vocab words", "--counts counts"):
        facts = json.loads(run(capsys, f"train {source} --dry-run --json --vector-size 8"))
        assert facts["words"] == 8 and facts["tokens"] == 520
        assert (facts["seconds"]["read"] > 0) == (source == "--counts counts")


def test_dry_run_asks_only_for_memory_that_is_not_taken_yet(tmp_path, capsys, monkeypatch):
    run(capsys, "vocab text.txt -o words.txt --min-count 2")
    run(capsys, "count text.txt -o text.counts --min-count 2 --window 3,1 --sample 0.01 --quiet")
    words, counts = Vocab.load("words.txt"), CooccurrenceCounts.load("text.counts")
    assert counts.thinned is not None
    held = {
        "text.txt --min-count 2": 4 * int(words.counts.sum()),
        "missing.txt --read-vocab words.txt": 0,
        "--counts text.counts": 8 * (counts.nnz + counts.thinned.nnz),
    }
    for source, taken in held.items():
        flags = f"train {source} --dry-run --vector-size 8 --workers 1"
        for missing in (0, 1):
            free = json.loads(run(capsys, f"{flags} --json"))["memory"]["total"] - taken - missing
            monkeypatch.setattr(dry_run, "available", lambda free=free: free)
            assert ("It does not fit" in run(capsys, flags)) == bool(missing)


def test_dry_run_foretells_the_files_that_are_asked_for(capsys):
    sizes = {}
    for outputs in ("", "-o v.vec", "-o v.bin", "-o v/ --format model2vec", "-o v.vec --save-output o.vec"):
        facts = json.loads(run(capsys, f"train text.txt --dry-run --json {outputs} {SMALL}"))
        sizes[outputs] = facts["bytes"]["disk"]
    assert sizes[""] == sizes["-o v.vec"] > sizes["-o v.bin"] > 8 * 4 * 8
    assert sizes["-o v.vec --save-output o.vec"] > 1.8 * sizes["-o v.vec"]


@pytest.mark.parametrize("output", ["x.foo", "missing/v.vec"])
def test_dry_run_refuses_outputs_before_it_reads(capsys, monkeypatch, output):
    monkeypatch.setattr(dry_run, "read_corpus", lambda *args: pytest.fail("a text was read"))
    said = fails(capsys, f"train text.txt --dry-run -o {output} {SMALL}")
    assert "--output: " in said and output in said


def test_dry_run_excludes_resuming(capsys):
    assert "--dry-run and --resume" in fails(capsys, "train text.txt --dry-run --resume m")


@pytest.mark.parametrize(
    "flags, says",
    [
        (
            "--shrink-windows maybe",
            "argument --shrink-windows: 'maybe' is not allowed; "
            "allowed are 'true', 'false', 'random' and 'harmonic'",
        ),
        ("--window x", "argument --window/--ws: 'x' is not a window; allowed are an integer"),
        ("--window 1,2,3", "argument --window/--ws: '1,2,3' is not a window"),
    ],
)
def test_usage_errors_say_what_is_allowed(flags, says, capsys):
    with pytest.raises(SystemExit):
        main(["train", "text", *flags.split()])
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["train --window x", "train --window 1,2,3", "train --shrink-windows maybe", "nosuch", ""]
)
def test_usage_errors_exit_2(line):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
