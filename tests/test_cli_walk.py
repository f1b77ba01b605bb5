"""fastsg walk: the walks of fastsg.graph, as text or as an encoded corpus."""

import gzip
import io
import subprocess
import sys

import pytest
from commands import fails, python, run

from fastsg import EncodedCorpus
from fastsg.graph import Graph, random_walks

EDGES = "1 2\n2 3\n3 1 2.5\n# no edge\n3 4\n4 4\n"


@pytest.fixture
def edges(tmp_path):
    path = tmp_path / "edges"
    path.write_text(EDGES)
    return path


def lines(walks):
    return "".join(" ".join(walk) + "\n" for walk in walks)


def test_text(capsys, edges, tmp_path):
    assert run(capsys, f"walk {edges} -o {tmp_path}/walks") == ""
    assert (tmp_path / "walks").read_text() == lines(random_walks(Graph.from_file(edges)))
    run(
        capsys,
        f"walk {edges} --output {tmp_path}/walks --walks 3 --walk-length 7 --p 0.5 --q 2 --seed 9 --directed "
        "--no-weighted --threads 2 --quiet",
    )
    graph = Graph.from_file(edges, directed=True, weighted=False)
    walks = random_walks(graph, walks_per_node=3, walk_length=7, p=0.5, q=2, seed=9)
    assert (tmp_path / "walks").read_text() == lines(walks)


def test_many_walks_as_text(capsys, edges, tmp_path):
    """More than are written at once, of different lengths."""
    run(capsys, f"walk {edges} -o {tmp_path}/walks --walks 3000 --length 4 --directed --quiet")
    walks = random_walks(Graph.from_file(edges, directed=True), walks_per_node=3000, walk_length=4)
    assert (tmp_path / "walks").read_text() == lines(walks)


def test_corpus(capsys, edges, tmp_path):
    run(capsys, f"walk {edges} -o {tmp_path}/walks.corpus --quiet")
    found, walks = EncodedCorpus.load(tmp_path / "walks.corpus"), random_walks(Graph.from_file(edges))
    assert found.vocab == walks.vocab and list(found) == list(walks)


def test_layout_and_summary(capsys, tmp_path):
    (tmp_path / "lists").write_text("a b c\nb a\nd\n")
    from fastsg.cli import main

    assert main(["walk", f"{tmp_path}/lists", "-o", f"{tmp_path}/walks", "--layout", "adjacency"]) == 0
    err = capsys.readouterr().err
    assert "4 nodes, 2 edges, 1 isolated nodes" in err and "40 walks" in err


def test_pipe(edges):
    """From standard input to standard output, and on into fastsg train."""
    done = python("-m", "fastsg", "walk", "-", "-o", "-", "--quiet", input=EDGES)
    assert done.returncode == 0, done.stderr
    assert done.stdout == lines(random_walks(Graph.from_file(edges)))
    options = [
        "--min-count",
        "1",
        "--sample",
        "0",
        "--vector-size",
        "4",
        "--epochs",
        "1",
        "--quiet",
        "-o",
        "/dev/stdout",
    ]
    trained = python("-m", "fastsg", "train", "-", *options, "-o", "/dev/stdout", input=done.stdout)
    assert trained.returncode == 0, trained.stderr
    assert sorted(line.split()[0] for line in io.StringIO(trained.stdout).readlines()[1:]) == list("1234")


@pytest.mark.parametrize(
    "line, message",
    [
        ("{edges} -o {folder}/walks.corpus.gz", "this file is not compressed by suffix; leave .gz out"),
        ("{edges} -o {edges}", "name the same file"),
        ("{edges} -o {folder}/none/walks", "--output"),
        ("{folder}/none -o {folder}/walks", "No such file"),
        ("{edges} -o {folder}/walks --weighted", "as weighted is True"),
        ("{edges} -o {folder}/walks --p 0", "p is 0.0; it must be above 0"),
        ("{edges} -o {folder}/walks --walks 0", "walks_per_node is 0"),
        ("{edges} -o {folder}/walks --length -1", "walk_length is -1"),
        ("{edges} -o {folder}/walks --layout adjacency --weighted", "adjacency lists have no weights"),
    ],
)
def test_errors(capsys, edges, tmp_path, line, message):
    assert message in fails(capsys, "walk " + line.format(edges=edges, folder=tmp_path))
    assert not (tmp_path / "walks").exists() and edges.read_text() == EDGES


def test_walks_are_compressed_by_suffix(capsys, edges, tmp_path):
    run(capsys, f"walk {edges} -o {tmp_path}/walks")
    run(capsys, f"walk {edges} -o {tmp_path}/walks.gz")
    assert gzip.decompress((tmp_path / "walks.gz").read_bytes()) == (tmp_path / "walks").read_bytes()


def test_a_closed_pipe_is_no_traceback(edges):
    command = [sys.executable, "-m", "fastsg", "walk", str(edges), "-o", "-", "--walks", "20000", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
    assert child.returncode == 1 and err == b""
