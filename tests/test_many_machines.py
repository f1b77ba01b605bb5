"""The recipes of docs/many_machines.md, carried out as they stand there: the bytes of counting at once.

The other blocks of the page are carried out in test_pages_run.py.
"""

import os
import re
import shutil
from importlib.util import find_spec

import pytest
from commands import ROOT, TEXT, python, run
from conftest import PROJECT, needs_checkout

from fastsg.cli import main

PAGE = PROJECT / "docs" / "many_machines.md"
SHARDS = 8


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """Text, words, a program fastsg, and what counting at once gives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT + "\n\n" + "the end\n" * 20)
    assert main(["vocab", "text.txt", "-o", "words.txt", "--quiet"]) == 0
    assert main(["count", "text.txt", "--read-vocab", "words.txt", "-o", "whole", "--quiet"]) == 0
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "fastsg"
    program.write_text('#!/bin/sh\nexec "$PYTHON" -m fastsg "$@"\n')
    program.chmod(0o755)
    capsys.readouterr()
    return tmp_path


def recipe(heading):
    """The first block of code under a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n### {heading}\n")[1]
    return re.search(r"```\w*\n(.*?)```", section, re.S)[1]


def check_merged(folder, capsys):
    run(capsys, f"merge {' '.join(f'counts.{i}' for i in range(1, SHARDS + 1))} -o merged --quiet")
    assert (folder / "merged").read_bytes() == (folder / "whole").read_bytes()


def shell(folder, script, **environment):
    """Run a recipe in bash, in which fastsg is the package under test."""
    code = (
        "import os, subprocess, sys; "
        "path = os.getcwd() + '/bin:' + os.environ['PATH']; "
        "environment = os.environ | {'PATH': path, 'PYTHON': sys.executable}; "
        "sys.exit(subprocess.run(['bash', '-ec', sys.argv[1]], env=environment).returncode)"
    )
    done = python("-c", code, script, folder=folder, timeout=120, **environment)
    assert done.returncode == 0, done.stderr


@needs_checkout
def test_xargs(folder, capsys):
    shell(folder, recipe("xargs"))
    assert (folder / "text.counts").read_bytes() == (folder / "whole").read_bytes()


@needs_checkout
def test_slurm(folder, capsys):
    """Each task of the array, as SLURM would run it."""
    script = recipe("SLURM")
    tasks = re.search(r"-a 1-(\d+)", script)
    assert int(tasks[1]) == SHARDS
    for i in range(1, SHARDS + 1):
        shell(folder, script, SLURM_ARRAY_TASK_ID=str(i))
    check_merged(folder, capsys)


@needs_checkout
@pytest.mark.parametrize(
    "heading, package, program",
    [("Dask", "distributed", None), ("Ray", "ray", None), ("Spark", "pyspark", "java")],
)
def test_schedulers(folder, capsys, heading, package, program):
    if find_spec(package) is None:
        pytest.skip(f"needs {package}")
    if program and not (shutil.which(program) or os.environ.get("JAVA_HOME")):
        pytest.skip(f"needs {program}")
    (folder / "recipe.py").write_text(recipe(heading))
    done = python("recipe.py", folder=folder, timeout=300, PYTHONPATH=str(ROOT), PYTHONSAFEPATH="")
    assert done.returncode == 0, done.stderr[-3000:]
    check_merged(folder, capsys)
