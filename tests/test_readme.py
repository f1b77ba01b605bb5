"""The README's first commands, and that its test command is the one that CI runs.

Its blocks of code are carried out with those of other documents, in test_pages_run.py; its paths and links
are tested in test_documents.py, its tables in test_figures.py.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.S)


def commands(start: str) -> list[str]:
    """Lines of the README's unnamed code blocks that begin so."""
    lines = [line for language, block in BLOCKS if not language for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


def test_the_two_commands():
    assert commands("pip install") == ["pip install . && fastsg demo", 'pip install ".[test]" && pytest']


def test_ci_runs_the_test_command():
    """It finds the command in the README by itself."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (search,) = re.findall(r"^command=\$\((.*)\)$", script, re.M)
    found = subprocess.run(["bash", "-c", search], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == commands('pip install ".[test]')
