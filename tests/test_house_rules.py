"""The shape of the house: sizes, docstrings, kernels that are plain C, flags and files that name no machine.

Every checker is tried on planted slips as well. Who may import whom is tested in test_architecture.py.
"""

import subprocess
from pathlib import Path

import pytest
from architecture import plain, sizes
from architecture.sources import PACKAGE, ROOT, read

needs_checkout = pytest.mark.skipif(
    not (ROOT / "setup.py").is_file(), reason="needs the project's own folder"
)


# ---- the house as it is ----


@needs_checkout
def test_files_classes_and_functions_are_short():
    assert sizes.size_complaints(PACKAGE) == []


@needs_checkout
def test_public_things_have_docstrings():
    assert sizes.docstring_complaints(PACKAGE) == []


@needs_checkout
def test_kernels_are_plain_c():
    files = [path for path in (PACKAGE / "kernels").rglob("*") if path.suffix in {".c", ".h", ".inc"}]
    complaints = {path.name: plain.kernel_complaints(read(path)) for path in files}
    assert files
    assert {name: found for name, found in complaints.items() if found} == {}


@needs_checkout
def test_build_flags_run_everywhere():
    assert plain.flag_complaints(read(ROOT / "setup.py")) == []


@needs_checkout
def test_no_local_paths_in_tracked_files():
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    complaints = {
        str(f.relative_to(ROOT)): plain.path_complaints(f.read_bytes()) for f in files if f.is_file()
    }
    assert {name: found for name, found in complaints.items() if found} == {}


# ---- planted slips ----

MOST = {"file": 12, "class": 6, "function": 3}
LONG_C = "static int add(int a,\n               int b)\n{\n    a += b;\n    return a;\n}\n"
LONG_CYTHON = """\
cdef class Box:
    cdef int x

    def add(self,
            int a) except -1:
        self.x += a
        return a
"""


@pytest.mark.parametrize(
    "name, source, found",
    [
        ("a.py", "x = 1\n" * 13, ["a.py: 13 lines"]),
        ("a.py", "x = 1\n" * 12, []),
        ("a.py", "def f(x):\n    x += 1\n    x += 2\n    return x\n", ["a.py::f: 4 lines"]),
        ("a.py", 'def f(x):\n    """One.\n\n    Two.\n    """\n    x += 1\n    return x\n', []),
        ("a.py", "class A:\n" + "    x = 1\n" * 6, ["a.py::A: 7 lines"]),
        ("a.py", "class A:\n    async def f(x):\n        1\n        2\n        3\n", ["a.py::A.f: 4 lines"]),
        ("a.py", "def f():\n  def g():\n    1\n    2\n    3\n", ["a.py::f: 5 lines", "a.py::f.g: 4 lines"]),
        ("a.py", "if x:\n    def f():\n        1\n        2\n        3\n", ["a.py::f: 4 lines"]),
        ("a.c", LONG_C, ["a.c::add: 6 lines"]),
        ("a.c", "int add(int a)\n{\n}\n\nstruct x {\n    int a;\n    int b;\n    int c;\n};\n", []),
        ("a.h", "int a;\n" * 13, ["a.h: 13 lines"]),
        ("a.pyx", LONG_CYTHON, ["a.pyx::Box: 7 lines", "a.pyx::add: 4 lines"]),
        ("a.pyx", "cdef int f(int a) noexcept nogil:\n    a += 1\n\n    return a\n", []),
        ("a.pxi", 'def f(int a):\n    """One.\n\n    Two.\n    """\n    a += 1\n    return a\n', []),
    ],
)  # fmt: skip
def test_control_sizes(tmp_path: Path, name: str, source: str, found: list[str]):
    (tmp_path / name).write_text(source)
    assert [line.split(";")[0] for line in sizes.size_complaints(tmp_path, MOST, {})] == found


def test_control_exceptions_to_the_sizes(tmp_path: Path):
    (tmp_path / "a.c").write_text(LONG_C)
    (tmp_path / "_b.pyx").write_text("x = 1\n")
    (tmp_path / "_b.c").write_text("int a;\n" * 1000)  # generated: nobody reads it
    assert sizes.size_complaints(tmp_path, MOST, {"a.c::add": "one loop"}) == []
    unneeded = {"a.c::add": "one loop", "a.c": "short by now", "gone.py": "gone"}
    assert len(sizes.size_complaints(tmp_path, MOST, unneeded)) == 2


@pytest.mark.parametrize(
    "source, found",
    [
        ("", ["(the file)"]),
        ('"""File."""\ndef f(): pass\n', ["f"]),
        ('"""File."""\nclass A:\n    def f(self): pass\n', ["A", "A.f"]),
        ('"""File."""\nclass A:\n    """A."""\n    @overload\n    def f(self): ...\n', []),
        ('"""File."""\nclass A:\n    """A."""\n    @f.setter\n    def f(self, x): pass\n', []),
        (
            '"""File."""\nclass A:\n    """A."""\n    def f(self):\n        """F."""\n'
            'class B(A):\n    """B."""\n    def f(self): pass\n    def g(self): pass\n',
            ["B.g"],
        ),
        ('"""File."""\ndef _f(): pass\nclass _A:\n    def f(self): pass\n', []),
        ('"""File."""\ndef f():\n    """F."""\n    def g(): pass\n', []),
    ],
)
def test_control_docstrings(tmp_path: Path, source: str, found: list[str]):
    (tmp_path / "a.py").write_text(source)
    assert sizes.docstring_complaints(tmp_path) == [f"a.py::{name} has no docstring" for name in found]


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
    assert len(plain.kernel_complaints(source)) == complaints


@pytest.mark.parametrize(
    "source, complaints",
    [
        ('flags = ["-O3", "-march=native"]\n', 1),
        ('flags = "-O3 -ffast-math".split()\n', 1),
        ('flags = ["-Ofast"]\n', 1),
        (
            '"""Never -march=native."""\n# -ffast-math\nflags = ["-O3", "-ffp-contract=fast"]\n',
            0,
        ),
    ],
)
def test_control_flags(source: str, complaints: int):
    assert len(plain.flag_complaints(source)) == complaints


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
    assert len(plain.path_complaints(text.encode())) == complaints
