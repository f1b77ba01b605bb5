"""Every format of vectors: round trips bit for bit, names and suffixes, models, files of other tools."""

import contextlib
import importlib.util
import json
import os
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vector_files import fasttext_model, needs_pyarrow, pyarrow

import fastsg
from fastsg import FormatError, SkipGram
from fastsg.io import FORMATS, format_of_file, format_to_write, load_vectors, save_vectors
from fastsg.io.projector import metadata_path
from fastsg.io.word2vec import load_word2vec, save_word2vec

ARROW = ["v.parquet", "v.arrow", "v.feather"]
needs_zst = pytest.mark.skipif(
    sys.version_info < (3, 14) and importlib.util.find_spec("zstandard") is None,
    reason="zstandard is missing",
)
PACKED = [f"v.{inner}.{outer}" for inner in ("vec", "bin", "glove") for outer in ("gz", "bz2", "xz", "zst")]
NAMES = [
    "v.vec", "v.txt", "v.bin", "v.glove", "v", "v.2", "v.npz", "v.safetensors", "v.tsv", "v.fifu",
    "folder/", *(pytest.param(name, marks=needs_zst if name.endswith("zst") else ()) for name in PACKED),
    *(pytest.param(name, marks=needs_pyarrow) for name in ARROW),
]  # fmt: skip
WORDS = ["the", "café", "a\u00a0b", "中文", "\u2028", "</s>", *(f"w{i}" for i in range(12))]


def matrix_of(rows=18, width=5):
    """Every kind of float32: subnormal, huge, zeros of both signs."""
    rng = np.random.default_rng(SEED)
    bits = rng.integers(0, 2**32, (rows, width), np.uint64).astype(np.uint32).view(np.float32)
    return np.where(np.isfinite(bits), bits, np.float32(-0.0))


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and (a.view(np.uint32) == b.view(np.uint32)).all()


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(name):
    matrix, counts = matrix_of(), np.arange(len(WORDS), 0, -1)
    save_vectors(name, WORDS, matrix, counts=counts)
    words, values, found = load_vectors(name)
    assert words == WORDS and same_bits(values, matrix) and values.flags.c_contiguous
    if format_to_write(name).has_counts:
        assert found.tolist() == counts.tolist() and found.dtype == np.int64
    else:
        assert found is None
    words, values, _ = load_vectors(name, limit=3)
    assert words == WORDS[:3] and same_bits(values, matrix[:3])
    before = {path: path.read_bytes() for path in files_here()}
    save_vectors(name, WORDS, matrix, counts=counts)  # replaces what is there, with the same bytes
    assert before == {path: path.read_bytes() for path in files_here()}


def files_here():
    return sorted(path for path in Path().rglob("*") if path.is_file())


