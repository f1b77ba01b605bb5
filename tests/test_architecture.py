"""The house: who may import whom, by the table in architecture/rules.py; no circles; private names stay home.

Every checker is tried on planted breaches as well. The shape of the files is tested in test_house_rules.py,
and what the documents say about the house in test_documents.py.
"""

from pathlib import Path

import pytest
from architecture import imports, names, rules, sources

PACKAGE = sources.PACKAGE

needs_checkout = pytest.mark.skipif(
    not (sources.ROOT / "setup.py").is_file(), reason="needs the project's own folder"
)


# ---- the house as it is ----


@needs_checkout
def test_imports_follow_the_table():
    assert imports.rule_complaints(PACKAGE) == []


@needs_checkout
def test_no_circles_of_files():
    assert imports.circle_complaints(PACKAGE) == []


@needs_checkout
def test_private_names_stay_in_their_folder():
    assert names.private_complaints(PACKAGE) == []


@needs_checkout
def test_command_line_stands_on_public_names():
    assert imports.public_name_complaints(PACKAGE) == []


@needs_checkout
def test_imports_inside_the_package_are_relative():
    assert imports.absolute_complaints(PACKAGE) == []


@needs_checkout
def test_foreign_packages_are_the_required_ones():
    assert imports.foreign_complaints(PACKAGE) == []


@needs_checkout
def test_folders_say_what_they_hold():
    assert imports.folder_complaints(PACKAGE, rules.LEAST_PROSE) == []


@needs_checkout
def test_inits_only_re_export():
    found = {
        sources.shown(path, PACKAGE): imports.init_complaints(sources.read(path))
        for path in sources.files(PACKAGE, ".py")
        if path.name == "__init__.py"
    }
    assert {path: complaints for path, complaints in found.items() if complaints} == {}


@needs_checkout
def test_every_row_has_its_room_and_every_room_its_row():
    rooms = {sources.room_of(path, PACKAGE) for path in sources.files(PACKAGE, ".py", ".pyx", ".c")}
    assert rooms == rules.MAY_IMPORT.keys()
    assert {path.stem for path in PACKAGE.glob("*.pyx")} == set(rules.GROUPS["bindings"])


def test_the_table_itself_has_no_circle_and_no_unknown_name():
    edges = {room: set(words.split()) for room, words in rules.MAY_IMPORT.items()}
    assert list(imports.circles(edges)) == []
    known = rules.MAY_IMPORT.keys() | {member for members in rules.GROUPS.values() for member in members}
    assert set().union(*edges.values()) <= known


def test_the_table_keeps_its_promises():
    """Some of what the table says, in words."""
    bindings = set(rules.GROUPS["bindings"])
    allowed = {room: imports.allowed_rooms(room) for room in rules.MAY_IMPORT}
    for room in ("cli", "datasets", "compat", "sklearn", "plotting"):
        assert not allowed[room] & bindings
    for room, others in allowed.items():
        assert not others & {"compat", "sklearn"}
        assert not others & {"explorer", "plotting"} or room == "cli"
        assert "cli" not in others or room == "__main__"
    for room in ("numerics", "text", "vectors"):  # mathematics, words and queries are strangers to each other
        assert not allowed[room] & {"numerics", "text", "vectors"}
    for room in ("text", "cooccurrence", "io", "vectors"):  # what other processes do is nothing to them
        assert "distributed" not in allowed[room]
    assert not allowed["distributed"] & {"numerics", "text", "cooccurrence", "training", "model"}
    assert not allowed["training"] & {"model", "vectors", "io"}
    assert not allowed["graph"] & {"model", "training", "vectors", "numerics", "cooccurrence"}
    assert allowed["datasets"] == allowed["base"] == set(rules.GROUPS["base"])


# ---- planted breaches ----


