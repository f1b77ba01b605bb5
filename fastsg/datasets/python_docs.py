"""A corpus of real English out of what every Python installation carries; standard library only.

Sources: docstrings, comments and prose strings of the standard library's ``.py`` files (also inside the
wheels that ``ensurepip`` bundles, and in a zipped library), the language reference that ``pydoc`` shows, and
the docstrings of built-in objects and compiled modules. Sources are read, never imported, and ``.pyc`` files
are ignored; compiled modules are imported from a fixed list. The same installation gives the same corpus in
the same order.

Notes
-----
Source text is cut by one regular expression instead of ``tokenize``, which needs twenty times as long for the
same 40 MB. It errs where a Python 3.12 f-string nests quotes of its own kind, which costs a sentence at most.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import re
import sys
import sysconfig
import types
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

__all__ = ["PROBE_WORDS", "PythonDocs", "load_python_docs", "python_docs_sentences"]

logger = logging.getLogger(__name__)

#: Words whose neighbours show best what vectors trained on this corpus know.
PROBE_WORDS = ("list", "exception", "file", "thread", "socket", "string", "function", "integer")

_HELD_OUT_EVERY = 20  # one paragraph in so many goes to the held-out text
_SHINGLE = 8  # runs of so many words are never common to the training and the held-out text
_LEAST_WORDS = 1000  # with less there is nothing to show

# Tables of characters, inputs of tests, and what another source here gives better.
_SKIPPED_FOLDERS = {
    "site-packages",
    "dist-packages",
    "__pycache__",
    "encodings",
    "pydoc_data",
    "idle_test",
    "data",
}
# Their comments and docstrings are prose; their other strings are mostly inputs.
_TEST_FOLDERS = {"test", "tests"}

# Compiled modules whose import has no side effect; the ones this installation lacks are passed over.
_COMPILED_MODULES = (  # noqa: SIM905  a table of words is easier to read without quotes
    "_abc _ast _bisect _blake2 _bz2 _codecs _collections _contextvars _csv _ctypes _datetime _decimal "
    "_elementtree _functools _hashlib _heapq _imp _io _json _locale _lsprof _lzma _md5 _multiprocessing "
    "_opcode _operator _posixsubprocess _queue _random _sha1 _sha2 _sha256 _sha512 _signal _socket "
    "_sqlite3 _sre _ssl _stat _statistics _string _struct _symtable _thread _tracemalloc _typing _uuid "
    "_warnings _weakref _zoneinfo array atexit binascii builtins cmath errno faulthandler fcntl gc grp "
    "itertools marshal math mmap posix pwd pyexpat resource select sys syslog termios time unicodedata "
    "zlib"
).split()
_DOCUMENTED = (
    type,
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)

_FUNCTION_WORDS = frozenset(
    "a about after all also an and any are as at be because been before both but by "  # noqa: SIM905
    "can could do does each either for from had has have here how i if in into is it its may more most "
    "must no not of on one only or other our should since so some such than that the their them then "
    "there these they this those to under until up use used uses using was we were what when where "
    "whether which while who will with within without would you your".split()
)

# A comment or a string, whichever begins first; what stands inside of it cannot begin another.
_COMMENT_OR_STRING = re.compile(
    r'''
    \#[^\n]*
    | """[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""
    | \'\'\'[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*\'\'\'
    | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
    | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
    ''',
    re.DOTALL | re.VERBOSE,
)
_TRIPLE = ('"""', "'''")
_ESCAPE = re.compile(r"\\(?:[xuUN][0-9a-fA-F{][0-9a-zA-Z}]*|(\n)|(.))")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*+o•]|\d{1,2}[.)]|@\w+|:\w+[^:\n]*:)[ \t])")
_DOCTEST = re.compile(r"^[ \t]*(?:>>>|\.\.\. |\$ |%).*$|^[ \t]*\.\. .*$", re.MULTILINE)
_RULE = re.compile(r"^\W*$|^[ \t]*[|+].*[|+][ \t]*$", re.MULTILINE)
# What is cut out of the text, and before each a sign: without that the text need not be searched.
_NOISE = (
    (":", re.compile(r"\w+://\S+|:[a-z:]+:(?=`)")),  # addresses, reST roles
    ("@", re.compile(r"\S+@\S+\.\w+")),
    ("%", re.compile(r"%\(\w+\)[sdrif]|%[-+#0-9.]*[sdrifxXg]\b")),  # fields of format strings
    ("{", re.compile(r"\{[^{}\n]{0,40}\}")),
    ("/", re.compile(r"(?<![^\s\"'(<`])[^\s\"'(<`/]*/[^\s/]+/\S*|(?<![^\s\"'(<`])/\S+")),  # paths
)
_ABBREVIATIONS = (("e.g.", "eg "), ("i.e.", "ie "), ("etc.", "etc "), ("cf.", "cf "), ("vs.", "vs "))
_SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"')\]*`]*\s+(?=[\"'(\[*`]*[A-Z_])|(?<=[.!?])[\"')\]]+\s+|\s--+\s")
_CODE = re.compile(r"[=(){}\[\]<>|&$@~^\\]|\w\.\w|\w_\w")
_WORD = re.compile(r"\b(_{0,2}[a-z][a-z0-9_]{0,28}(?:'(?:t|re|ve|ll|d|m))?\b)(?:'s\b)?")
_SKIPPED_COMMENT = re.compile(r"#(?:!|\s*(?:-\*-|type:|noqa|pragma|pylint:|fmt:|mypy:|XXX$|TODO$))")


