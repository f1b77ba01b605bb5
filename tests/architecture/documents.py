"""What the documents say about the project: paths, links, anchors, switches, tables, walks, terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path

from .sources import ROOT, targets_of

#: Files of others whose names look like ours.
NOT_OURS = {"word2vec.c", "Python.h", "eval.py"}
#: Options of other people's commands: mypy, setup.py, mpiexec.
OPTIONS_NOT_OURS = {"--strict", "--inplace", "--with-ft"}
#: Folders that a path may start from: `kernels/vec.h` is ``fastsg/kernels/vec.h``.
STARTS = ("", "fastsg", "fastsg/kernels", "tests")

PATH = re.compile(
    r"(?<![\w./<*:-])("
    r"(?:[\w.*-]+/)*[\w*][\w.*-]*\.(?:pyx?|pxi|pyi|c|h|md|toml|png|yaml)"
    r"|(?:fastsg|tests|bench|docs|tools|\.ci)/[\w./*-]*\w/?"
    r")(?![\w/])"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def documents() -> list[Path]:
    """The documents that speak of the project as it is; the changelog speaks of the past."""
    top = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
    translated = ROOT.glob("README.*.md")
    return [*(ROOT / name for name in top), *sorted(translated), *pages()]


def pages() -> list[Path]:
    """The pages of the site."""
    return sorted((ROOT / "docs").rglob("*.md"))


def opening_complaint(text: str) -> str:
    """What is wrong with the first two lines below a page's title, which say for whom it is; or nothing."""
    lines = [line for line in text.splitlines() if line.strip()]
    opening = " ".join(lines[1:3])
    if not lines or not lines[0].startswith("# "):
        return "there is no title"
    return "" if re.search(r"\bFor |给|面向|适合", opening) else f"for whom is it? {opening}"


def path_complaints(text: str, folder: Path, root: Path = ROOT) -> list[str]:
    """Links that lead nowhere, and named files that do not exist."""
    links = {link.split("#")[0] for link in LINK.findall(text) if "://" not in link} - {""}
    complaints = [f"the link {link}" for link in sorted(links) if not (folder / link).exists()]
    named = set(PATH.findall(re.sub(r"\w+://\S+", "", text))) - links - NOT_OURS
    return complaints + [f"the path {path}" for path in sorted(named) if not exists(path, folder, root)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; the site makes the same."""
    prose = re.sub(r"^( *`{3,}).*?^\1`*$", "", text, flags=re.MULTILINE | re.DOTALL)
    before: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.*)", prose, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", heading)
        slug = re.sub(r"[^\w -]", "", words.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{before[slug]}" if before[slug] else slug)
        before[slug] += 1
    return found


def anchor_complaints(text: str, path: Path) -> list[str]:
    """Links to headings that are not there, in this page or in another one."""
    found = []
    for link in LINK.findall(text):
        page, _, anchor = link.partition("#")
        target = path.parent / page
        if not anchor or "://" in link or (page and not (target.suffix == ".md" and target.exists())):
            continue
        there = anchors(target.read_text(encoding="utf-8") if page else text)
        found += [] if anchor in there else [f"the link {link}"]
    return found


def exists(path: str, folder: Path, root: Path) -> bool:
    """Whether there is such a file: from the document's folder, a usual start, or of that bare name."""
    starts = [folder, *(root / start for start in STARTS)]
    if any(any(start.glob(path.rstrip("/"))) for start in starts if start.is_dir()):
        return True
    return "/" not in path and any(
        any((root / top).rglob(path)) for top in ("fastsg", "tests", "bench", "tools", "docs")
    )


def switch_complaints(text: str, code: str) -> list[str]:
    """Environment variables of ours that nothing reads."""
    named = set(re.findall(r"\bFASTSG_[A-Z]+\b", text))
    return sorted(name for name in named if not re.search(rf"['\"{{]{name}\b", code))


def option_complaints(text: str, options: set[str]) -> list[str]:
    """Options of commands that no command has."""
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - options - OPTIONS_NOT_OURS)


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next heading of any rank."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise LookupError(f"there is no heading {title!r}")
    return match[1]


