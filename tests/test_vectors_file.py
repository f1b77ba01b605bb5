"""The native file of vectors: bit for bit there and back, mapped, and safe against damage."""

import json

import numpy as np
import pytest
from containers import sealed, taken_apart

from fastsg.errors import FormatError
from fastsg.vectors import KeyedVectors

WORDS = ["the", "of", "京都", "ki ng", "q\n"]


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def kv(request, rng):
    kv = KeyedVectors(WORDS, rng.standard_normal((5, 3)).astype(request.param), [9, 8, 7, 6, 2**40])
    kv.set_vecattr("the", "year", np.int16(-7))
    kv.set_vecattr("of", "weight", 0.1)
    kv.set_vecattr("of", "half", np.float16(0.1))
    kv.set_vecattr("of", "noun", True)
    kv.set_vecattr("of", "tag", "N\x00京")
    return kv


def assert_equal(got, kv):
    assert got.index_to_key == kv.index_to_key and got.vectors.dtype == kv.vectors.dtype
    assert got.vectors.tobytes() == kv.vectors.tobytes() and got.expandos.keys() == kv.expandos.keys()
    for name, column in kv.expandos.items():
        assert got.expandos[name].dtype == column.dtype and got.expandos[name].tolist() == column.tolist()


@pytest.mark.parametrize("mmap", [None, False, True, "r"])
def test_round_trip(kv, tmp_path, mmap):
    kv.save(tmp_path / "v")
    got = KeyedVectors.load(tmp_path / "v", mmap=mmap)
    assert_equal(got, kv)
    assert got.most_similar("the") == kv.most_similar("the")
    got["the"] = [1, 2, 3]  # of a copy, if the file is mapped
    got.set_vecattr("the", "year", 5)
    assert_equal(KeyedVectors.load(tmp_path / "v"), kv)
    kv.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "v").read_bytes()


def test_bare_vectors(tmp_path, rng):
    kv = KeyedVectors(WORDS[:1], rng.standard_normal((1, 1)).astype(np.float32))
    kv.save(tmp_path / "v")
    got = KeyedVectors.load(tmp_path / "v", mmap=True)
    assert_equal(got, kv)
    assert got.counts is None and not got.vectors.flags.writeable


def test_nonfinite_and_strided(tmp_path):
    matrix = np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32)
    kv = KeyedVectors(["a", "b"], np.asfortranarray(matrix))
    kv.save(tmp_path / "v")
    assert KeyedVectors.load(tmp_path / "v").vectors.tobytes() == matrix.tobytes()


def test_safetensors_reads_it(kv, tmp_path):
    from safetensors.numpy import load_file

    kv.save(tmp_path / "v")
    tensors = load_file(tmp_path / "v")
    name = "vectors" if kv.vectors.dtype == np.float32 else "vectors64"
    assert (tensors[name] == kv.vectors).all() and tensors["words"].tobytes().decode() == "".join(WORDS)


def test_save_refuses(tmp_path, rng):
    with pytest.raises(ValueError, match="no words to save"):
        KeyedVectors([], np.zeros((0, 3), np.float32)).save(tmp_path / "v")
    kv = KeyedVectors(["a", ""], np.ones((2, 1), np.float32))
    with pytest.raises(ValueError, match="word 1 is empty"):
        kv.save(tmp_path / "v")
    kv = KeyedVectors(["a"], np.ones((1, 1), np.float32))
    kv.expandos["thing"] = np.array([object()])
    with pytest.raises(TypeError, match="attribute 'thing' is of type object"):
        kv.save(tmp_path / "v")
    kv.expandos["thing"] = np.ones(1, np.uint64)
    with pytest.raises(TypeError, match="attribute 'thing' is of type uint64"):
        kv.save(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


def test_load_refuses_other_files(tmp_path, rng):
    path = tmp_path / "v"
    path.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(FormatError, match="it is a pickle, which is never opened"):
        KeyedVectors.load(path)
    KeyedVectors(["a"], np.ones((1, 1), np.float32)).save_word2vec_format(path)
    with pytest.raises(FormatError, match="does not start as a safetensors file does"):
        KeyedVectors.load(path)
    with pytest.raises(FileNotFoundError):
        KeyedVectors.load(tmp_path / "none")
    with pytest.raises(FormatError, match="no regular file"):
        KeyedVectors.load("/dev/null")
    with pytest.raises(ValueError, match=r"mmap is 'r\+'; allowed are None, False, True, 'r'"):
        KeyedVectors.load(path, mmap="r+")


def rebuilt(data, change):
    """The file with another header, and the checksums that go with it."""
    header, tensors = taken_apart(data)
    change(header)
    return sealed(header, b"".join(tensors.values()))


def attributes(value):
    return lambda header: header["__metadata__"].update(attributes=json.dumps(value))


LISTED = [["count", "int64"], ["year", "int16"], ["weight", "float64"], ["half", "float16"], ["noun", "bool"]]
LISTED += [["tag", "str"]]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda header: header["__metadata__"].pop("attributes"), "is no file of vectors"),
        (lambda header: header["__metadata__"].update(format="x"), "format='fastsg-vectors'"),
        (lambda header: header["__metadata__"].update(format_version="3"), "its version is '3'"),
        (lambda header: header["vectors"].update(shape=[3, 5]), "it has 3 vectors, and 5 words"),
        (lambda header: header.pop("vectors"), "do not agree"),
        (attributes({}), "its list of attributes is not valid"),
        (attributes([["a"]]), "its list of attributes is not valid"),
        (attributes([*LISTED[:-1], ["tag", "object"]]), "its list of attributes is not valid"),
        (attributes(LISTED[1:]), r"integers has shape \(2, 5\); it must be \(1, 5\)"),
        (attributes(LISTED[:-1]), "texts is not what its list of attributes says"),
        (attributes([["year", "int64"], *LISTED[1:]]), "an attribute occurs twice"),
        (attributes([["count", "int8"], *LISTED[1:]]), "attribute 'count' has values that are no int8"),
        (attributes([["count", "uint32"], ["y", "uint8"], *LISTED[2:]]), "values that are no uint32"),
        (
            attributes([*LISTED[:2], ["w", "float16"], *LISTED[3:]]),
            "attribute 'w' has values that are no float16",
        ),
        (attributes([*LISTED, ["b", "str"]]), "its texts are not 2 lists of 5 strings"),
    ],
)
def test_damaged_headers(rng, tmp_path, change, message):
    kv = KeyedVectors(WORDS, rng.standard_normal((5, 3)).astype(np.float32), [9, 8, 7, 6, 2**40])
    for attr, value in (("year", np.int16(-7)), ("weight", 0.1), ("half", np.float16(0.1)), ("noun", True)):
        kv.set_vecattr("of", attr, value)
    kv.set_vecattr("of", "tag", "N")
    kv.save(tmp_path / "v")
    data = (tmp_path / "v").read_bytes()
    (tmp_path / "v").write_bytes(rebuilt(data, lambda header: None))
    assert_equal(KeyedVectors.load(tmp_path / "v"), kv)
    (tmp_path / "v").write_bytes(rebuilt(data, change))
    with pytest.raises(FormatError, match=message):
        KeyedVectors.load(tmp_path / "v")


def test_counts_that_are_none_are_a_format_error(tmp_path):
    kv = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    kv.expandos["count"] = np.array([0.5, 1])
    kv.save(tmp_path / "v")
    with pytest.raises(FormatError, match="v' is no file of vectors of fastsg: counts must be 2 integers"):
        KeyedVectors.load(tmp_path / "v")