#: The lower-cased words of a sentence.
_Sentence: TypeAlias = tuple[str, ...]


class PythonDocs(NamedTuple):
    """Sentences to train on and sentences to measure on."""

    train: list[list[str]]
    valid: list[list[str]]


# ---- what there is to read ----


def _library_folder() -> str:
    return sysconfig.get_paths()["stdlib"]


def _is_test(path: str) -> bool:
    return not _TEST_FOLDERS.isdisjoint(path.replace(os.sep, "/").split("/"))


def _library_files(folder: str) -> Iterator[str]:
    """Paths, below the folder and in a fixed order, of sources and wheels."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith((".py", ".whl")) and name != "this.py":  # its text is in cipher
                yield os.path.relpath(os.path.join(parent, name), folder)


def _python_paragraphs(name: str, data: bytes) -> Iterator[str]:
    """Paragraphs of a source file; its name says whether it is a test."""
    return _source_paragraphs(data.decode("utf-8", errors="replace"), all_strings=not _is_test(name))


def _archive_paragraphs(path: str) -> Iterator[str]:
    """Paragraphs of the Python files in a wheel or a zipped library."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py") and _SKIPPED_FOLDERS.isdisjoint(name.split("/")):
                yield from _python_paragraphs(name, archive.read(name))


def _file_paragraphs(folder: str, name: str) -> list[str]:
    """Paragraphs of one file, none if it is unreadable or damaged."""
    path = os.path.join(folder, name)
    try:
        if name.endswith((".whl", ".zip")):
            return list(_archive_paragraphs(path))
        with open(path, "rb") as file:
            return list(_python_paragraphs(name, file.read()))
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        logger.info("Python's documentation: passed over %s: %s", path, error)
        return []


def _library_paragraphs() -> Iterator[str]:
    folder = _library_folder()
    for name in _library_files(folder):
        yield from _file_paragraphs(folder, name)
    for path in sys.path:
        parent, name = os.path.split(path)
        if name.startswith("python") and name.endswith(".zip") and os.path.isfile(path):
            yield from _file_paragraphs(parent, name)


