"""docs/pictures.md: its Python runs, and its commands parse."""

import re
import shlex

import pytest
from architecture.sources import ROOT, read
from conftest import needs_checkout

from fastsg.cli import parse

pytestmark = needs_checkout
PAGE = read(ROOT / "docs" / "pictures.md") if (ROOT / "docs").is_dir() else ""


def test_commands_parse():
    blocks = re.findall(r"```\n(.*?)```", PAGE, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(fastsg plot [^`]+)`", PAGE)
    lines = [line for line in lines if line.startswith("fastsg ")]
    assert len(lines) >= 8
    for line in lines:
        parse(shlex.split(line)[1:])


@pytest.mark.parametrize("number", [0, 1])
def test_python_runs(tmp_path, monkeypatch, number):
    block = re.findall(r"```python\n(.*?)```", PAGE, re.S)[number]
    if "plotting" in block:
        pytest.importorskip("matplotlib", reason="needs matplotlib")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "pictures.md", "exec"), {})
    assert sorted(path.name for path in tmp_path.iterdir()) in (["pets.html"], ["cat.svg", "loss.svg"])
