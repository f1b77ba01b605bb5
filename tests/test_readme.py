"""The README tells the truth: its Python runs, its commands exist, its test command is the one that CI runs.

Its paths and links are tested with those of the other documents, in test_documents.py.
"""

import contextlib
import io
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from fastsg.cli.main import parse

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.S)


def commands(start: str) -> list[str]:
    """Lines of the README's unnamed code blocks that begin so."""
    lines = [line for language, block in BLOCKS if not language for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


def run(code: str) -> dict[str, Any]:
    """The names that a block of Python leaves behind."""
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "README.md", "exec"), names)
    return names


def test_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, *others = [run(block) for language, block in BLOCKS if language == "python"]
    model = words["model"]
    assert model.wv.most_similar("cat", topn=1)[0][0] == "dog"
    assert model.history[-1]["nll"] < model.history[-1]["unigram_nll"]
    assert (tmp_path / "vectors.vec").exists()
    for names in others:
        assert names["model"].history[-1]["nll"] < names["model"].history[-1]["unigram_nll"]


def test_commands_parse():
    lines = commands("fastsg ")
    assert len(lines) >= 3
    for line in lines:
        parse(shlex.split(line)[1:])


def test_the_two_commands():
    assert commands("pip install") == ["pip install . && fastsg demo", 'pip install ".[test]" && pytest']


def test_ci_runs_the_test_command():
    """It finds the command in the README by itself."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (search,) = re.findall(r"^command=\$\((.*)\)$", script, re.M)
    found = subprocess.run(["bash", "-c", search], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == commands('pip install ".[test]')
