"""fastsg plot; skipped without matplotlib."""

import shlex

import pytest
from commands import TEXT

from fastsg.cli import main
from fastsg.cli import plot as plot_command

pytest.importorskip("matplotlib", reason="needs matplotlib")

#: A line of each kind of picture.
LINES = {
    "loss": "loss m -o out.png",
    "map": "map v.vec --around cat -k 3 -o out.svg",
    "neighbours": "neighbours m cat -k 3 -o out.png",
    "analogy": "analogy v.vec the cat dog -o out.pdf",
    "heatmap": "heatmap v.vec the cat dog -o out.png",
    "compare": "compare v.vec o.vec cat -o out.png",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a model, its parts and its report."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    outputs = "-o {0}/v.vec --save-output {0}/o.vec --save-bias {0}/bias --save-model {0}/m --report {0}/r"
    options = "--quiet --vector-size 8 --min-count 1 --epochs 2"
    assert main(shlex.split(f"train {folder}/text.txt {outputs.format(folder)} {options}")) == 0
    return folder


@pytest.fixture
def run(files, tmp_path, monkeypatch):
    """Runs fastsg plot where the files are; what it writes is gone afterwards."""
    monkeypatch.chdir(files)
    yield lambda line: main(["plot", *shlex.split(line)])
    for path in files.glob("out*"):
        path.unlink()


@pytest.fixture
def drawn(monkeypatch):
    """The axes that were written, instead of files."""
    found = []
    monkeypatch.setattr(plot_command, "save_picture", lambda ax, path: found.append(ax))
    return found


def test_every_kind(run, files, capsys):
    assert LINES.keys() == plot_command._KINDS.keys()
    for line in LINES.values():
        assert run(line) == 0, capsys.readouterr().err
        (path,) = files.glob("out*")
        assert path.stat().st_size > 2000
        path.unlink()


def test_a_report_and_its_model_give_the_same_picture(run, files):
    for source in ("m", "r"):
        assert run(f"loss {source} -o out{source}.svg") == 0
    assert (files / "outm.svg").read_bytes() == (files / "outr.svg").read_bytes()


def test_probabilities_of_a_model_and_of_its_parts(run, drawn):
    for line in ("m cat", "v.vec cat --output-vectors o.vec --bias bias", "v.vec cat"):
        assert run(f"neighbours {line} -o out.png") == 0
    above = [[ax for ax in one.figure.axes if ax is not one] for one in drawn]
    widths = [[bar.get_width() for bar in axes[0].patches] for axes in above[:2]]
    assert widths[0] == pytest.approx(widths[1]) and len(widths[0]) > 2 and above[2] == []


def test_words_of_a_map(run, drawn):
    for line in ("v.vec cat dog", "v.vec -k 2", "v.vec"):
        assert run(f"map {line} -o out.png") == 0
    assert [len(ax.collections[0].get_offsets()) for ax in drawn][:2] == [2, 2]
    assert drawn[2].get_title().startswith("The first ")


@pytest.mark.parametrize(
    "line, says",
    [
        ("map v.vec -o out.jpg", "--output is 'out.jpg'; a picture must end in .png, .svg, .pdf"),
        ("map v.vec -o no/out.png", "--output: there is no folder"),
        ("loss m r -o out.png", "loss takes nothing behind V; 1 were given"),
        ("loss v.vec -o out.png", "v.vec is neither a native model nor a report"),
        ("loss missing -o out.png", "missing"),
        ("neighbours v.vec -o out.png", "neighbours takes a word behind V; 0 were given"),
        ("neighbours v.vec nowhere -o out.png", "nowhere"),
        ("neighbours v.vec cat --bias bias -o out.png", "--bias is for P(n|m), which needs --output-vectors"),
        ("neighbours m cat --bias bias -o out.png", "the model m has its own"),
        ("analogy v.vec the cat dog fish -o out.png", "analogy takes words in threes"),
        ("heatmap v.vec cat -o out.png", "heatmap takes two words or more"),
        ("compare v.vec cat -o out.png", "compare takes other vectors and a word"),
        ("heatmap v.vec cat dog --around fish -o out.png", "--around is for map, not for heatmap"),
        (
            "heatmap v.vec cat dog -k 3 -o out.png",
            "--topn is for map and neighbours and compare, not for heatmap",
        ),
        ("loss m --projection tsne -o out.png", "--projection is for map, not for loss"),
        ("map v.vec cat --around fish -o out.png", "words and around"),
        ("map v.vec --bias bias -o out.png", "--bias is for neighbours, not for map"),
        ("map v.vec -k 0 -o out.png", "--topn is 0"),
        ("map v.vec --seed -1 -o out.png", "seed is -1"),
    ],
)
def test_errors(run, files, capsys, line, says):
    assert run(line) == 1
    assert says in capsys.readouterr().err and not list(files.glob("out*"))


def test_no_source_is_overwritten(run, files, capsys):
    (files / "out.png").write_bytes((files / "v.vec").read_bytes())
    assert run("map out.png --format text -o out.png") == 1
    assert "--output and V name the same file" in capsys.readouterr().err
