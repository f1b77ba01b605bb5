"""docs/from_word2vec.md and docs/from_fasttext.md beside the parsers: every flag does what its row says."""

import shlex

import pytest
from architecture import documents
from architecture.sources import ROOT, read
from commands import TEXT

from fastsg.cli import build_parser, main, parse
from fastsg.cli.completion import flags_of
from fastsg.cli.word2vec import translation

COMMANDS = build_parser()._subparsers._group_actions[0].choices
NOTHING = "–"


def rows_of(page, title):
    """The rows of a table, its code without the backticks."""
    table = documents.table(read(ROOT / "docs" / page), title)
    return [[cell.strip("`") for cell in row] for row in table[1:]]


WORD2VEC = rows_of("from_word2vec.md", "Flags of word2vec.c")
FASTTEXT = rows_of("from_fasttext.md", "Flags of fastText")
COMMAND_ROWS = rows_of("from_word2vec.md", "Commands") + rows_of("from_fasttext.md", "Commands")
#: word2vec.c's defaults, as flags of fastsg train.
DEFAULTS = "--vector-size 100 --window 5 --sample 1e-3 --epochs 5 --min-count 5 --format text"


def settings(args):
    """All that a parsed line asks for."""
    return {name: value for name, value in vars(args).items() if name not in ("argv", "given")}


@pytest.mark.parametrize("row", COMMAND_ROWS, ids=lambda row: row[0])
def test_commands_parse(row):
    command = shlex.split(row[1])
    assert row[1] == NOTHING or (command[0] == "fastsg" and parse(command[1:]).command in COMMANDS)
    assert row[2]


def test_no_flag_of_word2vec_is_passed_over():
    known = {name for flag in flags_of(COMMANDS["word2vec"]) for name in flag.names}
    assert {row[0].split()[0] for row in WORD2VEC} == {
        name for name in known if not name.startswith("--")
    } - {"-h"}


@pytest.mark.parametrize("row", WORD2VEC, ids=lambda row: row[0])
def test_flags_of_word2vec(row, tmp_path, monkeypatch, capsys):
    theirs, state, ours, _ = row
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text(TEXT)
    if state == "refused":
        assert main(["word2vec", "-train", "text", "-output", "v", *theirs.split()]) == 1
        assert theirs in capsys.readouterr().err and ours == NOTHING and not (tmp_path / "v").exists()
        return
    text, output = (
        [] if "-train" in theirs else ["-train", "t"],
        [] if "-output" in theirs else ["-output", "v"],
    )
    here = translation(parse(["word2vec", *text, *output, *theirs.split()]))
    text, output = text[1:], ["-o", *output[1:]] if output else []
    flags = [] if ours == NOTHING else ours.split()
    assert settings(here) == settings(parse(["train", *text, *output, *DEFAULTS.split(), *flags]))
    if state == "ignored":
        main(["word2vec", "-train", "text", "-output", "v", "-size", "2", "-iter", "1", *theirs.split()])
        assert f"{theirs} is ignored" in capsys.readouterr().err
    else:
        assert state == "taken"


@pytest.mark.parametrize("row", FASTTEXT, ids=lambda row: row[0])
def test_flags_of_fasttext(row, capsys):
    """Ours is taken, and means something; theirs is refused, with a hint at ours."""
    theirs, ours, _ = row
    if ours != NOTHING:
        plain, given = parse(["train", "text"]), parse(["train", "text", *ours.split()])
        changed = {name for name, value in settings(given).items() if value != settings(plain)[name]}
        assert len(changed) == 1
    if theirs == ours:
        return
    with pytest.raises(SystemExit) as stop:
        main(["train", "text", *theirs.split()])
    said = capsys.readouterr().err
    wanted = (
        f"there is no flag -{theirs.split()[0]}"
        if ours in (NOTHING, "--quiet")
        else f"write {ours.split()[0]} "
    )
    assert stop.value.code == 2 and wanted in said