def plant(folder: Path, files: dict[str, str]) -> Path:
    """A package of these files; a name without a suffix is a .py file."""
    for name, text in files.items():
        path = folder / (name if "." in name else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


HOUSE = {
    "__init__": "from .model.skipgram import SkipGram\n__all__ = ['SkipGram']\n",
    "__main__": "from .cli.main import main\n",
    "errors": "class FormatError(ValueError): pass\n",
    "checks": "from .errors import FormatError\n",
    "_core.pyx": 'from .errors import FormatError\ncdef extern from "kernels.h": pass\ninclude "_rows.pxi"\n',
    "_rows.pxi": "cimport cython\n",
    "_text.pyx": "import numpy\n",
    "_counting.pyx": "",
    "_walks.pyx": "",
    "_omp.h": "",
    "kernels/kernels.h": "",
    "kernels/vec.h": '#include "kernels.h"\n',
    "system/__init__": "",
    "system/threads": "from .. import _core\n",
    "io/__init__": "",
    "io/word2vec": "from .. import _text\nfrom ..errors import FormatError\nfrom ..system.threads import n\n",
    "numerics/__init__": "",
    "numerics/objective": "from .._core import isa\n",
    "text/__init__": "from .vocab import Vocab\n__all__ = ['Vocab']\n",
    "text/vocab": "from ..checks import integer\nfrom ..io.word2vec import load\n",
    "text/corpus": "from .vocab import Vocab\nfrom .._text import count\n",
    "vectors/__init__": "",
    "vectors/keyed_vectors": "import numpy as np\nfrom ..io.word2vec import read\n",
    "cooccurrence/__init__": "",
    "cooccurrence/counts": "from ..text import Vocab\nfrom .._counting import Counter\n",
    "training/__init__": "",
    "training/loop": "from ..cooccurrence.counts import X\nfrom ..numerics import objective\n",
    "model/__init__": "",
    "model/skipgram": "from ..training.loop import f\nfrom ..vectors.keyed_vectors import KeyedVectors\n",
    "datasets/__init__": "",
    "datasets/docs": "import json\n",
    "cli/__init__": "",
    "cli/main": "from .. import SkipGram\nfrom ..text import Vocab\nfrom .train import add\n",
    "cli/train": "from ..text.vocab import Vocab\nfrom ..errors import FormatError\n",
}


@pytest.fixture
def house(tmp_path):
    """A small house that keeps all rules, and more files for it."""
    plant(tmp_path, HOUSE)
    return lambda **files: plant(
        tmp_path, {name.replace("__in__", "/"): text for name, text in files.items()}
    )


def test_control_the_small_house_keeps_the_rules(house):
    package = house()
    assert imports.rule_complaints(package) == []
    assert imports.circle_complaints(package) == []
    assert names.private_complaints(package) == []
    assert imports.public_name_complaints(package) == []
    assert imports.absolute_complaints(package) == []
    assert imports.foreign_complaints(package) == []
    assert imports.folder_complaints(package, 0) == []


@pytest.mark.parametrize(
    "path, text",
    [
        ("vectors/x", "from ..training.loop import f\n"),
        (
            "vectors/x",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..model.skipgram import S\n",
        ),
        ("text/x", "def f():\n    from ..numerics import objective\n"),
        ("text/x", "from .. import numerics\n"),
        ("numerics/x", "from ..text import Vocab\n"),
        ("numerics/x", "from .. import _text\n"),
        ("numerics/x", "import importlib\nm = importlib.import_module('..text.vocab', __package__)\n"),
        ("io/x", "from ..text.vocab import Vocab\n"),
        ("io/x", "from .._core import isa\n"),
        ("system/x", "from ..io.word2vec import load\n"),
        ("training/x", "from ..io import word2vec\n"),
        ("training/x", "from ..model import skipgram\n"),
        ("model/x", "from ..cli.main import main\n"),
        ("model/x", "from .. import __version__\n"),
        ("model/x", "from ..datasets import docs\n"),
        ("cli/x", "from .. import _core\n"),
        ("cli/x", "from .._text import count\n"),
        ("cli/x", "from ..numerics.objective import f\n"),
        ("datasets/x", "from .. import _core\n"),
        ("datasets/x", "from ..text.corpus import EncodedCorpus\n"),
        ("checks", "from .text import Vocab\n"),
        ("errors", "from .system.threads import n\n"),
        ("__init__", "from .cli.main import main\n"),
        ("_core.pyx", "from .model.skipgram import SkipGram\n"),
        ("_core.pyx", "def f():\n    from .text import (\n        Vocab,\n    )\n"),
        ("_core.pyx", "cdef f():\n    if True: from .text cimport x; import os\n"),
        ("_rows.pxi", "from .io.word2vec import load  # no\n"),
        ("_core.pyi", "from .numerics import objective\n"),
        ("kernels/x.c", '#include "_omp.h"\n'),
        ("newcomer", "import os\n"),
        ("newfolder/part", "import os\n"),
    ],
)
def test_control_rules(house, path: str, text: str):
    (found,) = imports.rule_complaints(house(**{path: text}))
    assert found.startswith(path)


def test_control_lines_of_cython_are_kept(house):
    source = '"""\nfrom .text import nothing\n"""\ncimport cython\nfrom libc.math cimport exp, \\\n    log\n'
    package = house(**{"_core.pyx": source + "x = 1; from .model.skipgram import SkipGram  # no\n"})
    (found,) = imports.rule_complaints(package)
    assert found.startswith("_core.pyx:7 imports fastsg.model.skipgram.SkipGram; bindings may import")


TWO = "text/corpus.py -> text/vocab.py -> text/corpus.py"
THREE = "system/a.py -> system/b.py -> system/c.py -> system/a.py"


@pytest.mark.parametrize(
    "files, circles",
    [
        ({"text/vocab": "from .corpus import C\n"}, [TWO]),
        ({"text/vocab": "if TYPE_CHECKING:\n    from .corpus import C\n"}, [TWO]),
        ({"text/vocab": "def f():\n    from . import corpus\n"}, [TWO]),
        (
            {"text/vocab": "from . import Vocab\n"},
            ["text/__init__.py -> text/vocab.py -> text/__init__.py"],
        ),
        (
            {
                "system/b": "from .c import x\n",
                "system/c": "from .a import x\n",
                "system/a": "from . import b\n",
            },
            [THREE],
        ),
        (
            {
                "text/vocab": "from .corpus import C\n",
                "system/a": "from .b import x\n",
                "system/b": "from .c import x\nfrom . import d\n",
                "system/c": "from .a import x\n",
                "system/d": "from .b import x\n",
            },
            [THREE, "system/b.py -> system/d.py -> system/b.py", TWO],
        ),
        ({"_rows.pxi": 'include "_core.pyx"\n'}, ["_core.pyx -> _rows.pxi -> _core.pyx"]),
        (
            {"_core.pyx": "from . cimport _text\n", "_text.pyx": "cimport fastsg._core\n"},
            ["_core.pyx -> _text.pyx -> _core.pyx"],
        ),
        (
            {"kernels/kernels.h": '#include "vec.h"\n'},
            ["kernels/kernels.h -> kernels/vec.h -> kernels/kernels.h"],
        ),
        ({"text/vocab": "from .vocab import itself\n"}, []),
    ],
)
def test_control_circles(house, files: dict[str, str], circles: list[str]):
    assert sorted(imports.circle_complaints(house(**files))) == circles


@pytest.mark.parametrize(
    "path, text, complaint",
    [
        ("model/x", "from ..text.vocab import _secret\n", "imports fastsg.text.vocab._secret"),
        ("model/x", "from ..text._ids import ids\n", "imports fastsg.text._ids.ids"),
        ("model/x", "from .._core import _secret\n", "imports fastsg._core._secret"),
        ("model/x", "if TYPE_CHECKING:\n    from ..text import _Kind\n", "imports fastsg.text._Kind"),
        ("model/x", "from ..text import vocab\n_f = vocab._f\n", "uses vocab._f"),
        ("model/x", "from ..text import vocab as v\ndef _f():\n    return v._f\n", "uses v._f"),
        ("model/x", "from .. import text\ndef _f():\n    return text._f\n", "uses text._f"),
        ("model/x", "def f(model):\n    return model._keep\n", "uses model._keep"),
        ("model/x", "def f(model):\n    model._keep = 1\n", "uses model._keep"),
        ("model/x", "def f(model):\n    return getattr(model, '_keep')\n", "uses model._keep"),
        ("model/x", "def f(model):\n    return model.__keep\n", "uses model.__keep"),
        ("cli/x", "def f(parser):\n    return parser._actions\n", "uses parser._actions"),
        ("model/x", "class A:\n    def f(self):\n        self._x = 1\ndef g(a):\n    return a._x\n", None),
        ("model/x", "class A:\n    _x: int = 1\ndef g(a):\n    return a._x\n", None),
        ("model/x", "class A:\n    __slots__ = ('_x',)\ndef g(a):\n    return a._x\n", None),
        ("model/x", "class A:\n  def f(self):\n    object.__setattr__(self, '_x', 1)\nprint(A._x)\n", None),
        ("model/x", "def f(point):\n    return point._replace(x=1)._asdict(), point.__dict__\n", None),
        ("model/x", "from .. import _core\nfrom .._version import __version__\nisa = _core.isa\n", None),
        ("model/x", "from ._parts import _one\n_one()\n", None),
        ("model/x", "import argparse\ndef f(commands: argparse._SubParsersAction): pass\n", None),
    ],
)  # fmt: skip
def test_control_private_names(house, path: str, text: str, complaint: str | None):
    found = names.private_complaints(house(**{path: text}))
    assert [line.split(" ", 1)[1] for line in found] == ([complaint] if complaint else [])


@pytest.mark.parametrize(
    "text, complaints",
    [
        ("from ..text.corpus import encode\n", 1),
        ("from ..text import Vocab, hidden\n", 1),
        ("from .. import show_config\n", 1),
        ("from ..text import vocab\n", 1),
        ("from .. import SkipGram\nfrom ..errors import FormatError\nfrom ..text.vocab import Vocab\n", 0),
    ],
)
def test_control_public_names(house, text: str, complaints: int):
    assert len(imports.public_name_complaints(house(**{"cli/x": text}))) == complaints


@pytest.mark.parametrize("text", ["import fastsg.text\n", "def f():\n    from fastsg.text import Vocab\n"])
def test_control_absolute_imports(house, text: str):
    assert len(imports.absolute_complaints(house(**{"model/x": text}))) == 1


@pytest.mark.parametrize(
    "source, complaints",
    [
        ("import scipy.sparse\n", 1),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None\n", 1),
        ("class A:\n    from pandas import DataFrame\n", 1),
        ("def f():\n    import scipy\n", 0),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n", 0),
        ("import numpy.linalg, json\nfrom tqdm import tqdm\n", 0),
        ("def f():\n    import pickle\n", 1),
        ("from joblib import load\n", 2),
        ("np.load(f, allow_pickle=True)\n", 1),
        ("np.load(f, allow_pickle=flag)\n", 1),
        ("np.load(f, allow_pickle=False)\n", 0),
        ("importlib.import_module('pickle')\n", 1),
        ("import marshal\n", 1),
        ("importlib.import_module('marshal')\n", 1),
    ],
)
def test_control_foreign_imports(house, source: str, complaints: int):
    assert len(imports.foreign_complaints(house(**{"text/vocab": source}))) == complaints


@pytest.mark.parametrize(
    "path, complaints", [("sklearn", ["pandas"]), ("text/sklearn", ["sklearn", "pandas"])]
)
def test_control_packages_imported_at_once(house, path: str, complaints: list[str]):
    found = imports.foreign_complaints(
        house(**{path: "from sklearn.base import BaseEstimator\nimport pandas\n"})
    )
    assert [line.split()[2] for line in found] == complaints


def test_nothing_imports_what_imports_packages_at_once():
    for room, words in rules.MAY_IMPORT.items():
        assert not set(words.split()) & {file.removesuffix(".py") for file in rules.AT_ONCE}, room


@pytest.mark.parametrize(
    "source, complaints",
    [("from scipy import sparse\n", 1), ("from libc.math cimport exp\nimport numpy as np\n", 0)],
)
def test_control_foreign_imports_of_cython(house, source: str, complaints: int):
    assert len(imports.foreign_complaints(house(**{"_text.pyx": source}))) == complaints


@pytest.mark.parametrize(
    "source, complaints",
    [
        ('"""Prose."""\nfrom .model import SkipGram\n__all__ = ["SkipGram"]\n', 0),
        ("def __getattr__(name):\n    return 1\n", 0),
        ("def helper():\n    return 1\n", 1),
        ("class A:\n    pass\n", 1),
        ("LIMIT = 3\n", 1),
        ("for name in names:\n    load(name)\n", 1),
        ("load()\n", 1),
    ],
)
def test_control_init(source: str, complaints: int):
    assert len(imports.init_complaints(source)) == complaints


@pytest.mark.parametrize(
    "files, complaint",
    [
        ({"text/__init__": '"""One line."""\n'}, "text/__init__.py says less than 3 lines about its folder"),
        ({"text/__init__": '"""\n1\n\n2\n3\n"""\n__all__ = ["Vocab"]\n'}, "text hands out Vocab, unknown"),
        ({"graph/walks": "import os\n"}, "graph has no __init__.py"),
        ({"text/__init__": '"""1\n2\n\n3\n"""\nfrom .vocab import Vocab\n__all__ = ["Vocab"]\n'}, None),
    ],
)
def test_control_folders(tmp_path, files: dict[str, str], complaint: str | None):
    assert imports.folder_complaints(plant(tmp_path, files), 3) == ([complaint] if complaint else [])
