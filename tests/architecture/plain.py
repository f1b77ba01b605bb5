"""Kernels that know nothing of Python, flags that build for every machine, files that name no machine."""

from __future__ import annotations

import ast
import re

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


BANNED_FLAGS = (
    "-march=",
    "-mtune=native",
    "-mcpu=",
    "-ffast-math",
    "-Ofast",
    "-funsafe-math",
    "-fassociative-math",
)


def flag_complaints(source: str) -> list[str]:
    """Flags that make a build wrong on another machine, or everywhere; only strings count, not comments."""
    strings = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    flags = {text for text in strings if text.lstrip().startswith("-")}
    return sorted({flag for text in flags for flag in BANNED_FLAGS if flag in text})


# Spelled in pieces, or this very file would be the first one found.
LOCAL_PATH = re.compile(
    rb"(?<![\w.:/-])/(?:ho" rb"me|ro" rb"ot|Use" rb"rs|wo" rb"rk|mn" rb"t|tm" rb"p/w)/[\w.-]+"
)


def path_complaints(data: bytes) -> list[str]:
    """Absolute paths of somebody's machine."""
    return sorted({match[0].decode() for match in LOCAL_PATH.finditer(data)})
