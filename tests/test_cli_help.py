"""Help, examples, exit codes, and flags that are written in another program's way."""

import functools
import io
import os
import re
import shlex
from importlib.util import find_spec
from unittest import mock

import pytest
from commands import TEXT, python

from fastsg.cli import build_parser, main, parse
from fastsg.cli.completion import flags_of

COMMANDS = build_parser()._subparsers._group_actions[0].choices


@functools.cache
def help_of(command):
    """What --help prints in a terminal of 80 columns."""
    with mock.patch.dict(os.environ, COLUMNS="80"):
        return COMMANDS[command].format_help()


@pytest.mark.parametrize("command", ["train", "convert"])
def test_help_is_printed(command):
    assert python("-m", "fastsg", command, "--help", COLUMNS="80").stdout == help_of(command)


def examples_of(text):
    """The command lines at the end of a help."""
    block = text.split("examples:\n")[1].split("\n\n")[0].replace("\\\n", " ")
    return [line.strip() for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_that_fit_the_terminal(command):
    text = help_of(command)
    lines = examples_of(text)
    assert lines and all(line.startswith("fastsg ") for line in lines)
    assert any(line.split()[1] == command for line in lines)
    assert max(map(len, text.splitlines())) <= 80
    for line in lines:
        parse(shlex.split(line)[1:])


def test_the_examples_run_in_their_order(tmp_path, monkeypatch, capsys):
    """On small files of the names they use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT.replace("a dog", "dogs cats"))
    (tmp_path / "held-out.txt").write_text(TEXT)
    (tmp_path / "chinese.txt").write_bytes(("春眠不觉晓\n" * 30).encode("gb18030"))
    (tmp_path / "pairs.txt").write_text("cat\tdog\t9\ncat\tmeat\t2\nfish\tmeat\t7\n")
    (tmp_path / "edges.txt").write_text("1 2\n2 3\n3 1\n3 4\n")
    (tmp_path / "questions.txt").write_text(": plural\ncat cats dog dogs\n")
    for launcher in ("mpiexec", "srun"):  # of one process: what stands behind -n N
        (tmp_path / launcher).write_text(
            '#!/bin/sh\nwhile [ "$1" != -n ]; do shift; done\nshift 2\nexec "$@"\n'
        )
        (tmp_path / launcher).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for command in COMMANDS:
        if command != "demo" and not (command == "plot" and find_spec("matplotlib") is None):
            for line in examples_of(help_of(command)):
                assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr().err)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_states_its_default(command):
    """An entry of the help begins at a line with a flag two columns in."""
    text = help_of(command).split("examples:")[0]
    entries = [" ".join(entry.split()) for entry in re.split(r"^  (?=-)", text, flags=re.M)[1:]]
    assert len(entries) == len([flag for flag in flags_of(COMMANDS[command]) if flag.names])
    assert [entry for entry in entries if "default" not in entry and "--help" not in entry] == []


def test_help_documents_the_exit_codes():
    text = python("-m", "fastsg", "--help", COLUMNS="80").stdout
    codes = re.findall(r"^  (\d+) +\S", text.split("exit codes:")[1], re.M)
    assert codes == ["0", "1", "2", "130"]


@pytest.mark.parametrize(
    "line, says",
    [
        ("", "a command is missing; there are train, word2vec,"),
        ("trian x", "there is no command 'trian'; did you mean 'train'?"),
        ("train text.txt --nosuch", "fastsg train: error: unrecognized arguments: --nosuch"),
        ("train text.txt -output x", "write --output (fastsg word2vec takes the command line of word2vec.c)"),
        (
            "train -train text.txt -size 5",
            "-train, -size: flags of more than a letter have two dashes; write --train, --size",
        ),
        (
            "train -input a -lr=1 -minn 3 -epoch 2",
            "-input, -lr=1, -minn, -epoch: flags of more than a letter have two dashes; write --input, --lr, "
            "--epochs; there is no flag --minn",
        ),
        ("train t --minCount 5 --nosuch", "arguments: --minCount 5 --nosuch; write --min-count"),
        ("skipgram -input t", "there is no command 'skipgram'; did you mean 'train'?"),
        ("word-analogy v.bin", "did you mean 'analogies'?"),
        ("train text.txt -min_count 5", "write --min-count"),
        ("train text.txt -ov.vec", "write -o v.vec"),
        ("train text.txt -minCount 5", "write --min-count"),
        ("train text.txt -epoch 5", "write --epochs"),
        ("train text.txt -neg 5", "there is no flag --neg"),
        ("nn v.vec -topn 5", "write --topn"),
        ("nn", "fastsg nn: error: the following arguments are required: vectors"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(capsys, line, says):
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(line))
    err = capsys.readouterr().err
    assert stop.value.code == 2 and says in err and len(err.splitlines()) == 1 and "--help)" in err


def test_what_has_one_dash_and_may():
    assert parse(["nn", "v.vec", "-k5"]).topn == 5
    assert parse(["train", "t", "-t1e-4", "-o./v"]).output == "./v"
    assert parse(["nn", "v.vec", "--", "-ing"]).operands == ["-ing"]
