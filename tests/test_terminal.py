"""What a person sees on a terminal: widths, columns, styles, prompts, what to do next."""

import json
import re
import shlex
import sys

import pytest
from commands import TEXT, fails, run
from terminals import STYLE, lines, on_terminal

from fastsg.cli import columns as columns_module
from fastsg.cli import main, parse
from fastsg.cli.advice import example
from fastsg.cli.columns import BOLD, cell, columns, lines_of, styled, width

SMALL = "--vector-size 8 --min-count 1 --epochs 4 --sample 0.05 --head 0.5"


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    """Every test works in a folder of its own, in which there is text.txt; nothing says how wide it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")


# ---- columns ----


@pytest.mark.parametrize(
    "text, columns",
    [
        ("", 0),
        ("cat", 3),
        ("猫", 2),
        ("e\u0301", 1),
        ("ＡＢ", 4),
        ("한국", 4),
        ("a\u200bb", 2),
        ("né", 2),
        ("…", 1),
    ],
)
def test_width(text, columns):
    assert width(text) == columns


def test_cells_are_as_wide_as_they_look():
    for text in ("", "cat", "北京", "a-name-that-is-too-long.txt", "一个太长的名字.txt", "x" * 10):
        assert width(cell(text, 10)) == 10
    assert cell("ab", 4) == "ab  " and cell("北", 4) == "北  "
    assert cell("folder/words.vec", 10) == "…words.vec" and cell("北京上海天津", 6) == "…天津 "


def test_lines(monkeypatch):
    monkeypatch.setattr(columns_module, "columns", lambda: 12)
    assert lines_of(["one", "two", "three", "four"], "no: ") == ["no: one two", "    three", "    four"]
    assert lines_of(["one", "two", "x" * 20, "y"], more=" \\") == ["one two \\", "x" * 20 + " \\", "y"]
    assert lines_of(["北京北京", "上海"]) == ["北京北京", "上海"]
    assert lines_of([], "head") == ["head"]


def test_the_room_there_is(monkeypatch):
    for given, used in (("60", 60), ("80", 80), ("200", 80), ("10", 40)):
        monkeypatch.setenv("COLUMNS", given)
        assert columns() == used


# ---- styles ----


class Terminal:
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "environment, is_styled",
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),  # as no-color.org has it: when it is not empty
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_styles(monkeypatch, environment, is_styled):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert styled("x", BOLD, Terminal()) == ("\x1b[1mx\x1b[0m" if is_styled else "x")
    assert styled("x", BOLD) == "x"  # standard output of tests is no terminal


def test_styles_are_never_the_only_sign():
    """With and without them the same is said, but for the seconds and the memory it took."""

    def said(**environment):
        code, shown = on_terminal("train", "text.txt", "-o", "v.vec", *shlex.split(SMALL), **environment)
        assert code == 0
        _, *found = lines(shown)  # but for the bar
        return shown, re.sub(r"\d[\d,.]*", "0", "\n".join(found)).split()

    with_styles, plain = said()
    assert STYLE.search(with_styles)
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        without, same = said(**environment)
        assert not STYLE.search(without) and same == plain
    code, shown = on_terminal("nn", "v.vec", "nowhere")
    assert code == 1 and "\x1b[31merror:\x1b[0m" in shown and "fastsg: error:" in STYLE.sub("", shown)


# ---- the summary ----


@pytest.mark.parametrize("size", [60, 80, 200])
@pytest.mark.parametrize("valid", ["", "--valid text.txt"])
def test_the_summary_fits(size, valid):
    arguments = shlex.split(f"train text.txt -o v.vec --save-model m {valid} {SMALL}")
    code, shown = on_terminal(*arguments, columns=size)
    assert code == 0
    bar, *found = lines(shown)
    assert bar.startswith("epoch 4/4: ") and width(bar) <= size
    assert max(map(width, found)) <= min(size, 80)
    heads = next(i for i, line in enumerate(found) if line.startswith("epoch  text"))
    about, names, first = found[heads - 1 : heads + 2]
    assert " trained on " in about and ("held-out text" in about) == bool(valid)
    assert names.split()[:5] == ["epoch", "text", "words", "loss", "unigram"]
    assert ("perplexity" in names) == (size > 60 or not valid)
    assert first.split()[:3] == ["1", "thinned", "all"] and len(first.split()) == len(names.split())
    assert all(re.search(rf"(?m)^{note} ", "\n".join(found)) for note in ("loss", "thinned", "words", "next"))


def test_a_column_stands_below_what_it_is_about():
    """The losses of the held-out text begin and end where its dashes do."""
    _, shown = on_terminal(*shlex.split(f"train text.txt -o v.vec --valid text.txt {SMALL}"))
    found = lines(shown)
    heads = next(i for i, line in enumerate(found) if line.startswith("epoch  text"))
    start, end = re.search(r"-+ held-out text -+", found[heads - 1]).span()
    assert found[heads][start:end].split() == ["loss", "perplexity"]
    start, end = re.search(r"-+ trained on -+", found[heads - 1]).span()
    assert found[heads][start:end].split() == ["text", "words", "loss", "unigram", "perplexity"]


# ---- what to do next ----


def commands(shown):
    """The commands that a summary ends with, as a shell would take them."""
    told = "\n".join(lines(shown)).partition("\nnext ")[2].replace("\\\n", " ")
    return [shlex.split(line) for line in told.splitlines() if line.strip()]


@pytest.mark.parametrize(
    "files, asked",
    [
        ("-o v.vec", ["nn", "explore"]),
        ("-o v.vec --save-model m", ["nn", "predict", "explore"]),
        ("--save-model m", ["nn", "predict", "explore"]),
        ("--checkpoint m", ["nn", "predict", "explore"]),
        ("-o v.vec --save-output o.vec --save-bias b", ["nn", "predict", "explore"]),
        ("-o v.vec --save-output o.vec --save-bias b --vectors sum", ["nn", "explore"]),
        ("-o v.vec --format binary", ["nn", "explore"]),
        ("-o v.bin --save-output o.vec --save-bias b --format binary", ["nn", "predict", "explore"]),
        ("-o v.npz --save-output o --save-bias b", ["nn", "predict", "explore"]),
        ("-o folder/", ["nn", "explore"]),
        ("-o folder/ --format tsv", ["nn", "explore"]),
        ("-o=-v.vec --save-model=-m", ["nn", "predict", "explore"]),
        ("""-o "a 'quoted' name with a $sign.vec" --save-output '北京 *.vec' --save-bias 'b;c'""", None),
        ("--report r", []),
        ("-o /dev/null --save-vocab w", []),
    ],
)
def test_what_is_advised_works(files, asked, capsys):
    out = run(capsys, f"train text.txt {files} {SMALL}")
    advised = commands(out)
    assert [command[1] for command in advised] == (["nn", "predict", "explore"] if asked is None else asked)
    for program, *words in advised:
        assert program == "fastsg" and main(words) == 0, capsys.readouterr().err
        assert capsys.readouterr().out


def test_what_was_written_is_listed(capsys):
    out = run(
        capsys, f"train text.txt -o v --save-output o.npz --report r --json-log - --save-vocab w {SMALL}"
    )
    assert re.search(r"(?m)^written    v \(text\), o\.npz \(npz\), w, r$", out)
    assert "written" not in run(capsys, f"train text.txt -o v --quiet {SMALL}")
    assert "written" not in run(capsys, f"train text.txt -o v --json {SMALL}")


def test_the_example_is_a_word():
    assert example(["the", "cat"]) == ["cat"] and example([f"w{i}" for i in range(9)] + ["猫"]) == ["猫"]
    assert example(["-x", "1", "…"]) == []
    assert example([chr(0x4E00 + i) for i in range(2000)]) == [chr(0x4E00 + 300)]


def test_a_name_cannot_command_the_terminal(capsys):
    out = run(capsys, f"train text.txt -o 'a\x1b[31mb.vec' {SMALL}")
    assert "\x1b" not in out and "a\\x1b[31mb.vec" in out


# ---- questions ----


def test_prompts_are_beside_the_answers(tmp_path, capsys):
    run(capsys, f"train text.txt -o v.vec --quiet {SMALL}")
    with open("answers", "w") as file:
        code, shown = on_terminal("nn", "v.vec", "-k", "1", "--json", typed="cat\ndog\n\x04", output=file)
    assert code == 0 and shown.count("word? ") == 3 and shown.endswith("\n")
    with open("answers") as file:
        assert [json.loads(line)["asked"] for line in file] == ["cat", "dog"]
    code, shown = on_terminal("nn", "v.vec", "-k", "1", typed="cat\n\x04")
    assert code == 0 and "\x1b[1mcat\x1b[0m\n" in shown


@pytest.mark.parametrize(
    "command", ["nn v.vec cat nowhere 猫 -k 3", "predict v.vec o.vec --bias b cat nowhere 猫 -k 3"]
)
def test_json_lines(command, tmp_path, capsys):
    (tmp_path / "text.txt").write_text(TEXT + "猫 eats fish\n" * 40, encoding="utf-8")
    run(capsys, f"train text.txt -o v.vec --save-output o.vec --save-bias b --quiet {SMALL}")
    tables, code = _out(capsys, command)
    assert code == 1
    out, code = _out(capsys, f"{command} --json")
    assert code == 1 and "猫" in out
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["asked"] for answer in answers] == ["cat", "猫"]
    measure = "cosine" if command.startswith("nn") else "probability"
    rows = [row for answer in answers for row in answer["answers"]]
    assert all(row.keys() == {"word", measure} for row in rows) and len(rows) == 6
    told = [line.split() for line in tables.splitlines() if line.startswith(" ")]
    assert told == [[f"{row[measure]:.4f}", row["word"]] for row in rows]


def _out(capsys, line):
    code = main(shlex.split(line))
    return capsys.readouterr().out, code


def test_json_of_analogies(capsys):
    run(capsys, f"train text.txt -o v.vec --quiet {SMALL}")
    answer = json.loads(run(capsys, "analogies v.vec cat dog fish -k 2 --json"))
    assert (
        answer["asked"] == "cat dog fish"
        and [set(row) for row in answer["answers"]] == [{"word", "cosine"}] * 2
    )
    answer = json.loads(run(capsys, "analogies v.vec cat dog fish -k 1 --json --method mul"))
    assert set(answer["answers"][0]) == {"word", "score"}


@pytest.mark.parametrize("size", [60, 80, 200])
def test_tables_of_eval_are_aligned(size, tmp_path, capsys):
    run(capsys, f"train text.txt --save-model m --quiet {SMALL}")
    names = ["短", "一个很长很长的文件名用来看看表格是不是对齐的一个很长很长的文件名.txt", "p" * 90]
    for name in names:
        (tmp_path / name).write_text("cat dog 9\nfish meat 8\nsees eats 1\n", encoding="utf-8")
    (tmp_path / "q").write_text(
        ": 一\ncat dog fish meat\n: two\nfish meat cat dog\nno no no no\n", encoding="utf-8"
    )
    arguments = ["eval", "m", "--pairs", *names, "--analogies", "q", "--perplexity", "text.txt"]
    code, shown = on_terminal(*arguments, columns=size)
    found = lines(shown)
    assert code == 0 and max(map(width, found)) <= min(size, 80)
    start = next(i for i, line in enumerate(found) if line.startswith("word pairs"))
    assert len({width(line) for line in found[start : start + 4]}) == 1
    assert all("…" in line for line in found[start + 2 : start + 4])


# ---- interrupted ----


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals")
def test_an_interrupted_training_leaves_a_tidy_screen(tmp_path):
    """The bar ends before anything else is said, and what is said is about the files that are there."""
    (tmp_path / "text.txt").write_text(TEXT * 200, encoding="utf-8")
    line = "train text.txt -o v.vec --vector-size 64 --min-count 1 --epochs 999 --solver sgd --batch-size 16"
    # an epoch takes a while, and of the second one steps have been shown: not between two of them
    code, shown = on_terminal(*shlex.split(line), until="epoch 2/[^\r]*\r[^\r]*\r[^\r]*pairs/s")
    found = lines(shown)
    assert code == 130 and max(map(width, found)) <= 80
    said = found.index("fastsg: interrupted; writing what is trained so far")
    assert found[said - 1].startswith("epoch ")  # perhaps before the epoch's first step, which has no speed
    assert any(line.startswith("interrupted: the vectors are those of that moment") for line in found)
    assert any(line.startswith("next ") for line in found) and (tmp_path / "v.vec").exists()


# ---- names of files ----


@pytest.mark.parametrize("name", ["v.model", "v.vecs", "v.safetensor", "v.vec.zip", "words.en"])
def test_an_unknown_suffix_is_refused_before_the_work(name, tmp_path, capsys):
    said = fails(capsys, f"train text.txt -o {name} {SMALL}")
    assert (
        "--output" in said and "no format has the suffix ." in said and ".vec .txt" in said and "text" in said
    )
    run(capsys, f"train text.txt -o {name} --format text --quiet {SMALL}")
    assert (tmp_path / name).read_bytes().startswith(b"8 8\n")


@pytest.mark.parametrize("name", ["v", "v.txt", "v.vec", "v1.2", "v.300d", ".v", "v.VEC.gz"])
def test_names_of_text(name, tmp_path, capsys):
    run(capsys, f"train text.txt -o {name} --quiet {SMALL}")
    assert len(run(capsys, f"nn {name} cat -k 1").splitlines()) == 2


@pytest.mark.parametrize(
    "line",
    [
        "train text.txt -o -", "count text.txt -o -", "encode text.txt -o -", "explore v.vec -o -",
        "convert v.vec -", "merge text.txt -o -",
    ],
)  # fmt: skip
def test_standard_output_is_no_place_for_files(line, tmp_path, capsys):
    (tmp_path / "v.vec").write_text("2 1\na 1\nb 2\n")
    before = sorted(tmp_path.iterdir())
    said = fails(capsys, line)
    assert "is '-'" in said and "name a file" in said and sorted(tmp_path.iterdir()) == before


def test_the_projector_takes_a_folder(tmp_path, capsys):
    run(capsys, f"train text.txt --save-model m --quiet {SMALL}")
    for target in ("new/ --format tsv", "new --format tsv", "new", "new/"):
        assert "(tsv)" in run(capsys, f"convert m {target}")
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["metadata.tsv", "vectors.tsv"]
        assert (
            run(capsys, "nn new cat -k 2") == run(capsys, "nn m cat -k 2") == run(capsys, "nn new/ cat -k 2")
        )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    run(capsys, "convert m mine --format tsv")  # beside what is there
    assert len(list((tmp_path / "mine").iterdir())) == 3
    assert "no folder" in fails(capsys, "convert m no/such/ --format tsv")
    run(capsys, f"train text.txt -o more/ --format tsv --quiet {SMALL}")
    assert (tmp_path / "more" / "metadata.tsv").exists()


def test_flags_of_the_questions():
    for command in ("nn v", "predict v", "analogies v"):
        assert (
            parse(shlex.split(command)).json is False and parse(shlex.split(f"{command} --json")).json is True
        )
