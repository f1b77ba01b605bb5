"""What fastsg completion prints, and what bash, zsh and fish make of it at a TAB."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastsg.cli import build_parser, main
from fastsg.cli.completion import flags_of

COMMANDS = build_parser()._subparsers._group_actions[0].choices

#: Lines after "fastsg", each ending where TAB is pressed, and what its last word becomes.
LINES = {
    "tr": "train",  # though there is a folder of that name
    "--v": "--version",
    "train --save-voc": "--save-vocab",
    "train --solver c": "counts",
    "train --solver=c": "--solver=counts",
    "train te": "text.txt",
    "train -o te": "text.txt",
    "train --valid my": "my file.txt",
    "train --lower my": "my file.txt",
    "word2vec -sav": "-save-vocab",
    "completion z": "zsh",
    "nn text.txt train --to": "--topn",  # not --tokenizer, which is a flag of train
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, where there are files to be completed."""
    monkeypatch.chdir(tmp_path)
    for name in ("text.txt", "my file.txt"):
        (tmp_path / name).touch()
    (tmp_path / "train").mkdir()
    return tmp_path


def script_for(shell, capsys):
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def needs(shell):
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")


@contextmanager
def terminal(*shell: str, setup: str) -> Iterator[Callable[[str], str]]:
    """An interactive shell; gives a function from a line to the last argument after TAB and Enter."""
    prompt = "READY>"
    show = "fastsg() { printf '<%s>' \"$@\"; echo; }"
    Path("setup").write_text(f"{setup}\n{show}\nPS1='{prompt}'\n")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "HOME": os.getcwd(), "LC_ALL": "C.UTF-8", "PS1": ""}
    process = subprocess.Popen(
        shell, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )

    def type_in(keys: str) -> str:
        """What the shell prints, until it is ready again."""
        os.write(ours, keys.encode())
        output, deadline = b"", time.monotonic() + 30
        while prompt.encode() not in output:
            assert time.monotonic() < deadline, output
            if select.select([ours], [], [], 1)[0]:
                output += os.read(ours, 4096)
        return output.decode()

    try:
        type_in(". ./setup\n")
        yield lambda line: re.findall(r"<([^<>]*)>\r?\n", type_in(f"fastsg {line}\t\n"))[-1]
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_flag_is_known(capsys, shell):
    script = script_for(shell, capsys)
    for command, parser in COMMANDS.items():
        assert re.search(rf"\b{command}\b", script)
        for flag in flags_of(parser):
            for name in flag.names:
                assert name.lstrip("-") in script and (shell == "fish" or name in script)


def test_bash(folder, capsys):
    needs("bash")
    with terminal("bash", "--norc", "--noprofile", "-i", setup=script_for("bash", capsys)) as completed:
        assert {line: completed(line) for line in LINES} == LINES
        assert completed("train --solver x") == "x"  # nothing begins so


@pytest.mark.parametrize("way", ["file", "eval"])
def test_zsh(folder, capsys, way):
    """As a file in $fpath, and as a script of its own."""
    needs("zsh")
    script, begin = script_for("zsh", capsys), "autoload -U compinit; compinit -u -D"
    setup = f"{begin}\n{script}"
    if way == "file":
        (folder / "functions").mkdir()
        (folder / "functions" / "_fastsg").write_text(script)
        setup = f"fpath=($PWD/functions $fpath); {begin}"
    with terminal("zsh", "-f", "-i", setup=setup) as completed:
        assert {line: completed(line) for line in LINES} == LINES
        assert completed("train --solver x") == "x"


def test_fish(folder, capsys):
    needs("fish")
    (folder / "setup").write_text(script_for("fish", capsys))

    def offered(line: str) -> list[str]:
        ask = f"source setup; complete -C 'fastsg {line}'"
        environment = os.environ | {"HOME": str(folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["fish", "--no-config", "-c", ask], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stderr == ""
        return [candidate.split("\t")[0] for candidate in done.stdout.splitlines()]

    assert {line: offered(line) for line in LINES} == {line: [word] for line, word in LINES.items()}
    assert offered("train --solver ") == ["counts", "sgd"] and offered("train --solver x") == []
    assert set(offered("")) == {*COMMANDS, "--help", "--version"}
