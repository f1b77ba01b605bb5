"""SkipGram.export writes what fastsg convert makes of the saved model, in every format."""

import os
from pathlib import Path

import numpy as np
import pytest
from commands import TEXT, run

from fastsg import SkipGram
from fastsg.io import load_vectors, writable_formats

PLACES = {"model2vec": "v/", "tsv": "v.tsv"}


@pytest.fixture(scope="module")
def trained():
    lines = [line.split() for line in TEXT.splitlines()]
    return SkipGram(lines, vector_size=8, min_count=1, epochs=2, vectors="sum", progress=False)


@pytest.fixture
def model(trained, tmp_path, monkeypatch):
    """A model that is saved as m in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    trained.save("m")
    return trained


def content(place):
    """The bytes of a file, or of all files of a folder; of two files, of both."""
    path = Path(place)
    files = sorted(path.iterdir()) if path.is_dir() else sorted(path.parent.glob(f"{path.stem}*"))
    return [(file.name, file.read_bytes()) for file in files]


def options_of(format):
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
        return {"neighbors": 3}
    return {"sif": 1e-3} if format == "model2vec" else {}


@pytest.mark.parametrize("which", [None, "input", "output", "sum", "centered", "whitened", "concat"])
@pytest.mark.parametrize("format", writable_formats())
def test_the_same_bytes_as_convert(model, capsys, format, which):
    options, file = options_of(format), PLACES.get(format, "v.x")
    for folder in ("a", "b"):
        os.mkdir(folder)
    model.export(f"a/{file}", format, which=which, **options)
    flags = "".join(f" --{name} {value}" for name, value in (options | {"which": which}).items() if value)
    run(capsys, f"convert m b/{file} --format {format} --quiet{flags}")
    assert content(f"a/{file}") == content(f"b/{file}") != []


def test_what_is_written(model):
    model.export("v.npz")
    words, matrix, counts = load_vectors("v.npz")
    assert words == model.vocab.words and np.array_equal(matrix, model.wv.vectors)
    assert np.array_equal(counts, model.vocab.counts)
    model.export(Path("o.bin.gz"), which="output")
    assert np.array_equal(load_vectors("o.bin.gz").matrix, model.O)
    model.export("c.vec", which="concat")
    assert np.array_equal(load_vectors("c.vec").matrix, np.hstack([model.I, model.O]))


def test_what_is_refused(model):
    model.export("v.vec")
    before = Path("v.vec").read_bytes()
    for message, arguments in {
        "which is 'both'; allowed are 'input', 'output', 'sum', 'centered', 'whitened'": {"which": "both"},
        "format is 'hdf'; allowed are": {"format": "hdf"},
        r"v\.vec: the format model \(native model\) is read, not written": {"format": "model"},
        "neighbors is for parquet and arrow, but v.vec is written as text": {"neighbors": 2},
        "neighbors is 0; it must be at least 1": {"neighbors": 0},
        "sif is for model2vec, but v.vec is written as text": {"sif": 1e-3},
    }.items():
        with pytest.raises(ValueError, match=message):
            model.export("v.vec", **arguments)
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        SkipGram().export("w.vec")
    assert Path("v.vec").read_bytes() == before and not Path("w.vec").exists()
