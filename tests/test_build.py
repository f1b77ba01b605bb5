"""What a build must not break: small numbers, the instruction set, what an import brings, the sdist."""

import fnmatch
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, copy_of_project, needs_checkout

import fastsg
from fastsg import _core

ISAS = ("generic", "avx2", "avx512", "neon")


def run(code: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    variables = {name: value for name, value in os.environ.items() if name != "FASTSG_ISA"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=check
    )


# ---- Small numbers survive ----

# A library linked with -ffast-math would flush them to zero in the thread that loads it and in those that
# it starts later.
SUBNORMAL = """
import threading
import numpy as np

def survives():
    alone, many = np.float32(1e-40) * np.float32(1), np.full(64, 1e-40, np.float32) * 1
    return bool(alone != 0) and bool((many != 0).all())

def survives_in_new_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(survives()))
    thread.start()
    thread.join()
    return seen[0]

"""
TRAIN = """
from fastsg import SkipGram
sentences = [["to", "be", "or", "not", "to", "be"], ["that", "is", "the", "question", "to", "ask"]] * 4
SkipGram(sentences, vector_size=4, min_count=1, epochs=1, workers=2)
"""


@pytest.mark.parametrize("then", ["import fastsg._core", TRAIN], ids=["import", "training"])
def test_subnormals_survive(then: str):
    out = run(
        SUBNORMAL + "assert survives()\n" + then + "\nprint(survives(), survives_in_new_thread())"
    ).stdout
    assert out.split()[-2:] == ["True", "True"]


def test_control_subnormals_do_not_survive_fast_math(tmp_path: Path):
    """The test above sees what it looks for: a library linked with -Ofast, if compilers still do that."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    (tmp_path / "fast.c").write_text("int fast(void) { return 1; }\n")
    library = tmp_path / "fast.so"
    command = [compiler, "-Ofast", "-shared", "-fPIC", str(tmp_path / "fast.c"), "-o", str(library)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("the compiler does not build it")
    code = (
        SUBNORMAL
        + f"import ctypes\nctypes.CDLL({str(library)!r})\nprint(survives(), survives_in_new_thread())"
    )
    if run(code).stdout.split() == ["True", "True"]:
        pytest.skip("this compiler links nothing that flushes subnormals (gcc 13 and later)")
    assert run(code).stdout.split() == ["False", "False"]


# ---- The instruction set ----


def test_available_isas_are_known_and_end_in_generic():
    available = _core.available_isas()
    assert set(available) <= set(ISAS) and "generic" in available
    assert _core.isa() in available


@pytest.mark.parametrize("name", ISAS)
def test_isa_is_chosen_by_the_environment(name: str):
    if name not in _core.available_isas():
        pytest.skip(f"this CPU has no {name}")
    assert run("from fastsg import _core; print(_core.isa())", FASTSG_ISA=name).stdout.split() == [name]


def test_isa_unset_or_empty_is_the_best():
    best = _core.available_isas()[0]
    assert run("from fastsg import _core; print(_core.isa())").stdout.split() == [best]
    assert run("from fastsg import _core; print(_core.isa())", FASTSG_ISA="").stdout.split() == [best]


@pytest.mark.parametrize(
    "name", ["nonsense", "AVX2", *[isa for isa in ISAS if isa not in _core.available_isas()]]
)
def test_unsupported_isa_is_an_error_not_a_fallback(name: str):
    result = run("import fastsg", check=False, FASTSG_ISA=name)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError"), last
    assert repr(name) in last and all(allowed in last for allowed in _core.available_isas())


def test_select_isa(isa_put_back):
    for name in _core.available_isas():
        _core.select_isa(name)
        assert _core.isa() == name
    with pytest.raises(ValueError, match="generic"):
        _core.select_isa("nonsense")
    assert _core.isa() == name, "an error must not change the choice"


def test_show_config_names_the_isa(capsys: pytest.CaptureFixture[str]):
    shown = fastsg.show_config()
    text = str(shown) if shown is not None else capsys.readouterr().out
    assert _core.isa() in text


# ---- What an import brings along ----


def test_import_brings_numpy_tqdm_safetensors_and_nothing_else():
    code = (
        "import json, sys; before = set(sys.modules); import fastsg; "
        "print(json.dumps([*set(sys.modules) - before]))"
    )
    tops = {name.split(".")[0] for name in json.loads(run(code).stdout)}
    # Cython keeps shared types in modules without a file; sysconfig loads a generated one.
    made_up = {name for name in tops if name.startswith(("_cython_", "cython_runtime", "_sysconfigdata_"))}
    allowed = {"fastsg", "numpy", "tqdm", "safetensors"} | sys.stdlib_module_names | made_up
    assert tops - allowed == set()


def test_version_is_readable_without_the_compiled_parts():
    spec = importlib.util.spec_from_file_location("_version", Path(fastsg.__file__).parent / "_version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.__version__ == fastsg.__version__


# ---- The sdist ----


def manifest_takes(manifest: str, path: str) -> bool:
    """Whether the rules of a MANIFEST.in, in their order, take this path; only the commands that we use."""
    taken = False
    for line in manifest.splitlines():
        command, *arguments = line.split() or [""]
        if command in ("include", "exclude"):
            matches = any(fnmatch.fnmatch(path, p) and path.count("/") == p.count("/") for p in arguments)
        elif command == "recursive-include":
            inside = path.startswith(arguments[0] + "/")
            matches = inside and any(fnmatch.fnmatch(path.rsplit("/", 1)[1], p) for p in arguments[1:])
        else:
            matches = False
        if matches:
            taken = command != "exclude"
    return taken


@needs_checkout
def test_manifest_takes_sources_and_leaves_generated_files():
    manifest = (PROJECT / "MANIFEST.in").read_text(encoding="utf-8")
    wanted = [path for end in ("pyx", "pxi", "pyi", "h") for path in PROJECT.glob(f"fastsg/*.{end}")]
    wanted += [path for path in PROJECT.glob("fastsg/kernels/*") if path.is_file()]
    wanted += [path for path in PROJECT.glob("fastsg/explorer/*") if path.suffix in (".html", ".css", ".js")]
    wanted += [
        *PROJECT.glob("tests/*.py"),
        *PROJECT.glob("bench/*.py"),
        *PROJECT.glob("docs/*.md"),
        PROJECT / "README.md",
    ]
    names = [str(path.relative_to(PROJECT)) for path in wanted if path.exists()]
    assert len(names) > 10
    assert [name for name in names if not manifest_takes(manifest, name)] == []
    generated = [str(path.relative_to(PROJECT).with_suffix(".c")) for path in PROJECT.glob("fastsg/*.pyx")]
    assert [name for name in generated if manifest_takes(manifest, name)] == []


def test_control_manifest():
    rules = "include a/*.pyx a/_core.c\nrecursive-include a/k *.c\nexclude a/_core.c\n"
    assert manifest_takes(rules, "a/x.pyx") and manifest_takes(rules, "a/k/deep/y.c")
    assert not manifest_takes(rules, "a/_core.c") and not manifest_takes(rules, "a/k/y.h")
    assert not manifest_takes(rules, "a/deep/x.pyx")


def sdist(copy: Path, dist: Path, kind: str = "tar", **environment: str) -> Path:
    """The archive of a copy of the project, packed in a process of its own."""
    for module in ("setuptools", "Cython"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    command = [sys.executable, "setup.py", "-q", "sdist", f"--formats={kind}", "--dist-dir", str(dist)]
    result = subprocess.run(command, cwd=copy, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (archive,) = dist.iterdir()
    return archive


@needs_checkout
def test_sdist_holds_pyx_and_no_generated_c(tmp_path: Path):
    """The real thing, in a copy: left alone, cythonize() makes setuptools take the .c instead of the .pyx."""
    archive = sdist(copy_of_project(tmp_path / "copy"), tmp_path / "dist")
    with tarfile.open(archive) as file:
        names = {name.split("/", 1)[1] for name in file.getnames() if "/" in name}
    sources = {str(path.relative_to(PROJECT)) for path in PROJECT.glob("fastsg/*.pyx")}
    assert sources and sources <= names
    assert not {name.replace(".pyx", ".c") for name in sources} & names
    kernels = [path for path in (PROJECT / "fastsg/kernels").iterdir() if path.is_file()]
    assert {str(path.relative_to(PROJECT)) for path in kernels} <= names
    assert {f"fastsg/explorer/{name}" for name in ("page.html", "page.css", "map.js")} <= names
    assert {"setup.py", "pyproject.toml", "LICENSE", "fastsg/_omp.h", "fastsg/py.typed"} <= names


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "control: setuptools' own"])
@needs_checkout
def test_sdist_is_the_same_bytes_twice(tmp_path: Path, ours: bool):
    """Whenever it is packed, and whoever may read its files (tools/reproduce compares wheels too)."""
    copy, archives = copy_of_project(tmp_path / "copy"), []
    if not ours:
        setup = copy / "setup.py"
        setup.write_text(setup.read_text(encoding="utf-8").replace(', "sdist": Pack', ""), encoding="utf-8")
    for day in (1, 2):
        for path in copy.rglob("*"):
            os.utime(path, (day * 86400, day * 86400))
        (copy / "README.md").chmod(0o600 if day == 2 else 0o644)
        seeds = {"PYTHONHASHSEED": str(day), "SOURCE_DATE_EPOCH": "1000000000"}
        archives.append(sdist(copy, tmp_path / f"dist{day}", "gztar", **seeds).read_bytes())
    assert (archives[0] == archives[1]) is ours


# What setup.py makes of a file, for a CPU with FMA: does its code have fused instructions?
FUSED = """
import os, pathlib, runpy, subprocess, sys, tempfile
import setuptools, Cython.Build
from distutils import ccompiler, sysconfig
setuptools.setup = lambda **project: None
Cython.Build.cythonize = lambda extensions, **options: extensions
compiler = ccompiler.new_compiler()
sysconfig.customize_compiler(compiler)
flags = ["-std=c11", "-O2", "-mfma"]
if sys.argv[1:] == ["all"]:
    flags.append("-ffp-contract=fast")
else:
    runpy.run_path("setup.py")["fuse_by_file"](compiler)
with tempfile.TemporaryDirectory() as folder:
    for name in ("small_matrices", "directions", "isa_generic", "isa_avx2"):
        (made,) = compiler.compile([f"fastsg/kernels/{name}.c"], output_dir=folder, extra_postargs=flags)
        if b"vfmadd" in subprocess.check_output(["objdump", "-d", made]):
            print("fused:", name)
"""


@needs_checkout
@pytest.mark.parametrize("flags", ["ours", "all"])
def test_only_files_of_sets_with_fma_fuse(flags: str):
    """All other code rounds alike where every CPU has FMA, as on aarch64. Control: with our flags gone."""
    if not (shutil.which("gcc") and shutil.which("objdump")) or platform.machine() != "x86_64":
        pytest.skip("needs gcc and objdump for x86-64")
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("Cython") is None:
        pytest.skip("needs setuptools and Cython")
    made = subprocess.run(
        [sys.executable, "-c", FUSED, flags], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    found = set(re.findall("fused: (.*)", made.stdout))
    assert found == {"isa_avx2"} if flags == "ours" else found > {"isa_avx2"}


def test_numpy_subnormal_constant_is_one():
    """Control: the constant of the first test is subnormal and not zero."""
    assert 0 < np.float32(1e-40) < np.finfo(np.float32).tiny


@needs_checkout
def test_debug_builds_fuse(tmp_path):
    """FASTSG_DEBUG=1 is to exercise the arithmetic of a release; -O1 alone does not fuse (the control)."""
    if not shutil.which("gcc") or platform.machine() != "x86_64":
        pytest.skip("needs gcc for x86-64")
    flags = next(line for line in (PROJECT / "setup.py").read_text().splitlines() if '["-O1"' in line)
    debug = re.findall(r'"(-[^"]+)"', flags.partition(" if ")[0])
    for optimization, fuses in ((debug, True), (["-O1"], False)):
        command = ["gcc", "-std=c11", "-ffp-contract=fast", *optimization, "-S", "-o", "-", "isa_avx2.c"]
        made = subprocess.run(
            command, cwd=PROJECT / "fastsg" / "kernels", capture_output=True, text=True, check=True
        )
        assert ("vfmadd" in made.stdout) is fuses
