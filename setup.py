"""Builds the four extensions. Project data stand in pyproject.toml; here is only what needs a compiler.

FASTSG_OPENMP=0|1|auto   without OpenMP | with it or fail | with it if the compiler can (default); same bits
FASTSG_DEBUG=1           bounds checks in the bindings; all compiled with -O1 -g, fused, and not stripped
FASTSG_SANITIZE=LIST     e.g. address,undefined or thread

Whoever packs one version twice gets the same bytes twice, if SOURCE_DATE_EPOCH says what time it is.
"""

import gzip
import os
import platform
import sys
import sysconfig
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

os.umask(0o022)  # files of a wheel carry their modes, which are nobody's own
KERNELS = "fastsg/kernels"
SOURCES = {
    "_core": [
        *("dispatch.c", "isa_generic.c", "isa_avx2.c", "isa_avx512.c", "isa_neon.c"),
        *("bf16_amx.c", "bf16_avx512.c"),
        *("random.c", "subsampling.c", "windows.c", "rows.c", "small_matrices.c", "directions.c"),
    ],
    "_counting": ["cooccur.c"],
    "_text": ["text.c", "decimal.c", "vector_rows.c"],
    "_walks": ["walks.c", "random.c"],
}
#: Where products are fused into sums. All else is compiled for the oldest CPU the compiler knows of, with
#: fused instructions on aarch64 and none on x86-64: for the same bits, nothing is fused there.
FUSED = {"isa_avx2.c", "isa_avx512.c", "isa_neon.c", "bf16_amx.c", "bf16_avx512.c"}
DEBUG = os.environ.get("FASTSG_DEBUG") == "1"
SANITIZE = os.environ.get("FASTSG_SANITIZE", "")
# abi3: one binary for CPython 3.11 and later. Free-threaded builds and other Pythons have no stable ABI yet.
ABI3 = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

OPENMP_PROBE = """#include <omp.h>
int main(void)
{
    int n = 0;
#pragma omp parallel
    n = omp_get_num_threads();
    return n < 1;
}
"""
# GCC 9 and later
PAUSE_PROBE = """#include <omp.h>
int main(void) { return omp_pause_resource_all(omp_pause_hard); }
"""


def links(compiler: Any, code: str) -> bool:
    """Whether a few lines that use OpenMP can be compiled and linked with the real compiler."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(code)
        try:
            objects = compiler.compile([str(source)], output_dir=folder, extra_postargs=["-fopenmp"])
            compiler.link_executable(objects, str(Path(folder, "probe")), extra_postargs=["-fopenmp"])
        except Exception:  # noqa: BLE001  whatever goes wrong, this compiler cannot
            return False
    return True


def openmp_flags(compiler: Any) -> tuple[list[str], list[str]]:
    """What FASTSG_OPENMP asks for, as flags for compiling and for linking."""
    wish = os.environ.get("FASTSG_OPENMP", "auto")
    if wish not in ("0", "1", "auto"):
        raise SystemExit(f"FASTSG_OPENMP is {wish!r}; allowed are 0, 1 and auto")
    if wish != "0" and links(compiler, OPENMP_PROBE):
        pause = ["-DFSG_OMP_PAUSE"] if links(compiler, PAUSE_PROBE) else []
        return ["-fopenmp", *pause], ["-fopenmp"]
    if wish == "1":
        raise SystemExit("FASTSG_OPENMP=1, but this compiler cannot build with -fopenmp")
    print("fastsg: building WITHOUT OpenMP: one thread, the same bits", file=sys.stderr)
    return [], []


def fuse_by_file(compiler: Any) -> None:
    """Have the compiler fuse in the files of FUSED alone; an extension has one list for all."""
    compile_one = compiler._compile

    def compile_fused_or_not(obj: str, src: str, ext: str, cc: Any, flags: list[str], pp: Any) -> None:
        contract = "fast" if Path(src).name in FUSED else "off"
        compile_one(obj, src, ext, cc, [*flags, f"-ffp-contract={contract}"], pp)

    compiler._compile = compile_fused_or_not


class Build(build_ext):
    """Adds the flags that the kernels need, and OpenMP."""

    def build_extensions(self) -> None:
        compile_args = ["-std=c11", "-fno-math-errno", "-fno-trapping-math"]
        compile_args += ["-Wall", "-Wextra", "-Wno-unused-function", "-Wno-psabi"]
        # gcc's -O1 alone fuses no product with its sum: other bits than those of a release
        watched = ["-O1", "-fexpensive-optimizations", "-g"]
        compile_args += watched if DEBUG or SANITIZE else ["-O3", "-g0"]
        link_args = [] if DEBUG or SANITIZE else ["-Wl,-s"] * sys.platform.startswith("linux")
        if SANITIZE:
            # CPython's own flags hold -fwrapv, under which an overflow of int is no error and is not reported
            compile_args += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-fno-wrapv"]
            link_args += [f"-fsanitize={SANITIZE}"]
        for flags, more in zip((compile_args, link_args), openmp_flags(self.compiler)):
            flags += more
        for extension in self.extensions:
            extension.extra_compile_args += compile_args
            extension.extra_link_args += link_args
        fuse_by_file(self.compiler)
        super().build_extensions()


class Pack(sdist):
    """Packs the sdist without a trace of who packs it where and when: owners, modes, times."""

    def make_archive(
        self,
        base_name: str,
        format: str,
        root_dir: Any = None,
        base_dir: Any = None,
        owner: Any = None,
        group: Any = None,
    ) -> str:
        """Only the two formats that are used; of gzip's header, the time and the file's name are left out."""
        now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        name = base_name + {"tar": ".tar", "gztar": ".tar.gz"}[format]

        self.mkpath(str(Path(name).parent))

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.mtime, member.mode, member.uid, member.gid, member.uname, member.gname = (
                now,
                mode,
                0,
                0,
                "",
                "",
            )
            return member

        with open(name, "wb") as raw:
            packed: Any = raw if format == "tar" else gzip.GzipFile("", "wb", fileobj=raw, mtime=0)
            with packed, tarfile.open(mode="w", fileobj=packed) as archive:
                archive.add(base_dir or ".", filter=plain)
        return name


def extension(name: str, sources: list[str]) -> Extension:
    """One compiled module; any change in a kernel or an included file builds it anew."""
    return Extension(
        f"fastsg.{name}",
        [f"fastsg/{name}.pyx", *(f"{KERNELS}/{source}" for source in sources)],
        include_dirs=[KERNELS, "fastsg"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        depends=[str(path) for path in [*Path(KERNELS).glob("*.[ch]"), *Path("fastsg").glob("*.pxi")]],
        py_limited_api=ABI3,
    )


setup(
    ext_modules=cythonize(
        [extension(name, sources) for name, sources in SOURCES.items()],
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
    cmdclass={"build_ext": Build, "sdist": Pack},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
