"""Imports: between folders by the table alone, never in a circle; foreign packages; roads to pickle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from .rules import AT_ONCE, GROUPS, MAY_IMPORT, PICKLES, PUBLIC_NAMES_ONLY, REQUIRED
from .sources import (
    CYTHON,
    PYTHON,
    C,
    Import,
    files,
    imports_of,
    read,
    room_of,
    shown,
    targets_of,
    tree_of,
)


def allowed_rooms(room: str, rules: Mapping[str, str] = MAY_IMPORT) -> set[str]:
    """Folders, and files at the top, that a room may import; groups are written out."""
    words = ["base", *rules[room].split()]
    return {member for word in words for member in GROUPS.get(word, (word,))}


def target_room(target: Path, package: Path) -> str:
    """The folder that was imported, or the file at the top, for which a group stands in the rules."""
    room = room_of(target, package)
    return target.stem if room in GROUPS else room


def rule_complaints(package: Path) -> list[str]:
    """Imports from one folder to another that the table does not allow, and files without a row."""
    complaints = []
    for path in files(package, *PYTHON, *CYTHON, *C):
        here, room = shown(path, package), room_of(path, package)
        if room not in MAY_IMPORT:
            complaints.append(f"{here}: {room} has no row in MAY_IMPORT")
            continue
        allowed = allowed_rooms(room)
        for target, name, line in targets_of(path, package):
            if room_of(target, package) != room and target_room(target, package) not in allowed:
                complaints.append(
                    f"{here}:{line} imports {name}; {room} may import {' '.join(sorted(allowed))}"
                )
    return complaints


def circle_complaints(package: Path) -> list[str]:
    """Circles of files, imports for the type checker included; each is shown once."""
    edges = {
        shown(path, package): {shown(target, package) for target, _, _ in targets_of(path, package)}
        for path in files(package, *PYTHON, *CYTHON, *C)
    }
    return [" -> ".join(circle) for circle in circles(edges)]


def circles(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """Circles of a graph: what imports nothing that is left is taken away; what stays runs in circles."""
    left = {file: targets - {file} for file, targets in edges.items()}
    while left:
        leaves = [file for file, targets in left.items() if not targets & left.keys()]
        for file in leaves:
            del left[file]
        if left and not leaves:
            path = [min(left)]
            while (after := min(left[path[-1]] & left.keys())) not in path:
                path.append(after)
            circle = path[path.index(after) :]
            first = circle.index(min(circle))
            yield [*circle[first:], *circle[: first + 1]]
            left[path[-1]].discard(after)


def public_name_complaints(package: Path) -> list[str]:
    """Where only public names may be imported: names that the folder's ``__init__`` does not hand out."""
    complaints = []
    for path in files(package, *PYTHON):
        room = room_of(path, package)
        if room not in PUBLIC_NAMES_ONLY:
            continue
        for target, name, line in targets_of(path, package):
            folder = package / target.relative_to(package).parts[0]
            public = folder / "__init__.py" if folder.is_dir() else target
            if room_of(target, package) not in (room, "base") and name.split(".")[-1] not in names_of(public):
                complaints.append(
                    f"{shown(path, package)}:{line} imports {name}, no public name of its folder"
                )
    return complaints


def names_of(path: Path) -> set[str]:
    """What a file hands out: its ``__all__``."""
    for node in ast.parse(read(path)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def absolute_complaints(package: Path) -> list[str]:
    """Imports of the package by its own name; inside it they are relative."""
    return [
        f"{shown(path, package)}:{node.lineno} imports {ast.unparse(node)!r}; write it relative"
        for path in files(package, *PYTHON, *CYTHON)
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "fastsg" for a in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and (node.module or "").split(".")[0] == "fastsg"
        )
    ]


def foreign_complaints(package: Path) -> list[str]:
    """Foreign packages imported as the package is, rather than inside a function; any road to pickle."""
    complaints = []
    for path in files(package, *PYTHON, *CYTHON):
        tree = tree_of(path)
        late = late_nodes(tree)
        for found in imports_of(path, package, tree):
            first, place = found.name.split(".")[0], f"{shown(path, package)}:{found.line}"
            if first in PICKLES:
                complaints.append(f"{place} imports {first}")
            at_once = AT_ONCE.get(shown(path, package)) == first
            if not (is_known(found, path) or at_once or id(found.node) in late):
                complaints.append(f"{place} imports {first} at module level")
        complaints += pickle_complaints(tree, shown(path, package))
    return complaints


def is_known(found: Import, path: Path) -> bool:
    """Whether the import needs nothing but what is installed with the package; Cython has its own."""
    first = found.name.split(".")[0]
    compiled = path.suffix in CYTHON and first in {"cython", "cpython", "libc"}
    return compiled or first in REQUIRED or first in sys.stdlib_module_names or first == "fastsg"


def late_nodes(tree: ast.AST) -> set[int]:
    """Ids of the nodes that do not run as the module is imported: inside functions, under TYPE_CHECKING."""
    late = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    return {id(inner) for node in late for inner in ast.walk(node)}


def pickle_complaints(tree: ast.AST, file: str) -> list[str]:
    """NumPy's switch that lets an array file run code."""
    return [
        f"{file}:{node.value.lineno} allow_pickle is not False"
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle"
        if not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]


def init_complaints(source: str) -> list[str]:
    """An ``__init__`` holds prose, imports, ``__all__``; at most a lazy ``__getattr__`` and its names."""

    def is_plain(node: ast.stmt) -> bool:
        if isinstance(node, ast.Assign):
            return ast.unparse(node.targets[0]) in {"__all__", "_HOMES", "_FOLDERS"}
        if isinstance(node, ast.If):
            return ast.unparse(node.test) == "TYPE_CHECKING" and all(map(is_plain, node.body))
        if isinstance(node, ast.FunctionDef):
            return node.name in {"__getattr__", "__dir__"}
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant)
        return isinstance(node, ast.Import | ast.ImportFrom)

    body = ast.parse(source).body
    return [f"line {node.lineno} is more than a re-export" for node in body if not is_plain(node)]


def folder_complaints(package: Path, least: int) -> list[str]:
    """Folders whose ``__init__`` is missing, says less than `least` lines, or hands out what it has not."""
    complaints = []
    folders = {path.parent for path in files(package, ".py")} - {package}
    for folder in sorted(folders):
        init = folder / "__init__.py"
        if not init.exists():
            complaints.append(f"{folder.name} has no __init__.py")
            continue
        tree = ast.parse(read(init))
        prose = (ast.get_docstring(tree) or "").split("\n")
        if sum(map(bool, prose)) < least:
            complaints.append(f"{folder.name}/__init__.py says less than {least} lines about its folder")
        bound = {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
        complaints += [f"{folder.name} hands out {name}, unknown" for name in sorted(names_of(init) - bound)]
    return complaints
