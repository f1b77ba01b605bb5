"""Thousands of random command lines: exit codes 0, 1 and 2 alone, one line for what was wrong, no traceback.

The flags, their types and their choices are those of the parsers; values are valid ones or odd ones. Run in
this process, in a folder with a file of every kind. FASTSG_SLOW=1 tries 10,000 lines.
"""

import argparse
import contextlib
import gzip
import io
import random
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import kept_files
import pytest
from commands import TEXT
from conftest import SEED, SLOW
from readers import ADJACENCY, EDGES, VOCAB

from fastsg.cli import main as run
from fastsg.cli import query
from fastsg.cli.main import build_parser

LINES = 10_000 if SLOW else 200
#: What is large here takes its time, and may.
ENDLESS = {"epochs", "draws", "walks", "length", "iter", "patience", "neighbors"}
#: Makes its own text, of some seconds.
LEFT_OUT = {"demo"}
PAIRS = "the\tnaïve\t1\n京都\tw3\t2\nw3\tw4\t-3\n"
ANALOGIES = ": one\nthe naïve w3 w4\nw4 w3 the naïve\n"
#: Need matplotlib.
PLOTS = ["plot loss model -o out.svg", "plot map v.vec -o out.png", "plot heatmap v.vec the w3 -o out.png"]
#: The shortest line that works; most lines begin with one.
BEGINNINGS = [
    "train text.txt -o out.vec --vector-size 4 --min-count 1 --epochs 1",
    "train text.txt --save-model out --vector-size 4 --min-count 1 --epochs 1",
    "train --resume checkpoint sentences -o out.vec --valid first",
    "train --counts counts -o out.vec --vector-size 4 --epochs 1",
    "word2vec -train text.txt -output out.vec -size 4 -min-count 1 -iter 1",
    "count text.txt -o out --min-count 1",
    "vocab text.txt -o out --min-count 1",
    "encode text.txt -o out --min-count 1",
    "eval v.vec --pairs pairs",
    "eval v.vec --analogies analogies",
    "eval model --perplexity text.txt",
    "nn v.vec the",
    "analogies v.vec the naïve w3",
    "predict model the",
    "predict v.vec v.npz --bias bias the",
    "convert v.vec out.npz",
    "convert model out.bin --which sum",
    "info model",
    "verify corpus counts",
    "walk edges -o out",
    "explore model -o out",
    "explore v.vec --output-vectors v.npz --bias bias -o out",
    "completion bash",
    *(PLOTS if find_spec("matplotlib") else []),
]  # fmt: skip
# fmt: off
INTEGERS = ["0", "1", "2", "3", "-1", "7", str(2**31), str(2**64), "1e3", "0x10", "1_0", "", "x", "nan"]
FLOATS = ["0", "1", "0.5", "1e-5", "-1", "1e300", "1e999", "nan", "inf", "-inf", "1,5", "", "x", "1e-320"]
WORDS = ["the", "naïve", "京都", "", " ", "nowhere", "\x1b[31m", "\ud800", "a\tb", "-", "--", "-5", "%s"]
PATHS = [
    "text.txt", "text.gz", "v.vec", "v.npz", "v.kv", "model", "checkpoint", "counts", "corpus", "vocab",
    "bias", "edges", "adjacency", "pairs", "analogies", "noise", "empty", "folder", "missing", ".", "", "-",
    "no/such", "out", "out.vec", "out.vec.gz", "out.npz", "out.tsv", "out.fifu", "out/", "/dev/null",
    "/dev/full", "a\0b", "\ud800", "x" * 300, "out.zst", "out.parquet", "out.bin", "~",
]
NAMES = ["utf-8", "latin-1", "gb18030", "utf-16", "rot13", "base64", "none", "word2vec", "npz", "v", "x", ""]
SPANS = ["2", "1,2", "none", "5m", "0s", "true", "harmonic", "unigram", "-1", "1,2,3", "x"]
# fmt: on
#: Commands that tell of each word or file of theirs what is wrong with it, and go on.
ONE_BY_ONE = {"verify", "info", "nn", "analogies", "predict"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a file of every kind."""
    folder = tmp_path_factory.mktemp("files")
    kept_files.write(folder)
    texts = {"text.txt": TEXT[:2000], "edges": EDGES, "adjacency": ADJACENCY, "pairs": PAIRS}
    for name, count in (("sentences", None), ("first", 3)):  # of the checkpoint
        texts[name] = "".join(" ".join(words) + "\n" for words in kept_files.SENTENCES[:count])
    for name, text in (texts | {"analogies": ANALOGIES, "vocab": VOCAB.decode(), "empty": ""}).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "text.gz").write_bytes(gzip.compress(TEXT[:2000].encode()))
    (folder / "noise").write_bytes(random.Random(SEED).randbytes(500))
    (folder / "bias").write_text("the 1\nnaïve 2\n京都 3\nw3 4\nw4 5\n", encoding="utf-8")
    return folder


@pytest.fixture
def place(files, tmp_path, monkeypatch):
    """A function that makes the files anew, in the folder in which the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def anew():
        for path in tmp_path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(files, tmp_path, dirs_exist_ok=True)

    return anew


def flags():
    """Of each command, what its parser takes."""
    found = {}
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = {name: parser._actions for name, parser in action.choices.items()}
    return {name: actions for name, actions in found.items() if name not in LEFT_OUT}


def value(random_, action):
    """A value for a flag: one of those it allows, of its type, or anything."""
    kind = getattr(action.type, "__name__", "")
    if random_.random() < 0.05:
        return random_.choice(INTEGERS[:4] + FLOATS[:4] + WORDS + PATHS + NAMES)
    if action.choices and random_.random() < 0.9:
        return str(random_.choice(list(action.choices)))
    if action.dest in ENDLESS:
        return random_.choice(["0", "1", "2", "-1", "x", "", "nan"])
    if kind in ("int", "float"):
        return random_.choice(INTEGERS if kind == "int" else FLOATS)
    if kind.startswith("parse_"):
        return random_.choice(
            ["2", "1,2", "none", "5m", "0s", "true", "harmonic", "unigram", "-1", "1,2,3", "x"]
        )
    if action.dest in ("encoding", "format", "source"):
        return random_.choice(NAMES)
    return random_.choice(WORDS if action.dest == "operands" and random_.random() < 0.3 else PATHS)


def line(random_, commands):
    """A command line."""
    words = random_.choice(BEGINNINGS).split() if random_.random() < 0.8 else [random_.choice(list(commands))]
    actions = commands[words[0]]
    for _ in range(random_.choice((0, 1, 1, 2, 3, 5))):
        action = random_.choice(actions)
        many = random_.randint(1, 3) if action.nargs in ("*", "+") else int(action.nargs != 0)
        values = [value(random_, action) for _ in range(many)]
        name = [random_.choice(action.option_strings)] if action.option_strings else []
        if name and len(values) == 1 and name[0].startswith("--") and random_.random() < 0.3:
            words.append(f"{name[0]}={values[0]}")
        else:
            words += name + values
    if random_.random() < 0.1:
        del words[random_.randrange(len(words))]
    if random_.random() < 0.05:
        words.insert(random_.randrange(len(words) + 1), random_.choice(WORDS + PATHS))
    return words


def outcome(words):
    """(exit code, what was printed on standard error)"""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO("the cat\n京都\n".encode()), "utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run(words)
            except SystemExit as end:
                code = end.code
    finally:
        sys.stdin = stdin
    return code, err.getvalue()


def complaint(words):
    """What is wrong with how a line ends; empty if nothing is."""
    try:
        code, err = outcome(words)
    except BaseException as error:  # noqa: BLE001  what is looked for
        return f"raised {error!r}"
    errors = [text for text in err.splitlines() if re.match(r"fastsg[ \w-]*: error: ", text)]
    if "Traceback" in err:
        return "a traceback"
    if code not in (0, 1, 2):
        return f"exit code {code!r}"
    if (code == 0) == bool(errors):
        return f"exit code {code} and {errors}"
    outputs = {text.split(": ")[2] for text in errors if text.split(": ")[2].startswith("--")}
    most = (
        len(words) + 1 if ONE_BY_ONE.intersection(words[:1]) else max(len(outputs), 1)
    )  # of each output that failed
    if len(errors) > most:
        return f"{len(errors)} errors: {errors}"
    if not all(text.isprintable() for text in errors):
        return f"control characters in {errors}"
    return ""


def complaints(place, count, seed):
    """(line, complaint) of random lines."""
    random_, commands, found = random.Random(seed), flags(), []
    for number in range(count):
        if number % 10 == 0:
            place()
        words = line(random_, commands)
        if text := complaint(words):
            found.append((words, text))
    return found


@pytest.mark.timeout(3600)
def test_random_lines(place):
    found = complaints(place, LINES, SEED)
    assert not found, "\n".join(f"{words}: {text}" for words, text in found[:20])


def test_the_beginnings_work(place):
    for words in BEGINNINGS:
        place()
        assert outcome(words.split())[0] == 0, words


@pytest.mark.parametrize("error", [AttributeError, IndexError, AssertionError])
def test_control_a_slip_is_seen(place, monkeypatch, error):
    def slip(*args):
        raise error("planted")

    monkeypatch.setattr(query, "asked_words", slip)
    place()
    assert complaint(["nn", "v.vec", "the"]).startswith(f"raised {error.__name__}")
    assert Path("v.vec").exists()