words_st = st.text(
    st.characters(exclude_characters="\t\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)


@pytest.mark.parametrize(
    "name", ["v.npz", "v.safetensors", "v.tsv", "v.fifu", pytest.param("v.parquet", marks=needs_pyarrow)]
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(words_st, unique=True, min_size=1, max_size=6), width=st.integers(1, 4))
def test_round_trip_of_any_words(name, words, width):
    """With white space too, which word2vec's formats cannot hold."""
    matrix = matrix_of(len(words), width)
    save_vectors(name, words, matrix)
    again, values, counts = load_vectors(name)
    assert again == words and same_bits(values, matrix) and counts is None


@pytest.mark.parametrize("name", ["text", "binary", "npz", "model2vec", "finalfusion"])
def test_round_trip_of_no_words(name):
    save_vectors("v", [], np.zeros((0, 4), np.float32), name)
    words, matrix, _ = load_vectors("v", name)
    assert words == [] and matrix.shape == (0, 4)


def test_word2vec_files_are_those_of_save_word2vec():
    save_vectors("a.vec", WORDS, matrix_of(), counts=range(len(WORDS)))
    save_word2vec("b.vec", WORDS, matrix_of())
    assert open("a.vec", "rb").read() == open("b.vec", "rb").read()  # noqa: SIM115


# ---- which format ----


@pytest.mark.parametrize(
    "name, format",
    [
        ("v.vec", "text"), ("v.TXT", "text"), ("v.300d", "text"), ("v", "text"), ("v.bin.xz", "binary"),
        ("v.glove", "glove"), ("v.npz", "npz"), ("v.safetensors", "safetensors"), ("v.tsv", "tsv"),
        ("v.fifu", "finalfusion"), ("v/", "model2vec"),
    ],
)  # fmt: skip
def test_the_suffix_chooses(name, format):
    assert format_to_write(name).name == format
    assert format_to_write("v.vec", format).name == format


@pytest.mark.parametrize(
    "name, format, says",
    [
        ("v.npy", None, r"v\.npy: \.npy is not written: it has no room for words"),
        ("v.pkl.gz", None, "pickles are never written"),
        ("v.h5", None, "not supported"),
        ("v.foo", None, r"v\.foo: no format has the suffix \.foo; there are \.vec \.txt"),
        ("v.vec.zip", None, r"no format has the suffix \.zip"),
        ("v.ftz", None, "are read"),
        ("v.ftbin", None, r"fasttext .* is read, not written; allowed are text, binary"),
        ("v.vec", "fasttext", "is read, not written"),
        ("v.vec", "model", "is read, not written"),
        ("v.npz.gz", None, r"npz is not compressed by suffix; leave \.gz out"),
        ("v.vec", "nosuch", "format is 'nosuch'; allowed are 'text', 'binary'"),
    ],
)
def test_formats_that_are_not_written(name, format, says):
    with pytest.raises(ValueError, match=says):
        save_vectors(name, ["a"], np.ones((1, 1), np.float32), format)
    assert os.listdir() == []


@pytest.mark.parametrize(
    "name", ["v.npz", "v.safetensors", "v.fifu", pytest.param("v.parquet", marks=needs_pyarrow)]
)
def test_the_first_bytes_choose_when_reading(name):
    save_vectors(name, WORDS, matrix_of())
    os.rename(name, "v.vec")
    assert format_of_file("v.vec").name == format_to_write(name).name
    assert load_vectors("v.vec").words == WORDS
    with pytest.raises(FormatError, match=r"v\.vec"):
        load_vectors("v.vec", "text")


def test_a_text_may_start_like_another_format():
    for word in ("PAR1", "ARROW1"):
        save_vectors("v.vec", [word], np.ones((1, 2), np.float32))
        assert load_vectors("v.vec").words == [word]


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"need pyarrow: pip install 'fastsg\[arrow\]'"):
        save_vectors("v.parquet", ["a"], np.ones((1, 1), np.float32))


# ---- bad arguments ----

ONE = np.ones((1, 2), np.float32)


@pytest.mark.parametrize(
    "args, kwargs, says",
    [
        ((["a"], np.ones((2, 2))), {}, "words must have one entry per row"),
        ((["a"], np.ones((1, 2), int)), {}, "matrix must be floats"),
        ((["a"], np.full((1, 2), 1e39)), {}, "vector of word 'a' .* is not finite"),
        ((["a", "a"], np.ones((2, 2))), {}, "'a' occurs twice"),
        (([""], ONE), {}, "empty word"),
        ((["\ud800"], ONE), {}, "cannot be encoded"),
        ((["a"], ONE), {"counts": [1, 2]}, "counts must be 1 integers"),
        ((["a"], ONE), {"counts": [-1]}, "counts must be 1 integers"),
        ((["a"], ONE), {"counts": [1.5]}, "counts must be 1 integers"),
        ((["a"], ONE), {"sif": 1e-3}, "sif is for model2vec, but v.npz is written as npz"),
        ((["a"], ONE), {"neighbors": ([[0]], [[0.0]])}, "neighbors is for parquet and arrow"),
    ],
)
def test_bad_arguments(args, kwargs, says):
    with pytest.raises(ValueError, match=says):
        save_vectors("v.npz", *args, **kwargs)
    assert os.listdir() == []


def test_words_that_a_format_cannot_hold():
    for name, word in [("v.vec", "a b"), ("v.tsv", "a\tb"), ("v/", "[UNK]")]:
        with pytest.raises(ValueError, match=r"a b|a\\tb|UNK"):
            save_vectors(name, [word], ONE)
    with pytest.raises(ValueError, match="no words to save"):
        save_vectors("v.safetensors", [], np.empty((0, 2), np.float32))
    assert os.listdir() == []


def test_bad_arguments_of_load():
    save_vectors("v.vec", ["a"], ONE)
    for kwargs, says in [
        (
            {"which": "both"},
            "which is 'both'; allowed are 'input', 'output', 'sum', 'centered', 'whitened'",
        ),
        ({"which": "output"}, "which is 'output', but v.vec is of format text"),
        ({"limit": 0}, "limit is 0"),
        ({"format": "nosuch"}, "format is 'nosuch'"),
    ]:
        with pytest.raises(ValueError, match=says):
            load_vectors("v.vec", **kwargs)
    assert load_vectors("v.vec", which="input").words == ["a"]


# ---- native models ----


@pytest.fixture(scope="module")
def model():
    text = [
        line.split()
        for line in ("the cat eats fish\nthe dog eats meat\na cat sees a dog\n" * 40).splitlines()
    ]
    return SkipGram(text, vector_size=8, min_count=1, epochs=2, batch_size=64, progress=False)


def test_vectors_of_a_model(model):
    model.save("m")
    words, matrix, counts = load_vectors("m")
    assert format_of_file("m").name == "model" and words == model.vocab.words
    assert same_bits(matrix, model.I) and counts.tolist() == model.vocab.counts.tolist()
    assert same_bits(load_vectors("m", which="output").matrix, model.O)
    assert same_bits(load_vectors("m", which="concat").matrix, np.hstack([model.I, model.O]))
    summed = load_vectors("m", which="sum").matrix

    def unit(rows):
        return rows / np.linalg.norm(rows.astype(np.float64), axis=1)[:, None]

    assert summed == pytest.approx(unit(model.I) + unit(model.O), abs=1e-6)
    assert same_bits(summed, model._vectors("sum").vectors)


def test_a_model_says_what_its_vectors_are(model):
    text = [["a", "b", "c"]] * 50
    summed = SkipGram(text, vector_size=4, min_count=1, epochs=1, batch_size=8, vectors="sum", progress=False)
    summed.save("m")
    assert same_bits(load_vectors("m").matrix, summed.wv.vectors)
    assert same_bits(load_vectors("m", which="input").matrix, summed.I)


def test_a_damaged_model_is_refused(model):
    model.save("m")
    data = bytearray(open("m", "rb").read())  # noqa: SIM115
    data[-1] ^= 1
    with open("m", "wb") as file:
        file.write(data)
    with pytest.raises(FormatError, match="SHA-256"):
        load_vectors("m")


# ---- the folder of model2vec ----


def test_the_folder_holds_what_its_readers_want():
    matrix, counts = np.float32([[1, 2], [3, 4]]), [30, 10]
    save_vectors("folder", ["the", "中文"], matrix, "model2vec", counts=counts)
    assert sorted(os.listdir("folder")) == [
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
    ]
    from safetensors.numpy import load_file

    tensors = load_file("folder/model.safetensors")
    assert list(tensors) == ["embeddings"] and tensors["embeddings"].tolist() == [[0, 0], [1, 2], [3, 4]]
    with open("folder/tokenizer.json", encoding="utf-8") as file:
        tokenizer = json.load(file)
    assert tokenizer["model"]["vocab"] == {"[UNK]": 0, "the": 1, "中文": 2}
    save_vectors("folder/", ["the", "中文"], matrix, counts=counts, sif=1e-3)
    weighed = load_vectors("folder").matrix
    assert weighed == pytest.approx(matrix * np.array([[1e-3 / 0.751], [1e-3 / 0.251]]), rel=1e-6)
    with pytest.raises(ValueError, match="sif needs counts, and these vectors have none; take the model"):
        save_vectors("folder/", ["the"], ONE, sif=1e-3)
    assert load_vectors("folder").words == ["the", "中文"]


def test_a_folder_of_others_is_not_replaced():
    os.mkdir("folder")
    with open("folder/precious", "w"):
        pass
    with pytest.raises(FileExistsError, match="precious"):
        save_vectors("folder/", ["a"], ONE)
    with open("file", "w"):
        pass
    with pytest.raises(FileExistsError, match="something else"):
        save_vectors("file", ["a"], ONE, "model2vec")
    assert os.listdir("folder") == ["precious"]


def test_a_failed_write_leaves_the_old_folder(monkeypatch):
    save_vectors("folder/", ["a"], ONE)
    from fastsg.io import static_folder

    monkeypatch.setattr(static_folder, "_descriptions", lambda *args: {"config.json": object()})
    with pytest.raises(TypeError):
        save_vectors("folder/", ["b"], ONE)
    assert load_vectors("folder").words == ["a"] and os.listdir() == ["folder"]


def test_a_word_that_the_tokenizer_splits_is_reported(caplog):
    save_vectors("folder/", ["a b", "c"], np.ones((2, 2), np.float32))
    assert "1 word(s) with white space, first 'a b'" in caplog.text
    assert load_vectors("folder").words == ["a b", "c"]


def test_a_folder_that_is_something_else():
    os.mkdir("folder")
    with pytest.raises(FileNotFoundError):
        load_vectors("folder")
    save_vectors("v/", ["a"], ONE)
    with open("v/tokenizer.json", "w") as file:
        file.write('{"model": {"vocab": {"[UNK]": 0, "a": 7}}}')
    with pytest.raises(FormatError, match="do not number the 2 rows"):
        load_vectors("v")


# ---- other formats ----


def test_metadata_of_the_projector():
    assert metadata_path("x/vectors.tsv") == os.path.join("x", "metadata.tsv")
    assert metadata_path("my_vectors.tsv") == "my_metadata.tsv" and metadata_path("v.tsv") == "v.metadata.tsv"
    save_vectors("vectors.tsv", ["a", "b"], np.float32([[1, 0.5], [2, 3]]), counts=[5, 4])
    assert open("vectors.tsv").read() == "1\t0.5\n2\t3\n"  # noqa: SIM115
    assert open("metadata.tsv").read() == "word\tcount\na\t5\nb\t4\n"  # noqa: SIM115
    save_vectors("vectors.tsv", ["a", "b"], np.float32([[1, 0.5], [2, 3]]))
    assert open("metadata.tsv").read() == "a\nb\n"  # noqa: SIM115  a single column has no header
    os.remove("metadata.tsv")
    with pytest.raises(FormatError, match=r"metadata\.tsv, which is not there"):
        load_vectors("vectors.tsv")


def test_npz_of_others():
    np.savez("v.npz", words=np.array(["a", "中文"]), embeddings=np.array([[1.5], [2]], np.float16))
    assert load_vectors("v.npz").words == ["a", "中文"] and load_vectors("v.npz").matrix.tolist() == [
        [1.5],
        [2],
    ]
    np.savez("v.npz", words=np.array(["a", None], object), vectors=np.ones((2, 1)))
    with pytest.raises(FormatError, match="words is a pickle; pickles are never opened"):
        load_vectors("v.npz")
    np.savez_compressed("v.npz", index_to_key=np.array(["a"]), vectors=np.asfortranarray([[1.0, 2]]))
    assert load_vectors("v.npz").matrix.tolist() == [[1, 2]]
    for arrays, says in [
        ({"words": np.array(["a"])}, "no array vectors"),
        ({"words": np.array(["a"]), "vectors": np.ones(3)}, "of shape"),
        ({"words": np.array(["a", "a"]), "vectors": np.ones((2, 1))}, "'a' occurs twice"),
        ({"words": np.array(["a", "b"]), "vectors": np.ones((1, 1))}, "2 words for 1"),
        ({"words": np.array(["a"]), "vectors": np.full((1, 1), np.nan)}, "not finite"),
    ]:
        np.savez("v.npz", **arrays)
        with pytest.raises(FormatError, match=says):
            load_vectors("v.npz")


@needs_pyarrow
@pytest.mark.parametrize("name", ["v.parquet", "v.arrow"])
def test_neighbors_of_tables(name):
    ids, distances = np.array([[1], [0], [0]]), np.float32([[0.25], [0.25], [0.5]])
    save_vectors(
        name, ["a", "b", "c"], np.eye(3, dtype=np.float32), counts=[3, 2, 1], neighbors=(ids, distances)
    )
    if name == "v.parquet":
        from pyarrow import parquet

        table = parquet.read_table(name)
    else:
        table = pyarrow.ipc.open_file(name).read_all()
    assert table.column_names == ["word", "count", "vector", "neighbors"]
    assert table.schema.field("vector").type == pyarrow.list_(pyarrow.float32(), 3)
    assert table["neighbors"].to_pylist()[2] == {"ids": [0], "distances": [0.5]}
    assert load_vectors(name).counts.tolist() == [3, 2, 1]
    with pytest.raises(ValueError, match="ids from 3 to 3"):
        save_vectors(name, ["a"], ONE[:1], neighbors=([[3]], [[0.0]]))


@needs_pyarrow
def test_tables_of_others():
    from pyarrow import parquet

    lists = pyarrow.array([[1.0, 2.0], [3.0, 4.0]], pyarrow.list_(pyarrow.float64()))
    parquet.write_table(pyarrow.table({"token": ["a", "b"], "embedding": lists}), "v.parquet")
    assert load_vectors("v.parquet").matrix.tolist() == [[1, 2], [3, 4]]
    for column, says in [
        (pyarrow.array([[1.0], [2.0, 3.0]]), "1 to 2 numbers"),
        (pyarrow.array([[1.0], None]), "1 nulls"),
        (pyarrow.array([1.0, 2.0]), "need lists of floats"),
        (pyarrow.array([["x"], ["y"]]), "need lists of floats"),
    ]:
        parquet.write_table(pyarrow.table({"word": ["a", "b"], "vector": column}), "v.parquet")
        with pytest.raises(FormatError, match=says):
            load_vectors("v.parquet")
    parquet.write_table(pyarrow.table({"x": [1]}), "v.parquet")
    with pytest.raises(FormatError, match="need one of word"):
        load_vectors("v.parquet")


@needs_pyarrow
@pytest.mark.parametrize("name, says", [("x", "need one of word"), ("word", "need one of vector")])
def test_rows_of_no_column_that_is_ours_are_not_read(name, says, monkeypatch):
    """Found by fuzzing: they take no room in a file, and 885 bytes took 18 GB."""
    from pyarrow import parquet

    def read(*args):
        raise AssertionError("it was read")

    column = pyarrow.nulls(2**22, pyarrow.string() if name == "word" else None)
    parquet.write_table(pyarrow.table({name: column}), "v.parquet")
    monkeypatch.setattr("fastsg.io.arrow._in_pieces", read)
    with pytest.raises(FormatError, match=says):
        load_vectors("v.parquet")


# ---- fastText's models ----


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def test_fasttext_without_ngrams():
    write("m.bin", fasttext_model())
    words, matrix, counts = load_vectors("m.bin")
    assert format_of_file("m.bin").name == "fasttext" and words == ["the", "naïve"]
    assert counts.tolist() == [100, 99] and same_bits(
        matrix, np.arange(4, dtype=np.float32).reshape(2, 2) / 7
    )
    assert load_vectors("m.bin", which="output").matrix.tolist() == [[0, -1], [-2, -3]]


def test_fasttext_drops_empty_words_with_a_warning():
    write("m.bin", fasttext_model((b"a", b"", b"b")))
    with pytest.warns(UserWarning, match=r"m\.bin: dropped 1 row"):
        words, matrix, counts = load_vectors("m.bin")
    assert words == ["a", "b"] and len(matrix) == 2 and counts.tolist() == [100, 98]


def hashed(ngram):
    h = 2166136261
    for byte in ngram.encode():
        h = ((h ^ (byte - 256 if byte > 127 else byte) % 2**32) * 16777619) % 2**32
    return h


def test_fasttext_with_ngrams():
    """The plain way: all slices of the marked word, as characters."""
    write("m.bin", fasttext_model(minn=1, maxn=3, bucket=7))
    words, matrix, _ = load_vectors("m.bin")
    rows = np.arange(9 * 2, dtype=np.float32).reshape(9, 2) / 7
    for i, word in enumerate(words):
        marked, ids = f"<{word}>", [i]
        for start in range(len(marked)):
            for n in range(1, 4):
                ngram = marked[start : start + n]
                if len(ngram) == n and ngram not in ("<", ">"):
                    ids.append(2 + hashed(ngram) % 7)
        assert matrix[i] == pytest.approx(rows[ids].astype(np.float64).mean(axis=0), rel=1e-6)


@pytest.mark.parametrize(
    "options, which, says",
    [
        ({"model": 3}, "output", "about labels"),
        ({"loss": 1}, "output", "nodes of the hierarchical softmax"),
        ({"maxn": 3}, "input", "0 buckets"),
        ({"dim": 0}, "input", "dim=0"),
        ({"words": (b"a", b"a")}, "input", "'a' occurs twice"),
        ({"words": (b"a", b"\xff")}, "input", "is not utf-8"),
        ({"words": (b"a" * 5000,)}, "input", "max_word_bytes=4096"),
    ],
)
def test_fasttext_refused(options, which, says):
    write("m.bin", fasttext_model(**options))
    with pytest.raises(FormatError, match=says):
        load_vectors("m.bin", which=which)


def test_fasttext_quantised():
    data = fasttext_model()
    at = data.index(struct.pack("<qq", 2, 2)) - 1
    write("m.bin", data[:at] + b"\1" + data[at + 1 :])
    with pytest.raises(FormatError, match="quantised"):
        load_vectors("m.bin")


# ---- files of other tools ----


def test_files_of_other_tools(data):
    """All load, or are refused by name."""
    refused = {
        "crime-and-punishment.txt": "1: expected",
        "lee_background.cor.gz": "line 1",
        "toy-data.txt": "line 1",
    }
    refused |= {"w2v_keyedvectors_load_test.vocab": "line 1", "pretrained.vec": "truncated: 1 rows"}
    refused["w2v_keyedvectors_load_test.modeldata"] = "is not utf-8"
    loaded = {}
    for path in sorted((data / "vectors").rglob("*.*")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if path.name in refused:
                with pytest.raises(FormatError, match=refused[path.name]):
                    load_vectors(path)
            else:
                loaded[path.name] = load_vectors(path)
    assert len(loaded) >= 18
    assert loaded["toy-model.bin"].words == loaded["toy-model.vec"].words
    assert loaded["toy-model.bin"].matrix == pytest.approx(loaded["toy-model.vec"].matrix, abs=1e-5)
    assert loaded["crime-and-punishment.bin"].matrix == pytest.approx(
        loaded["crime-and-punishment.vec"].matrix, abs=1e-5
    )
    for name, (words, matrix, _) in loaded.items():
        assert len(words) == len(matrix) == len(set(words)) > 0, name


def test_pickles_are_refused_by_name(data):
    for path in sorted((data / "hostile" / "gensim").iterdir()):
        with contextlib.suppress(FormatError):
            load_vectors(path)
    for name in ("model-from-gensim-3.8.0.w2v", "old_keyedvectors_320.dat", "word2vec_pre_kv_py2"):
        for format in FORMATS:
            if format in ("parquet", "arrow") and pyarrow is None:
                continue
            with pytest.raises((FormatError, NotADirectoryError)) as caught:
                load_vectors(data / "hostile" / "gensim" / name, format)
            assert name in str(caught.value)
            if format not in ("model", "safetensors", "model2vec"):
                assert "pickle" in str(caught.value), format


def test_load_word2vec_reads_only_word2vec():
    write("m.bin", fasttext_model())
    with pytest.raises(FormatError, match="format='fasttext'"):
        load_word2vec("m.bin")
    with pytest.raises(FormatError, match="fastText"):
        fastsg.KeyedVectors.load_word2vec_format("m.bin", binary=True)
