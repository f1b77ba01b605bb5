"""The README tells the truth: its Python runs, its commands exist, its test command is the one that CI runs."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from fastsg.cli.main import parse

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.S)


def test_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = [block for language, block in BLOCKS if language == "python"]
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "README.md", "exec"), names)
    model = names["model"]
    assert model.wv.most_similar("cat", topn=1)[0][0] == "dog"
    assert model.history[-1]["nll"] < model.history[-1]["unigram_nll"]
    assert (tmp_path / "vectors.vec").exists()


def test_commands_parse():
    lines = [
        line
        for language, block in BLOCKS
        if not language
        for line in block.splitlines()
        if line.startswith("fastsg ")
    ]
    assert len(lines) >= 3
    for line in lines:
        parse(shlex.split(line)[1:])


def test_the_two_commands():
    commands = [
        line
        for language, block in BLOCKS
        if not language
        for line in block.splitlines()
        if line.startswith("pip install")
    ]
    assert commands == ["pip install . && fastsg demo", 'pip install ".[test]" && pytest']


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", TEXT))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|bench|docs)/[^`]+)`", TEXT))
def test_named_files_exist(path):
    assert (ROOT / path).exists()


def test_no_placeholder_is_left():
    for path in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").glob("*.md"),
    ]:
        assert "@@" not in path.read_text(encoding="utf-8"), path
