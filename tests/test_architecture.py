"""The house: a file imports only from floors below, and the kernels know nothing of Python.

Every checker is a function from text to a list of complaints, and each is tried on planted slips as well.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastsg"

# Floor 2' (text) stands beside floor 2 (mathematics): neither imports the other. A new file must be given a floor here.
FLOORS = {
    "errors": "0", "_version": "0", "_atomic": "0", "_suggest": "0",
    "_core": "1", "_text": "1", "_counting": "1", "_threads": "1", "_memory": "1", "_config": "1", "_safetensors": "1",
    "objective": "2", "optim": "2", "settings": "2", "spectral": "2",
    "vocab": "2'", "reading": "2'", "corpus": "2'", "pairs": "2'", "counts": "2'", "stages": "2'", "demo_corpus": "2'",
    "vectors": "3", "evaluation": "3", "probability": "3", "inputs": "3", "io": "3",
    "model": "4", "course": "4", "trainer": "4", "callbacks": "4", "report": "4", "snapshot": "4", "checkpoint": "4",
    "__init__": "4+",
    "compat": "5", "sklearn": "5",
    "cli": "6", "cli_query": "6", "cli_train": "6", "cli_count": "6", "demo": "6", "__main__": "6",
}  # fmt: skip
HEIGHTS = {"0": 0, "1": 1, "2": 2, "2'": 2, "3": 3, "4": 4, "4+": 4.5, "5": 5, "6": 6}

# Files of one floor are one subject and may know each other, but never in a circle; the adapters are strangers.
STRANGERS = {"5"}
COMPILED = {"_core", "_text", "_counting"}
REQUIRED = {"numpy", "tqdm", "safetensors"}

needs_checkout = pytest.mark.skipif(
    not (ROOT / "setup.py").is_file(), reason="needs the project's own folder"
)


# ---------------------------------------------------------------------------------------------------------------------
# What a file imports


def module_of(path: Path, package: Path) -> str:
    """``fastsg/io/word2vec.py`` is ``io.word2vec``; ``fastsg/io/__init__.py`` is ``io``."""
    parts = list(path.relative_to(package).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def imports_of(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Every import of a file, at any depth, as an absolute dotted name with its statement."""
    here = ["fastsg"] + ([] if module == "__init__" else module.split("."))
    folder = here if is_package else here[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                yield ".".join([*base, alias.name]), node


def pyx_imports(source: str) -> ast.Module:
    """The Python imports of Cython source, which `ast` cannot read; line numbers are kept."""
    is_import = re.compile(r"\s*(?:from\s+[\w.]+\s+)?import\s+[\w.*, ]+$")
    lines = [line.split("#")[0].rstrip() for line in source.splitlines()]
    return ast.parse("\n".join(line.strip() if is_import.match(line) else "" for line in lines))


def read_tree(path: Path) -> ast.Module:
    source = path.read_text(encoding="utf-8")
    return pyx_imports(source) if path.suffix == ".pyx" else ast.parse(source)


def typing_only(tree: ast.AST) -> set[int]:
    """Ids of the nodes under ``if TYPE_CHECKING``, which never run."""
    branches = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {id(node) for branch in branches for node in ast.walk(branch)}


def target_of(name: str, package: Path) -> str:
    """The file or folder of the package that an absolute name leads to; ``__init__`` for a name of the package."""
    part = name.split(".")[1] if "." in name else "__init__"
    is_module = part in FLOORS or any((package / (part + end)).exists() for end in ("", ".py", ".pyx"))
    return part if is_module else "__init__"


def may_import(above: str, below: str) -> bool:
    """Whether a file on floor `above` may import another one on floor `below`."""
    if above == below:
        return above not in STRANGERS
    return HEIGHTS[below] < HEIGHTS[above]  # 2 and 2' are equally high, so neither sees the other


def floor_complaints(package: Path) -> list[str]:
    """Imports that go up or sideways, files without a floor, circles."""
    complaints, edges = [], {}
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.pyx")]):
        module = module_of(path, package)
        top = module.split(".")[0]
        if top not in FLOORS:
            complaints.append(f"{module} has no floor yet: give it one in FLOORS")
            continue
        tree = read_tree(path)
        annotations = typing_only(tree)
        for name, node in imports_of(tree, module, path.name == "__init__.py"):
            target = target_of(name, package) if name.split(".")[0] == "fastsg" else top
            if target == top:
                continue
            if id(node) not in annotations:
                edges.setdefault(top, set()).add(target)
            if target not in FLOORS:
                complaints.append(f"{module}:{node.lineno} imports {name}, which has no floor")
            elif not may_import(FLOORS[top], FLOORS[target]):
                above, below = FLOORS[top], FLOORS[target]
                complaints.append(f"{module}:{node.lineno} (floor {above}) imports {name} (floor {below})")
            elif FLOORS[top] == "6" and target in COMPILED:
                complaints.append(
                    f"{module}:{node.lineno} imports {name}; floor 6 stands on the public names"
                )
    return complaints + cycle_complaints(edges)


def cycle_complaints(edges: dict[str, set[str]]) -> list[str]:
    """Cycles among modules, found by taking away what imports nothing that is left."""
    left = {module: targets - {module} for module, targets in edges.items()}
    while True:
        leaves = [module for module, targets in left.items() if not targets & left.keys()]
        if not leaves:
            return [f"these import each other in a circle: {', '.join(sorted(left))}"] if left else []
        for module in leaves:
            del left[module]


def foreign_complaints(package: Path) -> list[str]:
    """Imports at module level of what is neither the standard library nor a requirement; any import of pickle or marshal."""
    complaints = []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = module_of(path, package)
        functions = [
            node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        lazy = {id(inner) for function in functions for inner in ast.walk(function)}
        for name, node in imports_of(tree, module, path.name == "__init__.py"):
            first = name.split(".")[0]
            if first in {
                "pickle",
                "_pickle",
                "cPickle",
                "cloudpickle",
                "dill",
                "joblib",
                "shelve",
                "marshal",
            }:
                complaints.append(f"{module}:{node.lineno} imports {first}")
            known = first in REQUIRED or first in sys.stdlib_module_names or first == "fastsg"
            if not known and id(node) not in lazy | typing_only(tree):
                complaints.append(f"{module}:{node.lineno} imports {first} at module level")
        complaints += pickle_complaints(tree, module)
    return complaints


def pickle_complaints(tree: ast.AST, module: str) -> list[str]:
    """Roads to pickle without an import: NumPy's switch, and importing by name."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                found.append(f"{module}:{node.value.lineno} allow_pickle is not False")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            if any(
                isinstance(a, ast.Constant) and re.search("pickle|marshal", str(a.value)) for a in node.args
            ):
                found.append(f"{module}:{node.lineno} imports {ast.unparse(node.args[0])} by name")
    return found


def init_complaints(source: str) -> list[str]:
    """``fastsg/__init__.py`` re-exports: no classes, no functions but a lazy ``__getattr__`` and ``__dir__``."""
    found = []
    for node in ast.parse(source).body:
        allowed_function = isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}
        if isinstance(node, (ast.ClassDef, ast.AsyncFunctionDef, ast.For, ast.While)) or (
            isinstance(node, ast.FunctionDef) and not allowed_function
        ):
            found.append(f"__init__:{node.lineno} is more than a re-export")
    return found


# ---------------------------------------------------------------------------------------------------------------------
# C, flags, paths


FORBIDDEN_HEADERS = re.compile(r'#\s*include\s*[<"](Python\.h|stdio\.h|omp\.h|numpy/[^>"]+|_omp\.h)[>"]')
FORBIDDEN_CALLS = re.compile(
    r"\b(malloc|calloc|realloc|free|alloca|aligned_alloc|posix_memalign|printf|fprintf|exit|abort)\s*\("
)
C_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def kernel_complaints(source: str) -> list[str]:
    """Headers, allocation, output and OpenMP that have no place in a kernel file; comments do not count."""
    found = [f"includes {m[1]}" for m in FORBIDDEN_HEADERS.finditer(source)]
    code = C_NOISE.sub(" ", source)
    found += [f"calls {m[1]}" for m in FORBIDDEN_CALLS.finditer(code)]
    if re.search(r"#\s*pragma\s+omp\b|\bomp_\w+\s*\(", code):
        found.append("uses OpenMP")
    return found


def flag_complaints(source: str) -> list[str]:
    """Flags that make a build wrong on another machine, or wrong everywhere; only strings count, not comments."""
    strings = {
        n.value
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    banned = (
        "-march=",
        "-mtune=native",
        "-mcpu=",
        "-ffast-math",
        "-Ofast",
        "-funsafe-math",
        "-fassociative-math",
    )
    return sorted(
        {flag for text in strings if text.lstrip().startswith("-") for flag in banned if flag in text}
    )


# Spelled in pieces, or this very file would be the first one found.
LOCAL_PATH = re.compile(
    rb"(?<![\w.:/-])/(?:ho" rb"me|ro" rb"ot|Use" rb"rs|wo" rb"rk|mn" rb"t|tm" rb"p/w)/[\w.-]+"
)


def path_complaints(data: bytes) -> list[str]:
    """Absolute paths of somebody's machine."""
    return sorted({match[0].decode() for match in LOCAL_PATH.finditer(data)})


# ---------------------------------------------------------------------------------------------------------------------
# The house as it is


def test_imports_go_down_only():
    assert floor_complaints(PACKAGE) == []


def test_module_level_imports_are_the_required_ones():
    assert foreign_complaints(PACKAGE) == []


def test_init_only_re_exports():
    path = PACKAGE / "__init__.py"
    if not path.is_file():
        pytest.skip("no fastsg/__init__.py")
    assert init_complaints(path.read_text(encoding="utf-8")) == []


@needs_checkout
def test_compiled_modules_have_a_floor():
    assert {path.stem for path in PACKAGE.glob("*.pyx")} <= {
        name for name, floor in FLOORS.items() if floor == "1"
    }


@needs_checkout
def test_kernels_are_plain_c():
    files = [path for path in (PACKAGE / "kernels").rglob("*") if path.suffix in {".c", ".h", ".inc"}]
    complaints = {path.name: kernel_complaints(path.read_text(encoding="utf-8")) for path in files}
    assert {name: found for name, found in complaints.items() if found} == {}


@needs_checkout
def test_build_flags_run_everywhere():
    assert flag_complaints((ROOT / "setup.py").read_text(encoding="utf-8")) == []


@needs_checkout
def test_no_local_paths_in_tracked_files():
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    complaints = {str(f.relative_to(ROOT)): path_complaints(f.read_bytes()) for f in files if f.is_file()}
    assert {name: found for name, found in complaints.items() if found} == {}


# ---------------------------------------------------------------------------------------------------------------------
# Controls: every checker sees what is planted for it


def plant(folder: Path, **files: str) -> Path:
    """A package with these files; ``io__npz`` is ``io/npz.py``."""
    for name, text in files.items():
        path = folder / (re.sub(r"(?<=[a-z])__(?=[a-z])", "/", name) + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"vectors": "from .trainer import SkipGram\n"},
        {"vocab": "from fastsg import optim\n"},
        {"vocab": "import fastsg.optim\n"},
        {"objective": "from .corpus import EncodedCorpus\n"},
        {"corpus": "def f():\n    from .model import SkipGram\n"},
        {"model": "from fastsg import show_config\n"},
        {"vectors": "from . import __version__\n"},
        {"__init__": "from .cli import main\n"},
        {"cli": "from ._core import isa\n"},
        {"_core": "import fastsg\n"},
        {"io__npz": "from ..model import SkipGram\n"},
        {"io__npz": "from .. import cli\n"},
        {"io____init__": "from ..sklearn import X\n"},
        {"compat": "from .sklearn import SkipGramVectorizer\n"},
        {"newcomer": "import os\n"},
        {"newfolder__part": "import os\n"},
        {"trainer": "from .newcomer import x\n"},
        {"vocab": "from .reading import a\n", "reading": "from .vocab import b\n"},
    ],
    ids=lambda files: "-".join(files),
)
def test_control_floors(tmp_path: Path, files: dict[str, str]):
    assert len(floor_complaints(plant(tmp_path, **files))) == 1


