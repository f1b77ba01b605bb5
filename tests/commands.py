"""Commands of fastsg, in this process or in one of their own: helpers of several test files."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import fastsg
from fastsg.cli import main

#: Where the package under test lies.
ROOT = Path(fastsg.__file__).resolve().parents[1]

#: A small text in which 'cat' and 'dog' share their contexts.
TEXT = "the cat eats fish\nthe dog eats meat\na cat sees a dog\n" * 40


def run(capsys, line):
    """What a command that must succeed prints."""
    code = main(shlex.split(line))
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def fails(capsys, line):
    """The one line on standard error of a command that must fail."""
    assert main(shlex.split(line)) == 1
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("fastsg: error")]
    assert len(lines) == 1 and "Traceback" not in err
    return lines[0]


def python(*arguments, without=(), folder=None, input=None, timeout=60, **environment):
    """Run Python in a process of its own, in which the package under test can be imported.

    The environment is ours, except for the variables `without`, and with those of `environment`.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in without}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=inherited | {"PYTHONPATH": paths} | environment,
        input=input,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
