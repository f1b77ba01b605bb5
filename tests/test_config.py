"""Loading the kernels: the wait policy of OpenMP, and what is said where there are no kernels."""

import ast
import shutil
from pathlib import Path

import pytest
from commands import ROOT, python

WAIT_POLICY = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
#: The folder that Python starts in comes first, as usual.
HERE_FIRST = {"PYTHONSAFEPATH": ""}
#: An editable install finds the parts of the package that a copy lacks.
NOT_EDITABLE = (
    "import sys; sys.meta_path[:] = [finder for finder in sys.meta_path "
    "if not getattr(finder, '__module__', '').startswith('__editable__')]\n"
)


@pytest.mark.parametrize(
    "given, shown",
    [
        ({}, "OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=2000 (set by fastsg)"),
        ({"GOMP_SPINCOUNT": "1000"}, "GOMP_SPINCOUNT=1000"),
        ({"OMP_WAIT_POLICY": "active"}, "OMP_WAIT_POLICY=active"),
    ],
)
def test_config_shows_the_wait_policy_at_import(given, shown):
    code = "import fastsg, os; os.environ['OMP_WAIT_POLICY'] = 'late'; "
    code += "print(fastsg.show_config()['wait_policy'])"
    done = python("-c", code, without=WAIT_POLICY, **given)
    assert done.stdout.strip() == shown, done.stderr


@pytest.fixture
def source(tmp_path):
    """A folder with the Python files of the package and no compiled parts."""
    compiled = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(ROOT / "fastsg", tmp_path / "fastsg", ignore=compiled)
    return tmp_path


def test_source_without_compiled_parts_says_what_to_do(source):
    """Found by users: after `pip install .`, Python started in the checkout imports the checkout."""
    done = python("-c", NOT_EDITABLE + "from fastsg import SkipGram", folder=source, **HERE_FIRST)
    assert done.returncode == 1
    said = " ".join(done.stderr[done.stderr.rindex("\nImportError: ") :].split())
    for part in (
        f"fastsg was imported from {source / 'fastsg'}",
        "without its compiled parts",
        "start Python in another folder, or with -P or PYTHONSAFEPATH=1",
        "`pip install -e .`",
        "`python setup.py build_ext --inplace`",
    ):
        assert part in said
    assert "cannot import name '_core'" in done.stderr  # the cause


def test_the_error_is_an_import_error_of_the_kernels(source):
    code = (
        "try: import fastsg\nexcept ImportError as error: print(error.name, type(error.__cause__).__name__)"
    )
    done = python("-c", NOT_EDITABLE + code, folder=source, **HERE_FIRST)
    assert done.stdout.split() == ["fastsg._core", "ImportError"], done.stderr


def test_control_a_compiled_part_that_cannot_be_loaded_speaks_for_itself(source):
    (source / "fastsg" / "_core.abi3.so").write_bytes(b"not a library")
    done = python("-c", "import fastsg", folder=source, **HERE_FIRST)
    assert done.returncode == 1 and "without its compiled parts" not in done.stderr
    assert "_core.abi3.so" in done.stderr.splitlines()[-1]


def test_every_public_name_has_its_home():
    """Names are loaded when they are asked for: each is there, and type checkers are told of the same."""
    import fastsg

    for name in fastsg.__all__:
        assert getattr(fastsg, name) is not None and name in dir(fastsg)
    assert set(fastsg._HOMES) | {"show_config", "__version__"} == set(fastsg.__all__)
    tree = ast.parse(Path(fastsg.__file__).read_text("utf-8"))
    told = next(node for node in tree.body if isinstance(node, ast.If)).body
    homes = {alias.name: node.module for node in told for alias in node.names}
    assert homes == fastsg._HOMES
    assert fastsg.io.load_vectors and fastsg.graph.random_walks
    with pytest.raises(AttributeError, match="module 'fastsg' has no attribute 'nope'"):
        _ = fastsg.nope


@pytest.mark.parametrize("command", ["-m", "script"])
def test_a_wrong_instruction_set_is_one_line_on_the_command_line(command, tmp_path):
    if command == "script":
        command = tmp_path / "fastsg"
        command.write_text("from fastsg.cli import main\nmain()")
    done = python(command, *["fastsg"] * (command == "-m"), "info", FASTSG_ISA="foo")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("fastsg: error: FASTSG_ISA: instruction set is 'foo'; this build and CPU")
    done = python("-c", "import fastsg", FASTSG_ISA="foo")  # a program of its own may catch it
    assert "Traceback" in done.stderr and "ValueError: instruction set is 'foo'" in done.stderr
