"""The corpus out of Python's documentation: prose, deterministic, honest about what is held out."""

import collections
import compileall
import hashlib
import io
import os
import subprocess
import sys
import time
import tokenize
import zipfile
from pathlib import Path

import pytest

from fastsg.datasets import python_docs as docs

PROSE = '''"""Open the file and read all of its lines, one after the other.

Example:

>>> open_it("the doctest is not a part of the prose")
and neither is what it prints

Returns the list of lines, e.g. ``["a"]``; see https://example.org/the/page for more.
"""
# The server waits for the first client
# and then starts a thread of its own.
x = 1  # a trailing remark of its own

# Another block is another text.
raise ValueError("the vector size must be "
                 "a positive number, got %d" % x)
'''


def words(source: str, **options: bool) -> list[str]:
    sentences = (s for p in docs._source_paragraphs(source, **options) for s in docs._paragraph_sentences(p))
    return [" ".join(s) for s in sentences]


def test_source_becomes_sentences():
    assert words(PROSE) == [
        "open the file and read all of its lines one after the other",
        "returns the list of lines eg a see for more",
        "the server waits for the first client and then starts a thread of its own",
        "a trailing remark of its own",
        "another block is another text",
        "the vector size must be a positive number got",
    ]


def test_strings_of_tests_are_left_out_but_docstrings_stay():
    source = '"""The docstring of a test is prose."""\nx = "and this is what is put into it"\n'
    assert words(source, all_strings=False) == ["the docstring of a test is prose"]


@pytest.mark.parametrize(
    "text",
    [
        "for k in range(n): x[k] = f(k) + (a if b else c)",
        "------- === ---",
        "one two",
        "LATIN SMALL LETTER",
        "",
    ],
)
def test_what_is_not_prose_is_dropped(text: str):
    assert list(docs._paragraph_sentences(text)) == []


def test_strings_and_comments_are_those_of_tokenize():
    """The regular expression against the real tokenizer, on real files."""
    folder = Path(docs._library_folder())
    seen = 0
    for name in ("argparse.py", "inspect.py", "tokenize.py", "turtle.py", "re/_parser.py", "textwrap.py"):
        if not (folder / name).is_file():
            continue
        source = (folder / name).read_text(encoding="utf-8")
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        if any(tokenize.tok_name[token.type] == "FSTRING_START" for token in tokens):
            continue  # 3.12 takes f-strings apart
        wanted = [
            t.string.lstrip("rRbBuUfF") for t in tokens if t.type in (tokenize.COMMENT, tokenize.STRING)
        ]
        assert [match.group() for match in docs._COMMENT_OR_STRING.finditer(source)] == wanted, name
        seen += 1
    if not seen:
        pytest.skip("no sources of the standard library without f-strings here")


@pytest.fixture(scope="module")
def corpus() -> docs.PythonDocs:
    start = time.perf_counter()
    corpus = docs.load_python_docs()
    assert time.perf_counter() - start < 30, "the demo is meant to start in a few seconds"
    return corpus


def test_corpus_is_large_enough_and_english(corpus: docs.PythonDocs):
    counts = collections.Counter(word for sentence in corpus.train for word in sentence)
    assert sum(counts.values()) > 100_000
    assert sum(count >= 5 for count in counts.values()) > 2000
    assert {word for word, _ in counts.most_common(12)} >= {"the", "a", "to", "is", "of"}
    assert all(counts[word] >= 50 for word in docs.PROBE_WORDS), {
        word: counts[word] for word in docs.PROBE_WORDS
    }
    assert 6 <= len(docs.PROBE_WORDS) <= 8


def test_nothing_is_both_trained_on_and_held_out(corpus: docs.PythonDocs):
    train, valid = set(map(tuple, corpus.train)), set(map(tuple, corpus.valid))
    assert len(train) == len(corpus.train) and len(valid) == len(corpus.valid)
    assert not train & valid
    runs = {run for sentence in train for run in docs._shingles(sentence)}
    assert all(runs.isdisjoint(docs._shingles(sentence)) for sentence in valid)
    assert 0.02 < sum(map(len, valid)) / sum(map(len, train)) < 0.1


def test_common_runs_are_found():
    """Control for the test above."""
    long = tuple(map(str, range(9)))
    assert docs._without_known_runs([long[:8], ("a", "b"), ("new", "text")], [long, ("a", "b")]) == [
        ("new", "text")
    ]


def test_same_installation_same_corpus_and_nothing_imported(corpus: docs.PythonDocs):
    """And no module with side effects is imported, nor any of the library's in Python beyond what C modules
    pull in.
    """
    code = (
        "import hashlib, sys; from fastsg.datasets import load_python_docs;"
        "before = set(sys.modules); corpus = load_python_docs();"
        "print(*sorted(set(sys.modules) - before));"
        "print(hashlib.sha256(repr(tuple(corpus)).encode()).hexdigest())"
    )
    # -OO strips docstrings from what is imported; the corpus is read from files, so it does not change.
    command = [sys.executable, "-OO", "-c", code]
    environment = os.environ | {"PYTHONHASHSEED": "1", "LC_ALL": "C"}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    imported, digest = out.splitlines()
    assert digest == hashlib.sha256(repr(tuple(corpus)).encode()).hexdigest()
    odd = {"antigravity", "this", "idlelib", "tkinter", "readline", "asyncio", "turtle", "test"}
    assert not odd.intersection(imported.split())


def library(folder: Path, sentences: int = 300) -> Path:
    """A small library of made-up prose."""
    folder.mkdir()
    text = "".join(f"# The function number{i} is the one for item{i}.\n\n" for i in range(sentences))
    (folder / "module.py").write_text(text)
    return folder


def only_the_library(monkeypatch: pytest.MonkeyPatch, folder: Path, path: list[str] | None = None) -> None:
    monkeypatch.setattr(docs, "_library_folder", lambda: str(folder))
    monkeypatch.setattr(docs, "_topic_paragraphs", lambda: iter(()))
    monkeypatch.setattr(docs, "_compiled_module_paragraphs", lambda: iter(()))
    monkeypatch.setattr(sys, "path", path or [])


def test_damaged_and_unreadable_files_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = library(tmp_path / "lib")
    (folder / "broken.whl").write_bytes(b"not a zip file")
    (folder / "latin.py").write_bytes(b"# The caf\xe9 is not UTF-8, and it is read all the same.\n")
    (folder / "gone.py").symlink_to(tmp_path / "nowhere")
    only_the_library(monkeypatch, folder)
    assert len(docs.python_docs_sentences()) == 301


def test_compiled_files_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = library(tmp_path / "lib")
    text = "".join(
        f"def f{i}():\n    '''The method number {i} is the one for item{i}.'''\n" for i in range(300)
    )
    (folder / "orphan.py").write_text(text)
    assert compileall.compile_dir(folder, legacy=True, quiet=1)
    (folder / "orphan.py").unlink()
    only_the_library(monkeypatch, folder)
    assert len(docs.python_docs_sentences()) == 300


def test_a_zipped_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = library(tmp_path / "lib") / "module.py"
    archive = tmp_path / "python311.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(source, "package/module.py")
    only_the_library(monkeypatch, tmp_path / "nowhere", [str(archive), str(tmp_path / "python399.zip")])
    assert len(docs.python_docs_sentences()) == 300


@pytest.mark.parametrize("call", [docs.python_docs_sentences, docs.load_python_docs])
def test_next_to_nothing_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call):
    only_the_library(monkeypatch, library(tmp_path / "lib", sentences=2))
    with pytest.raises(FileNotFoundError, match=r"hold 16 words of prose, and at least 1000 are needed"):
        call()