def table(text: str, title: str) -> list[list[str]]:
    """The rows of the table under a heading as cells; the first is its head."""
    lines = [line.strip() for line in section(text, title).splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|")) for line in lines]
    del rows[1:2]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


def table_of_code(text: str, title: str) -> dict[str, str]:
    """What a table says, in its last column, of each piece of code in its first one."""
    rows = table(text, title)[1:]
    return {code: row[-1] for row in rows for code in re.findall(r"`([^`]+)`", row[0])}


def code_lines(text: str, title: str) -> list[str]:
    """The lines of the first block of code under a heading."""
    block = re.search(r"^```\w*\n(.*?)^```", section(text, title), re.MULTILINE | re.DOTALL)
    return block[1].splitlines() if block else []


def rule_rows(text: str) -> dict[str, str]:
    """The table of who may import whom, as it stands in a document: first column, second column."""
    rows = re.findall(r"^\| `(\w+)`[^|]*\| ([^|]*)\|", text, re.MULTILINE)
    return {room: " ".join(re.findall(r"`(\w+)`", allowed)) for room, allowed in rows}


def tree_names(text: str) -> list[str]:
    """Names at the first depth of a tree drawn in a document: ``  system/   files, memory``."""
    block = re.search(r"```\nfastsg/\n(.*?)```", text, re.DOTALL)
    lines = takewhile(lambda line: line.startswith(" "), block[1].splitlines() if block else [])
    return [name for line in lines for name in re.findall(r"^ {2}(\S+)", line)]


def tree_complaints(drawn: list[str], there: set[str]) -> list[str]:
    """Names, or patterns, of a drawn tree that stand for nothing, and files and folders it leaves out."""
    gone = [name for name in drawn if not any(fnmatch(file, name) for file in there)]
    missing = [file for file in sorted(there) if not any(fnmatch(file, name) for name in drawn)]
    return [f"there is no {name}" for name in gone] + [f"{file} is not drawn" for file in missing]


def walk_files(text: str) -> list[str]:
    """The files of a walk drawn in a document, in their order: ``  -> text/corpus.py   words to ids``."""
    block = re.search(r"```\n(.*?)```", text, re.DOTALL)
    return re.findall(r"^ *(?:-> )?([\w/]+\.\w+)", block[1], re.MULTILINE) if block else []


def walk_complaints(walk: list[str], most: int, package: Path) -> list[str]:
    """Walks that are too long, lead to a file that does not exist, or to one that no earlier file imports."""
    complaints = [] if 0 < len(walk) <= most else [f"{len(walk)} files; a reader enters at most {most}"]
    for n, name in enumerate(walk):
        target = package / name
        if not target.exists():
            complaints.append(f"there is no {name}")
        elif n and not any(imports(package / earlier, target, package) for earlier in walk[:n]):
            complaints.append(f"nothing before it in the walk imports {name}")
    return complaints


def imports(path: Path, target: Path, package: Path) -> bool:
    """Whether a file imports another one, or the names that the other one's folder hands out."""
    if not path.exists():
        return False
    wanted = {target, target.parent / "__init__.py"}
    return any(found in wanted for found, _, _ in targets_of(path, package))


def terms(text: str) -> Iterator[tuple[str, str]]:
    """Each term of a glossary, ``- **term**, **other**: what it is``, with the lines of its entry."""
    for entry in re.findall(r"^- (\*\*.*?)(?=^- |^#|^\n|\Z)", text, re.MULTILINE | re.DOTALL):
        head = entry.split(": ", 1)[0]
        for term in re.findall(r"\*\*(.+?)\*\*", head):
            yield term, entry.strip()


def term_complaints(text: str, used: str) -> list[str]:
    """Terms that nothing uses, that stand twice, or that take more than two lines."""
    complaints: list[str] = []
    seen: set[str] = set()
    for term, entry in terms(text):
        words = r"[\s_-]+".join(map(re.escape, term.split()))
        words = re.sub("y$", "(?:y|ies)", words)
        if not re.search(rf"(?<![^\W_]){words}(?:s|es)?(?![^\W_])", used, re.IGNORECASE):
            complaints.append(f"{term} is used nowhere")
        if entry.count("\n") > 1:
            complaints.append(f"{term} takes {entry.count(chr(10)) + 1} lines")
        if term in seen:
            complaints.append(f"{term} stands twice")
        seen.add(term)
    return complaints
