"""Damaged files of every format are loaded, or refused by FormatError or what the reader documents.

readers.py is the table of the formats, mutants.py makes and loads the mutants, in a child of its own for each
format: no crash, no hang, at most 2 GiB of address space and 100 ms for each. FASTSG_SLOW=1 makes 10,000 of
each format.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT
from conftest import SEED, SLOW
from mutants import CONTROLS, SECONDS
from readers import READERS

from fastsg import FormatError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
#: Files that need not even be there.
IGNORED = {"model2vec config"}
TIMES = 10_000 if SLOW else 60


@pytest.fixture(scope="module")
def ask():
    """A function: what became of so many mutants of a format."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    program = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("mutants.py"))],
        env=os.environ | {"PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{paths}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def answer(name, times):
        program.stdin.write(f"{name}\t{times}\t{SEED}\n")
        program.stdin.flush()
        return json.loads(program.stdout.readline())

    yield answer
    program.stdin.close()
    program.wait(30)


@pytest.mark.timeout(6000)
@pytest.mark.parametrize("name", READERS)
def test_mutants(ask, name):
    found = ask(name, TIMES)
    assert "ended by" not in found, found
    assert not found["wrong"], "\n".join(complaint for complaint, _ in found["wrong"])
    assert not found["ran"]
    assert found["worst"] < SECONDS
    assert found["loaded"] or READERS[name].deeper is None  # what lies behind checksums was reached
    if READERS[name].raises == (FormatError,) and name not in IGNORED:
        assert found["loaded"] < TIMES


@pytest.mark.parametrize("name", CONTROLS)
def test_control(ask, name):
    """A planted slip of each kind is found."""
    found = ask(name, {"slow": 12, "memory": 30}.get(name, 300))
    wrong = "\n".join(complaint for complaint, _ in found.get("wrong", ()))
    if name in ("a crash", "a hang"):
        assert found == {"ended by": 11 if name == "a crash" else 14}
    elif name == "slow":
        assert found["worst"] > SECONDS
    elif name == "code":
        assert "exec <string>" in found["ran"]
    else:
        assert {"a key": "KeyError", "memory": "MemoryError", "settings": "Error"}[name] in wrong


FINDS = sorted((Path(__file__).parent / "fuzz" / "corpus").glob("py */*"))


@pytest.mark.parametrize("find", FINDS, ids=lambda find: f"{find.parent.name}-{find.name}")
def test_what_fuzzers_found(find, tmp_path):
    """Inputs of tools/fuzz that once ended otherwise."""
    name = find.parent.name.removeprefix("py ")
    if name not in READERS:
        pytest.skip("its package is not installed")
    reader = READERS[name]
    reader.write(tmp_path)
    path = tmp_path / reader.file
    path.write_bytes(find.read_bytes())
    with pytest.raises(reader.raises) as caught:
        reader.read(str(path))
    assert str(caught.value).isprintable()