def test_control_cython_files_are_read(tmp_path: Path):
    source = "cimport cython\nfrom libc.math cimport exp\n    from .model import SkipGram  # no\n"
    (tmp_path / "_core.pyx").write_text(source)
    assert floor_complaints(tmp_path) == ["_core:3 (floor 1) imports fastsg.model.SkipGram (floor 4)"]


def test_control_good_imports_pass(tmp_path: Path):
    package = plant(
        tmp_path,
        cli="import fastsg\nfrom . import SkipGram, __version__\nfrom .demo import main\n",
        demo="from .demo_corpus import PROBES\nfrom .trainer import SkipGram\n",
        trainer="from . import _core\nfrom .corpus import Corpus\nfrom .io import word2vec\nfrom .optim import f\n",
        vectors="import numpy as np\nfrom .io.word2vec import read\nfrom .errors import FormatError\n",
        io__word2vec="from ..errors import FormatError\nfrom .._version import __version__\nfrom .npz import x\n",
        __init__="from .trainer import SkipGram\nfrom ._version import __version__\n",
    )
    assert floor_complaints(package) == []
    assert foreign_complaints(package) == []


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
def test_control_foreign_imports(tmp_path: Path, source: str, complaints: int):
    assert len(foreign_complaints(plant(tmp_path, vocab=source))) == complaints


