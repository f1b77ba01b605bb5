"""The headers of the kernels: every name has one home, and the limits of a count are written once."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fastsg"
KERNELS = PACKAGE / "kernels"

pytestmark = pytest.mark.skipif(not KERNELS.is_dir(), reason="needs the project's own folder")


def without_comments(source: str) -> str:
    """C without comments; Cython without them, too."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", source, flags=re.DOTALL)


def declared(source: str) -> set[str]:
    """Names of the macros, types, enumerators and functions of a header."""
    text = without_comments(source).replace("\\\n", " ")
    names = set(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE))
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", text)
    names |= set(re.findall(r"\bstruct\s+(\w+)\s*\{", text))
    for enumerators in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", text):
        names |= set(re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", enumerators.strip()))
    while (outside := re.sub(r"\{[^{}]*\}", "<>", text)) != text:
        text = outside
    names |= set(re.findall(r"typedef\s[^;]*?(\w+)\s*;", text))
    text = re.sub(r"typedef\s[^;]*;", "", text)
    return names | set(re.findall(r"(\w+)\s*\([^;<>]*\)\s*(?:;|<>)", text))


def clashes(headers: dict[str, str]) -> list[str]:
    """Names that more than one header declares."""
    homes: dict[str, list[str]] = {}
    for header, source in headers.items():
        for name in declared(source):
            homes.setdefault(name, []).append(header)
    return [f"{name} stands in {' and '.join(found)}" for name, found in homes.items() if len(found) > 1]


def read(paths: Iterable[Path]) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(paths)}


HEADERS = read([*KERNELS.glob("*.h"), *PACKAGE.glob("*.h")])


def test_no_name_is_declared_in_two_headers():
    assert len(HEADERS) > 8
    assert clashes(HEADERS) == []


@pytest.mark.parametrize(
    "header, names",
    [
        (
            "kernels.h",
            {"FSG_PANEL", "FSG_GRAM_WIDTH", "fsg_batch", "fsg_step", "fsg_table", "fsg_bf16_table"},
        ),
        ("kernels.h", {"fsg_generic", "fsg_available", "fsg_whole_bits"}),
        ("text.h", {"FSG_TEXT_PAD", "FSG_TEXT_OK", "FSG_TEXT_TOO_MANY", "fsg_word_table", "fsg_text_words"}),
        ("rows.h", {"FSG_LEAST_COUNT", "fsg_bad_entry"}),
        ("vec.h", {"INLINE", "vf", "vload", "vexp_careful"}),
        ("_omp.h", {"FSG_OPENMP", "fsg_omp_thread", "fsg_omp_pause"}),
    ],
)
def test_control_names_are_found(header: str, names: set[str]):
    found = declared(HEADERS[header])
    assert names <= found
    assert not {"name", "fma", "scratch", "memcpy", "K", "exp_slice", "uint16_t"} & found


@pytest.mark.parametrize(
    "one, other, complaints",
    [
        ("typedef struct { int x; } fsg_table;", "typedef struct {\n char *y;\n} fsg_table;", 1),
        ("int fsg_do(int a);", "void fsg_do(const float *, int64_t,\n   int) ;", 1),
        ("int fsg_do(int a);", "static inline int fsg_do(void) { return 1; }", 1),
        ("typedef float v __attribute__((vector_size(4 * N)));", "struct v { int x; };", 1),
        ("#define FSG_A 1", "enum { FSG_B, FSG_A = 2 };", 1),
        ("typedef struct { int x; } fsg_a; int fsg_b(fsg_a *x);", "int fsg_c(fsg_a *x, int (*f)(int));", 0),
        ("int fsg_do(int a);", "/* see fsg_do(a); */", 0),
        ("typedef struct { int (*run)(int); } fsg_a;", "typedef struct { int (*run)(int); } fsg_b;", 0),
    ],
)
def test_control_clashes(one: str, other: str, complaints: int):
    assert len(clashes({"one.h": one, "other.h": other})) == complaints


# ---- The limits of a count ----

LIMIT = re.compile(r"(?<![\w.])(?:3e\+?38|1e-20)f?(?!\w)")


def limits(sources: dict[str, str]) -> list[str]:
    """Files that write one of the limits down, once for each time."""
    return [name for name, text in sources.items() for _ in LIMIT.findall(without_comments(text))]


def test_limits_of_a_count_are_written_once():
    sources = read(
        path
        for path in PACKAGE.rglob("*.*")
        if path.suffix in {".h", ".pxi", ".pyx"} or path.parent == KERNELS
    )
    assert limits(sources) == ["rows.h", "rows.h"]


def test_control_limits():
    assert limits(
        {"a.c": "x <= 3e38f && x >= 1e-20", "b.c": "/* 3e38 */ -3.4e38f", "c.pyx": "x > 1e-200"}
    ) == [
        "a.c",
        "a.c",
    ]
