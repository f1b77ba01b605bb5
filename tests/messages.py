"""The messages of the package, found in its source, and the patterns of docs/troubleshooting.md."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GAP = "…"
#: Calls that hand a message to people, besides exceptions.
SPEAKERS = {"warning", "warn", "say", "_refuse", "_path_error", "NoTokens", "exception"}


class Message(NamedTuple):
    """What a line of the source says, with a gap for every part that is not known before."""

    place: str
    text: str


def messages(root: Path) -> Iterator[Message]:
    """All messages of exceptions and warnings in a folder of Python files."""
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = named_texts(tree)
        for node in ast.walk(tree):
            for spoken in said(node):
                text = text_of(spoken, names)
                if says_something(text):
                    yield Message(f"{path.relative_to(root.parent)}:{node.lineno}", text)


def named_texts(tree: ast.Module) -> dict[str, str]:
    """The longest text that each name of a file is given."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, text = node.targets[0].id, text_of(node.value, found)
            found[name] = max(found.get(name, ""), text, key=len)
    return found


def said(node: ast.AST) -> Iterator[ast.expr]:
    """What a call tells people, and what functions and exceptions return that word a complaint."""
    match node:
        case ast.Call() if is_speaking(node):
            for part in node.args:
                yield from (part.body, part.orelse) if isinstance(part, ast.IfExp) else (part,)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if name.endswith(("complaint", "Error")):
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)


def is_speaking(call: ast.Call) -> bool:
    """Whether a call makes an exception, logs a warning or ends a command."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            known = getattr(builtins, name, None)
            is_exception = isinstance(known, type) and issubclass(known, BaseException)
            return is_exception or name.lower().endswith("error") or name in SPEAKERS
        case ast.Call() | ast.Subscript():  # type(error)(...), KINDS[kind](...)
            return True
    return False


def text_of(node: ast.expr, names: dict[str, str]) -> str:
    """The text of an expression; a gap where it is not written there."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[.\d]*[dgsrf]", GAP, text)
        case ast.JoinedStr(values=values):
            return "".join(text_of(value, names) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left, names) + text_of(right, names)
        case ast.Call(func=ast.Attribute(value=ast.expr() as text, attr="format")):
            return re.sub(r"\{\w*\}", GAP, text_of(text, names))
        case ast.Name(id=name):
            return names.get(name, GAP)
    return GAP


def says_something(text: str) -> bool:
    """Whether it is a sentence, which a pattern could have parts of."""
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= 2 and " " in text.strip()


def patterns(page: str) -> list[str]:
    """The code in the first column of the page's tables of messages: one pattern each."""
    tables = re.findall(r"^\| message \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    cells = [re.split(r"(?<!\\)\|", line)[1] for table in tables for line in table.splitlines()]
    return [code.replace("\\|", "|") for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def expression(pattern: str) -> re.Pattern[str]:
    """What a pattern matches: gaps stand for anything."""
    return re.compile(".*".join(map(re.escape, pattern.split(GAP))), re.DOTALL)


def uncovered(found: list[Message], known: list[str]) -> list[str]:
    """Messages that no pattern matches as a whole."""
    tried = [expression(pattern) for pattern in known]
    return [f"{m.place}: {m.text}" for m in found if not any(one.fullmatch(m.text) for one in tried)]


def unused(found: list[Message], known: list[str]) -> list[str]:
    """Patterns that match no message."""
    return [p for p in known if not any(expression(p).fullmatch(m.text) for m in found)]
