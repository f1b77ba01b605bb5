"""How long files, classes and functions may be, and which must have a docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .rules import LONGER, MOST_LINES
from .sources import CYTHON, C, files, read, shown


class Part(NamedTuple):
    """A file, class or function with its number of lines; the docstring of a function is not counted."""

    name: str
    kind: str
    lines: int


def size_complaints(
    package: Path, most: Mapping[str, int] = MOST_LINES, longer: Mapping[str, str] = LONGER
) -> list[str]:
    """What is too long and not excepted, and exceptions that nothing needs."""
    complaints, needed = [], set()
    for path in files(package, ".py", *CYTHON, *C):
        for part in parts_of(shown(path, package), read(path)):
            if part.lines > most[part.kind]:
                needed.add(part.name)
                if part.name not in longer:
                    complaints.append(f"{part.name}: {part.lines} lines; a {part.kind} has {most[part.kind]}")
    return complaints + [f"{name} is not too long any more" for name in longer if name not in needed]


def parts_of(file: str, source: str) -> Iterator[Part]:
    """The file itself, and the classes and functions in it."""
    yield Part(file, "file", source.count("\n"))
    if file.endswith(".py"):
        yield from python_parts(ast.parse(source), f"{file}::")
    elif file.endswith(CYTHON):
        yield from cython_parts(source, f"{file}::")
    else:
        yield from c_parts(source, f"{file}::")


def python_parts(tree: ast.AST, prefix: str) -> Iterator[Part]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if kind == "function" and ast.get_docstring(node) is not None:
                lines -= (first.end_lineno or first.lineno) - first.lineno + 1
            yield Part(prefix + node.name, kind, lines)
            yield from python_parts(node, f"{prefix}{node.name}.")
        else:
            yield from python_parts(node, prefix)


CYTHON_PART = re.compile(r"( *)(?:cdef|cpdef|def|class)\b([^=\n]*?\bclass\b)?[^=(\n]*?(\w+)\s*(?:\(|:\s*$)")


def cython_parts(source: str, prefix: str) -> Iterator[Part]:
    """Classes and functions of Cython: a head that opens, and all that stands deeper."""
    lines = re.sub(r'""".*?"""', lambda m: "\n" * m[0].count("\n"), source, flags=re.DOTALL).split("\n")
    counted = [not re.match(r'\s*"""', line) for line in lines]
    for start, line in enumerate(lines):
        head = CYTHON_PART.match(line)
        if not head or "extern" in line:
            continue
        depth = len(head[1])
        end = start + 1
        for n in range(start + 1, len(lines)):
            text = lines[n].strip()
            if text and len(lines[n]) - len(lines[n].lstrip()) <= depth and not text.startswith(")"):
                break
            end = n + 1 if text else end
        kind = "class" if head[2] or line.strip().startswith("class") else "function"
        body = [n for n in range(start, end) if kind == "class" or (lines[n].strip() and counted[n])]
        yield Part(prefix + head[3], kind, len(body))


C_PART = re.compile(
    r"^((?:[^\n;{}#/ ][^\n;{}]*\n)(?:[ \t][^\n;{}]*\n)*)\{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)


def c_parts(source: str, prefix: str) -> Iterator[Part]:
    """Functions of C as clang-format lays them out: braces on lines of their own, at the margin."""
    for match in C_PART.finditer(source):
        name = re.search(r"(\w+(?:\(\w+\))?)\s*\(", match[1])
        yield Part(prefix + (name[1] if name else match[1].strip()), "function", match[0].count("\n") + 1)


def docstring_complaints(package: Path) -> list[str]:
    """Public files, classes, functions and methods without a docstring, their own or an overridden one's."""
    trees = {path: ast.parse(read(path)) for path in files(package, ".py")}
    classes = {c.name: c for tree in trees.values() for c in ast.walk(tree) if isinstance(c, ast.ClassDef)}
    return [
        f"{shown(path, package)}::{name} has no docstring"
        for path, tree in trees.items()
        for name in undocumented(tree, classes)
    ]


def undocumented(tree: ast.AST, classes: Mapping[str, ast.ClassDef], prefix: str = "") -> Iterator[str]:
    if isinstance(tree, ast.Module) and not ast.get_docstring(tree):
        yield "(the file)"
    for node in getattr(tree, "body", []):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        marks = {ast.unparse(mark).split(".")[-1] for mark in node.decorator_list}
        if node.name.startswith("_") or marks & {"overload", "setter"}:
            continue
        if not ast.get_docstring(node) and not is_documented_above(tree, node.name, classes):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node, classes, f"{prefix}{node.name}.")


def is_documented_above(owner: ast.AST, name: str, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether a base class, in the package, has a method of this name with a docstring."""
    bases = [ast.unparse(base).split("[")[0].split(".")[-1] for base in getattr(owner, "bases", [])]
    above = [classes[base] for base in bases if base in classes]
    methods = [node for base in above for node in base.body if isinstance(node, ast.FunctionDef)]
    return any(node.name == name and ast.get_docstring(node) for node in methods) or any(
        is_documented_above(base, name, classes) for base in above
    )
