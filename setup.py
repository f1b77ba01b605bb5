"""Builds the two extensions. Project data stand in pyproject.toml; here is only what needs a compiler.

FASTSG_OPENMP=0|1|auto   without OpenMP | OpenMP or fail | OpenMP if the compiler can (default; the bits are the same)
FASTSG_DEBUG=1           bounds checks in the bindings; all compiled with -O1 -g and not stripped
FASTSG_SANITIZE=LIST     e.g. address,undefined or thread
"""

import os
import platform
import sys
import sysconfig
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = "fastsg/kernels"
DEBUG = os.environ.get("FASTSG_DEBUG") == "1"
SANITIZE = os.environ.get("FASTSG_SANITIZE", "")
# abi3: one binary for CPython 3.11 and later; free-threaded builds and other implementations have no stable ABI yet.
ABI3 = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")


OPENMP = "#include <omp.h>\nint main(void) {\n  int n = 0;\n#pragma omp parallel\n  n = omp_get_num_threads();\n  return n < 1;\n}\n"
PAUSE = (
    "#include <omp.h>\nint main(void) { return omp_pause_resource_all(omp_pause_hard); }\n"  # GCC 9 and later
)


def links(compiler, code: str) -> bool:
    """Compile and link a few lines that use OpenMP, with the real compiler."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(code)
        try:
            objects = compiler.compile([str(source)], output_dir=folder, extra_postargs=["-fopenmp"])
            compiler.link_executable(objects, str(Path(folder, "probe")), extra_postargs=["-fopenmp"])
        except Exception:
            return False
    return True


class Build(build_ext):
    def build_extensions(self):
        compile_args = ["-std=c11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
        compile_args += ["-Wall", "-Wextra", "-Wno-unused-function", "-Wno-psabi"]
        compile_args += ["-O1", "-g"] if DEBUG or SANITIZE else ["-O3", "-g0"]
        link_args = [] if DEBUG or SANITIZE else ["-Wl,-s"] * sys.platform.startswith("linux")
        if SANITIZE:
            # CPython's own flags hold -fwrapv, under which an overflow of int is no error and is not reported
            compile_args += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-fno-wrapv"]
            link_args += [f"-fsanitize={SANITIZE}"]
        wish = os.environ.get("FASTSG_OPENMP", "auto")
        if wish not in ("0", "1", "auto"):
            raise SystemExit(f"FASTSG_OPENMP is {wish!r}; allowed are 0, 1 and auto")
        if wish != "0" and links(self.compiler, OPENMP):
            compile_args.append("-fopenmp")
            compile_args += ["-DFSG_OMP_PAUSE"] * links(self.compiler, PAUSE)
            link_args.append("-fopenmp")
        elif wish == "1":
            raise SystemExit("FASTSG_OPENMP=1, but this compiler cannot build with -fopenmp")
        else:
            print("fastsg: building WITHOUT OpenMP: one thread, the same bits", file=sys.stderr)
        for extension in self.extensions:
            extension.extra_compile_args += compile_args
            extension.extra_link_args += link_args
        super().build_extensions()


def extension(name: str, sources: list[str]) -> Extension:
    headers = [str(path) for path in [*Path(KERNELS).glob("*.[ch]"), *Path("fastsg").glob("*.pxi")]]
    macros = [("Py_LIMITED_API", "0x030B0000")] if ABI3 else []
    return Extension(
        f"fastsg.{name}",
        [f"fastsg/{name}.pyx", *(f"{KERNELS}/{s}" for s in sources)],
        include_dirs=[KERNELS, "fastsg"],
        define_macros=macros,
        depends=headers,
        py_limited_api=ABI3,
    )


DIRECTIVES = dict(
    language_level=3, boundscheck=DEBUG, wraparound=False, cdivision=True, initializedcheck=False
)
setup(
    ext_modules=cythonize(
        [
            extension(
                "_core",
                [
                    "dispatch.c",
                    "isa_generic.c",
                    "isa_avx2.c",
                    "isa_avx512.c",
                    "isa_neon.c",
                    "bf16_amx.c",
                    "bf16_avx512.c",
                    "windows.c",
                    "small.c",
                ],
            ),
            extension("_counting", ["cooccur.c"]),
            extension("_text", ["text.c", "decimal.c"]),
        ],
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": Build},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
