"""Names with a leading underscore belong to the folder they are defined in."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from .rules import FOREIGN_PRIVATE, GROUPS
from .sources import files, imports_of, shown, target_of

#: Functions that take an object and the name of its attribute.
BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "object.__setattr__", "object.__getattribute__"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__")) and name != "_"


def private_complaints(package: Path, foreign: Collection[str] = FOREIGN_PRIVATE) -> list[str]:
    """Private names of one folder that another one imports, or reaches as an attribute."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files(package, ".py")}
    own: dict[Path, set[str]] = {}
    for path, tree in trees.items():
        own.setdefault(path.parent, set()).update(defined(tree))
    return [
        f"{shown(path, package)}:{line} {what}"
        for path, tree in trees.items()
        for line, what in [
            *private_imports(path, tree, package),
            *private_attributes(tree, own[path.parent] | set(foreign), modules(path, tree, package)),
        ]
    ]


def private_imports(path: Path, tree: ast.Module, package: Path) -> Iterator[tuple[int, str]]:
    """Imports through a private name of another folder; those of files at the top stand in the rules."""
    rooms = {member for members in GROUPS.values() for member in members}
    for name, line, _ in imports_of(path, package, tree):
        target = target_of(name, package)
        parts = [part for part in name.split(".") if is_private(part) and part not in rooms]
        if target is not None and target.parent != path.parent and parts:
            yield line, f"imports {name}"


def modules(path: Path, tree: ast.Module, package: Path) -> set[str]:
    """Names that stand for files of other folders here."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = ast.Module([ast.ImportFrom(node.module, [alias], node.level, lineno=0)], [])
                name = next(imports_of(path, package, whole)).name
                target = target_of(name, package)
                is_module = target is not None and (
                    target.stem == alias.name or target.parts[-2:] == (alias.name, "__init__.py")
                )
                if target is not None and is_module and target.parent != path.parent:
                    found.add(alias.asname or alias.name)
    return found


def private_attributes(tree: ast.Module, own: set[str], modules: set[str]) -> Iterator[tuple[int, str]]:
    """Attributes that no file of this folder defines, and whatever is private in another folder's module.

    Types are not known here: two folders that give an attribute the same private name excuse each other.
    """
    for node in ast.walk(tree):
        of: ast.expr
        name: object
        if isinstance(node, ast.Attribute):
            of, name = node.value, node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_NAME and len(node.args) > 1:
            of, name = node.args[0], getattr(node.args[1], "value", None)
        else:
            continue
        is_foreign = isinstance(of, ast.Name) and of.id in modules
        if isinstance(name, str) and is_private(name) and (is_foreign or name not in own):
            yield node.lineno, f"uses {ast.unparse(of)}.{name}"


def defined(tree: ast.Module) -> Iterator[str]:
    """Private names that a file defines: functions, classes, variables, attributes of ``self``, slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if ast.unparse(node.value) in {"self", "cls"}:
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "object.__setattr__":
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                yield str(node.args[1].value)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            yield from (str(c.value) for c in ast.walk(node.value) if isinstance(c, ast.Constant))
