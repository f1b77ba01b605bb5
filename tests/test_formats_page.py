"""docs/formats.md is enough to read our files: format_reader.py, which knows no more, reads tests/kept."""

import json

import format_reader
import kept_files
import numpy as np
import pytest
from architecture import documents
from architecture.sources import ROOT, read
from conftest import needs_checkout

import fastsg
from fastsg.cooccurrence import counts_file
from fastsg.io import model_file, vectors_file
from fastsg.io.bias import save_bias
from fastsg.text import corpus

#: Formats of others of which the page says where they are described.
ELSEWHERE = (".fifu", ".parquet", ".arrow")
FILES = [
    pytest.param(path, id=f"{folder.name}/{path.name}")
    for folder in sorted(kept_files.KEPT.iterdir())
    for path in kept_files.files(folder)
    if path.suffix not in ELSEWHERE
]
NEWEST = kept_files.KEPT / "0.1"
CHECKED = ("model", "checkpoint.inside", "counts.shard", "corpus.numbered", "v.kv")


def as_json(values):
    return json.loads(json.dumps(values))


def by_fastsg(path):
    """What fastsg reads; of attributes what a file of vectors says of them, too."""
    if path.name != "v.safetensors":
        return as_json(kept_files.contents(path))
    kv = fastsg.KeyedVectors.load(path)
    counts = ["int64", kv.expandos["count"].tolist()]
    return {"words": kv.index_to_key, "matrix": kv.vectors.tolist(), "type": "float32", "count": counts}


@pytest.mark.parametrize("path", FILES)
def test_the_page_is_enough(path):
    ours, page = by_fastsg(path), as_json(format_reader.read(path))
    if bias := page.pop("bias", None):
        assert bias == pytest.approx(ours["bias"], abs=1e-6)
    assert len(page) >= 3 and page == {name: ours[name] for name in page}


@pytest.mark.parametrize("name", CHECKED)
def test_control_every_flipped_byte_is_seen(name, tmp_path):
    """In the header, in tensors and in checksums."""
    data, path = (NEWEST / name).read_bytes(), tmp_path / name
    start = format_reader.File(data).start
    for place in (*range(0, start, 97), *range(start, len(data), 37), len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(format_reader.Damaged):
            format_reader.read(path)


def test_a_piece_is_a_mebibyte(tmp_path):
    """Tensors may be longer, and may end with one."""
    matrix = np.arange(2**19, dtype=np.float32).reshape(-1, 64)
    words = [f"w{number:06}" for number in range(len(matrix))]
    fastsg.KeyedVectors(words, matrix).save(tmp_path / "v")
    file = format_reader.File((tmp_path / "v").read_bytes())
    assert file.tensors["vectors"].nbytes == 2 * 2**20
    assert list(file.tensors) == ["word_offsets", "vectors", "words", "checksums"]
    assert file.tensors["checksums"].size == 32 * (1 + 2 + 1 + 1)


def test_vocabulary_and_bias(tmp_path):
    vocab = fastsg.Vocab.from_counts(["a b", "京都", "\ufeffx"], [3, 2, 2], min_count=1)
    vocab.save(tmp_path / "vocab")
    save_bias(tmp_path / "bias", vocab.words, np.array([0.1, -2.5, 1e-9], np.float32))
    found = format_reader.text_lines(tmp_path / "vocab")
    assert found == dict(zip(vocab.words, map(str, vocab.counts.tolist())))
    bias = format_reader.text_lines(tmp_path / "bias")
    assert bias == dict(zip(vocab.words, ["0.100000001", "-2.5", "9.99999972e-10"]))


@needs_checkout
@pytest.mark.parametrize(
    "title, schema",
    [
        ("Vectors", vectors_file._SCHEMA),
        ("Models and checkpoints", model_file._SCHEMA),
        ("Counts", counts_file.SCHEMA),
        ("Encoded corpora", corpus.SCHEMA),
    ],
)
def test_the_page_has_every_tensor(title, schema):
    """In the order of the file, with its type; and every format stands with its version."""
    page = read(ROOT / "docs" / "formats.md")
    rows = [row for row in documents.table(page, title)[1:] if len(row) == 4 and "checksums" not in row[0]]
    told = [(name.strip(" `"), row[1]) for row in rows for name in row[0].split(",")]
    assert told == [(field.name, field.dtype) for field in schema.fields]
    assert f"| `{schema.name}` | `{schema.version}`" in page


def test_control_a_version_of_later_is_refused():
    data = (NEWEST / "v.kv").read_bytes()
    later = data.replace(b'"format_version":"2"', b'"format_version":"9"', 1)
    with pytest.raises(format_reader.Damaged, match="version"):
        format_reader.File(later)
