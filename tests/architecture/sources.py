"""Files of the package, what they import, and the files that these imports lead to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .rules import GROUPS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "fastsg"

CYTHON = (".pyx", ".pxd", ".pxi")
PYTHON = (".py", ".pyi")
C = (".c", ".h")


class Import(NamedTuple):
    """One imported name of a file: ``fastsg.text.vocab.Vocab``, or ``numpy``."""

    name: str
    line: int
    node: ast.AST


def files(package: Path, *suffixes: str) -> Iterator[Path]:
    """The written files of a package: without the C that Cython makes of each .pyx."""
    for path in sorted(package.rglob("*")):
        generated = path.suffix == ".c" and path.with_suffix(".pyx").exists()
        if path.suffix in suffixes and not generated:
            yield path


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def room_of(path: Path, package: Path) -> str:
    """The row of the rules for a file: its folder, or the group or the name of a file at the top."""
    first = path.relative_to(package).parts[0].removesuffix(path.suffix)
    if path.suffix in CYTHON or (path.suffix in C and path.parent == package):
        return "bindings"
    return next((group for group, members in GROUPS.items() if first in members), first)


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file; of Cython, which `ast` cannot read, only the imports, on their own lines."""
    source = read(path)
    return ast.parse(cython_imports(source) if path.suffix in CYTHON else source)


STRINGS = re.compile(r'("""|\'\'\').*?\1|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*', re.DOTALL)
CYTHON_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*((?:from[ \t]+[\w.]+[ \t]+)?c?import\b[ \t]*(?:\([^)]*\)|(?:\\\n|[^\n;])+))",
    re.MULTILINE,
)


def cython_imports(source: str) -> str:
    """The imports and cimports of Cython source as Python source; line numbers are kept."""
    code = STRINGS.sub(lambda match: "\n" * match[0].count("\n"), source)
    lines = [""] * (code.count("\n") + 2)
    for match in CYTHON_IMPORT.finditer(code):
        statement = re.sub(r"[\\\n()]", " ", match[1]).replace("cimport", "import", 1)
        line = code.count("\n", 0, match.start(1))
        lines[line] += ("; " if lines[line] else "") + re.sub(r",\s*$", "", statement.strip())
    return "\n".join(lines)


def imports_of(path: Path, package: Path, tree: ast.Module | None = None) -> Iterator[Import]:
    """Every import of a file, at any depth and under TYPE_CHECKING too, as an absolute dotted name."""
    folder = ["fastsg", *path.relative_to(package).parent.parts]
    for node in ast.walk(tree or tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(folder, "." * node.level + (node.module or ""))
            yield from (Import(f"{base}.{alias.name}", node.lineno, node) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield Import(absolute(folder, name.value), node.lineno, node)


def absolute(folder: list[str], name: str) -> str:
    """``..text`` in the folder ``fastsg.model`` is ``fastsg.text``."""
    level = len(name) - len(name.lstrip("."))
    base = folder[: len(folder) - level + 1] if level else []
    return ".".join([*base, *filter(None, name.split("."))])


def target_of(name: str, package: Path) -> Path | None:
    """The file of the package that an absolute name leads to; None for the name of another package."""
    first, *parts = name.split(".")
    if first != "fastsg":
        return None
    for n in range(len(parts), 0, -1):
        stem = package.joinpath(*parts[:n])
        for path in (stem.with_suffix(".pyx"), stem.with_suffix(".py"), stem / "__init__.py"):
            if path.exists():
                return path
    return package / "__init__.py"


INCLUDE = re.compile(r'^[ \t]*(?:#[ \t]*include|include|cdef extern from)[ \t]+"([^"]+)"', re.MULTILINE)


def includes_of(path: Path, package: Path) -> Iterator[tuple[Path, int]]:
    """The files of the package that Cython or C source includes, each with its line."""
    source = read(path)
    for match in INCLUDE.finditer(source):
        for folder in (path.parent, package / "kernels", package):
            if (folder / match[1]).exists():
                yield folder / match[1], source.count("\n", 0, match.start(1)) + 1
                break


def targets_of(path: Path, package: Path) -> Iterator[tuple[Path, str, int]]:
    """Every file of the package that a file imports or includes, with the name it uses and the line."""
    if path.suffix not in C:
        for name, line, _ in imports_of(path, package):
            target = target_of(name, package)
            if target is not None:
                yield target, name, line
    if path.suffix in CYTHON + C:
        for target, line in includes_of(path, package):
            yield target, str(target.relative_to(package)), line


def shown(path: Path, package: Path) -> str:
    return path.relative_to(package).as_posix()