def _topic_paragraphs() -> Iterator[str]:
    """The language reference as ``pydoc`` shows it."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError):
        return
    for name in sorted(topics):
        yield from _BLANK_LINE.split(topics[name])


def _compiled_module_paragraphs() -> Iterator[str]:
    """Docstrings of built-in objects and of compiled modules."""
    for name in _COMPILED_MODULES:
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001  a module that will not load has nothing to say, whatever the reason
            continue
        yield from _object_paragraphs(module)


def _object_paragraphs(module: types.ModuleType) -> Iterator[str]:
    members: list[object] = [module]
    for _, member in sorted(vars(module).items()):
        members.append(member)
        if isinstance(member, type):
            members += [value for _, value in sorted(vars(member).items())]
    for member in members:
        text = (
            getattr(member, "__doc__", None) if isinstance(member, (types.ModuleType, *_DOCUMENTED)) else None
        )
        if isinstance(text, str):
            yield from _BLANK_LINE.split(text)


# ---- from source text to paragraphs ----


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return ""  # a backslash before the line's end
    return {"n": "\n", "t": " ", "r": " "}.get(match[2], match[2]) if match[2] else " "


def _string_content(literal: str) -> str:
    width = 3 if literal[:3] in _TRIPLE else 1
    body = literal[width:-width]
    return _ESCAPE.sub(_unescape, body) if "\\" in body else body


def _are_one(gap: str, kind: str) -> bool:
    """Whether two comments, or two strings, with this text between them are one text."""
    if kind == "#":
        return not gap.strip() and gap.count("\n") == 1
    return kind not in _TRIPLE and not gap.strip("rRbBuUfF \t\n")


def _literal_text(literal: str, all_strings: bool) -> str:
    """The text of a comment or a string; empty if it is not wanted."""
    if literal[0] == "#":
        return "" if _SKIPPED_COMMENT.match(literal) else literal.lstrip("#:")
    return _string_content(literal) if all_strings or literal[:3] in _TRIPLE else ""


def _source_paragraphs(source: str, all_strings: bool = True) -> Iterator[str]:
    """Comment blocks and strings of Python source, cut at blank lines.

    Comments on neighbouring lines are one text, and so are strings that Python would concatenate.
    """
    text, kind, end = "", "", 0
    for match in _COMMENT_OR_STRING.finditer(source):
        literal = match.group()
        piece = _literal_text(literal, all_strings)
        this_kind = literal[:3] if literal[:3] in _TRIPLE else literal[0]
        if text and this_kind == kind and _are_one(source[end : match.start()], kind):
            text += "\n" + piece if kind == "#" else piece
        else:
            yield from _BLANK_LINE.split(text)
            text = piece
        kind, end = this_kind, match.end()
    yield from _BLANK_LINE.split(text)


# ---- from paragraphs to sentences ----


def _is_prose(words: list[str], sentence: str) -> bool:
    """English rather than code: enough function words, few signs of code."""
    if len(words) < 3:
        return False
    function_words = sum(map(_FUNCTION_WORDS.__contains__, words))
    if 8 * function_words < len(words) and (function_words or len(words) < 4):
        return False
    signs = len(_CODE.findall(sentence))
    return 2 * signs <= len(words) if function_words else signs == 0


def _without_noise(paragraph: str) -> str:
    """The paragraph without doctests, directives, rules, addresses and fields of format strings."""
    if ">>>" in paragraph:
        paragraph = paragraph[: paragraph.index(">>>")]  # what follows up to the blank line is output
    text = _RULE.sub("", _DOCTEST.sub("", paragraph))
    for sign, noise in _NOISE:
        if sign in text:
            text = noise.sub(" ", text)
    for short, replacement in _ABBREVIATIONS:
        text = text.replace(short, replacement)
    return text


def _paragraph_sentences(paragraph: str) -> Iterator[_Sentence]:
    """Sentences of a paragraph as lower-cased words."""
    if paragraph.count(" ") < 2:
        return
    for item in _ITEM.split(_without_noise(paragraph)):
        for sentence in _SENTENCE_END.split(item):
            words = _WORD.findall(sentence.lower())
            if _is_prose(words, sentence):
                yield tuple(map(sys.intern, words))


def _new_sentences(paragraphs: Iterable[str]) -> Iterator[list[_Sentence]]:
    """The sentences of each paragraph that were in no paragraph before it, nor before them in their own."""
    seen: set[_Sentence] = set()
    for paragraph in dict.fromkeys(paragraphs):
        found = dict.fromkeys(_paragraph_sentences(paragraph))
        fresh = [sentence for sentence in found if sentence not in seen]
        seen.update(fresh)
        if fresh:
            yield fresh


def _all_paragraphs() -> list[list[_Sentence]]:
    """All there is: paragraphs as lists of sentences, in the order of reading, each sentence once."""
    paragraphs = list(
        _new_sentences(
            itertools.chain(_topic_paragraphs(), _compiled_module_paragraphs(), _library_paragraphs())
        )
    )
    words = sum(len(sentence) for paragraph in paragraphs for sentence in paragraph)
    if words < _LEAST_WORDS:
        raise FileNotFoundError(
            f"there is too little text here: the standard library in {_library_folder()} and the built-in "
            f"docstrings hold {words} words of prose, and at least {_LEAST_WORDS} are needed; give "
            "a text of your own to 'fastsg train'"
        )
    return paragraphs


def _shingles(sentence: _Sentence) -> Iterator[_Sentence]:
    """All runs of `_SHINGLE` words; a shorter sentence is one run."""
    return (sentence[i : i + _SHINGLE] for i in range(max(1, len(sentence) - _SHINGLE + 1)))


def _without_known_runs(held_out: list[_Sentence], training: list[_Sentence]) -> list[_Sentence]:
    """The held-out sentences that share no run of `_SHINGLE` words with the training text.

    The library holds near-copies of itself (``distutils`` in ``setuptools``); a text learnt by heart measures
    nothing.
    """
    wanted = {shingle for sentence in held_out for shingle in _shingles(sentence)}
    known = {shingle for sentence in training for shingle in _shingles(sentence) if shingle in wanted}
    return [sentence for sentence in held_out if known.isdisjoint(_shingles(sentence))]


# ---- the corpus ----


def python_docs_sentences() -> list[list[str]]:
    """The whole corpus, sentence by sentence, each a list of lower-cased words.

    Returns
    -------
    sentences : list of list of str
        No sentence twice; the same installation gives the same list.

    Raises
    ------
    FileNotFoundError
        This installation carries next to no text.
    """
    return [list(sentence) for paragraph in _all_paragraphs() for sentence in paragraph]


def load_python_docs() -> PythonDocs:
    """The corpus in two parts: every 20th paragraph is held out.

    Returns
    -------
    train, valid : list of list of str
        Sentences of lower-cased words. No sentence stands in both, and no eight words in a row either.

    Raises
    ------
    FileNotFoundError
        This installation carries next to no text.
    """
    paragraphs = _all_paragraphs()
    train = [s for i, p in enumerate(paragraphs) if i % _HELD_OUT_EVERY != _HELD_OUT_EVERY - 1 for s in p]
    valid = [s for p in paragraphs[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY] for s in p]
    return PythonDocs([list(s) for s in train], [list(s) for s in _without_known_runs(valid, train)])