@pytest.mark.parametrize(
    "source, complaints",
    [
        ("from .model import SkipGram\n__all__ = ['SkipGram']\n", 0),
        ("def __getattr__(name):\n    return 1\n", 0),
        ("def helper():\n    return 1\n", 1),
        ("class A:\n    pass\n", 1),
    ],
)
def test_control_init(source: str, complaints: int):
    assert len(init_complaints(source)) == complaints


@pytest.mark.parametrize(
    "source, complaints",
    [
        ("#include <Python.h>\n", 1),
        ('# include "stdio.h"\n', 1),
        ("#include <omp.h>\n#pragma omp parallel for\n", 2),
        ("float *p = malloc (4);\nfree(p);\n", 2),
        ("int n = omp_get_num_threads();\n", 1),
        ("#include <math.h>\n#include <stdint.h>\n/* never malloc() or printf(), see omp_get() */\n", 0),
        ("int fsg_free_rows(int n);  // free(x) is not called\n", 0),
    ],
)
def test_control_kernels(source: str, complaints: int):
    assert len(kernel_complaints(source)) == complaints


@pytest.mark.parametrize(
    "source, complaints",
    [
        ('flags = ["-O3", "-march=native"]\n', 1),
        ('flags = "-O3 -ffast-math".split()\n', 1),
        ('flags = ["-Ofast"]\n', 1),
        (
            '"""Never -march=native or -ffast-math."""\n# -ffast-math\nflags = ["-O3", "-ffp-contract=fast"]\n',
            0,
        ),
    ],
)
def test_control_flags(source: str, complaints: int):
    assert len(flag_complaints(source)) == complaints


@pytest.mark.parametrize(
    "text, complaints",
    [
        ("see /ho" + "me/someone/notes", 1),
        ('open("/ro' + 'ot/x.txt")', 1),
        ("cd /wo" + "rk/main", 1),
        ("https://example.org/ho" + "me/page and ./wo" + "rk/x and /usr/bin/env and /tmp/x", 0),
    ],
)
def test_control_paths(text: str, complaints: int):
    assert len(path_complaints(text.encode())) == complaints


def test_control_may_import():
    check: Callable[[str, str], bool] = may_import
    assert check("4", "2") and check("4", "2'") and check("2'", "1") and check("3", "2'")
    assert not check("2", "2'") and not check("2'", "2") and not check("1", "2") and not check("5", "5")
