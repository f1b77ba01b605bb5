"""Damage done to files: bits flipped and blocks zeroed are found, in every format that has checksums.

FASTSG_SLOW=1 does it 10,000 times for each format.
"""

import re

import kept_files
import numpy as np
import pytest
from conftest import SLOW
from containers import CHUNK, taken_apart, unsealed

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, KeyedVectors, Vocab
from fastsg.io import load_vectors, safetensors, save_vectors
from fastsg.training.plan import Plan

TIMES = 10_000 if SLOW else 100
#: Every byte of these is under a SHA-256.
OURS = ["model", "checkpoint", "counts", "counts.thinned", "counts.shard", "corpus", "corpus.numbered"]
OURS += ["v.kv", "v.safetensors"]
#: These have bytes that mean nothing, as the time in an archive.
OTHERS = ["v.npz", "v.vec.gz", "v.bin.bz2", "v.glove.xz"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder with a file of every format."""
    folder = tmp_path_factory.mktemp("sound") / "files"
    kept_files.write(folder)
    words, matrix, _ = load_vectors(folder / "v.npz")
    for name in ("v.bin.bz2", "v.glove.xz"):
        save_vectors(folder / name, words, matrix)
    return folder


def flipped(data, rng):
    """One bit of the file."""
    data = bytearray(data)
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return bytes(data)


def zeroed(data, rng):
    """A block that is not zero already."""
    size = int(rng.integers(1, max(len(data) // 4, 2)))
    start = int(rng.integers(len(data) - size))
    changed = data[:start] + bytes(size) + data[start + size :]
    return flipped(data, rng) if changed == data else changed


def outcomes(path, good, damage, rng, times):
    """(errors, loaded with the same content, loaded with another content) of so many damaged files."""
    path.write_bytes(good)
    wanted, errors, same = kept_files.contents(path), 0, 0
    for _ in range(times):
        path.write_bytes(damage(good, rng))
        try:
            same += kept_files.contents(path) == wanted
        except (FormatError, OSError):
            errors += 1
    return errors, same, times - errors - same


@pytest.mark.parametrize("damage", [flipped, zeroed])
@pytest.mark.parametrize("name", OURS)
def test_all_of_it_is_found(sound, tmp_path, rng, name, damage):
    assert outcomes(tmp_path / name, (sound / name).read_bytes(), damage, rng, TIMES) == (TIMES, 0, 0)


@pytest.mark.parametrize("damage", [flipped, zeroed])
@pytest.mark.parametrize("name", OTHERS)
def test_no_wrong_content_without_an_error(sound, tmp_path, rng, name, damage):
    errors, _, wrong = outcomes(tmp_path / name, (sound / name).read_bytes(), damage, rng, TIMES)
    assert wrong == 0 and errors > TIMES / 2


@pytest.mark.parametrize("name", ["counts", "corpus", "v.kv"])
def test_control_files_of_before_let_damage_in(sound, tmp_path, rng, name):
    _, _, wrong = outcomes(tmp_path / name, unsealed((sound / name).read_bytes()), flipped, rng, 250)
    assert wrong > 5


# ---- tensors of several chunks ----


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Files of tensors of several MiB: (what loads it, its path, the tensor that is mapped)."""
    folder, rng = tmp_path_factory.mktemp("large"), np.random.default_rng(0)
    K, row = 1000, 700
    vocab = Vocab([f"w{k:03}" for k in range(K)], np.arange(K, 0, -1))
    contexts = np.tile(np.arange(row, dtype=np.int32), K)
    counts = CooccurrenceCounts(np.arange(K + 1) * row, contexts, np.ones(K * row, np.float32), vocab)
    counts.save(folder / "counts")
    tokens = rng.integers(0, K, 700_001).astype(np.int32)
    EncodedCorpus(tokens, np.array([0, 5, len(tokens)]), vocab).save(folder / "corpus")
    KeyedVectors(vocab.words, rng.random((K, 700), np.float32)).save(folder / "vectors")
    return [
        (CooccurrenceCounts, folder / "counts", "counts"),
        (EncodedCorpus, folder / "corpus", "tokens"),
        (KeyedVectors, folder / "vectors", "vectors"),
    ]


@pytest.mark.parametrize("kind", range(3))
def test_the_chunk_is_named(large, tmp_path, kind):
    """What is mapped is looked at on request only."""
    loader, good, tensor = large[kind]
    data = bytearray(good.read_bytes())
    header, _ = taken_apart(data)
    first, last = header[tensor]["data_offsets"]
    assert last - first > 2 * CHUNK and (last - first) % CHUNK
    at = 8 + int.from_bytes(data[:8], "little") + first + CHUNK + 4
    data[at] ^= 1  # of a small id, or of the last digit of a number
    path = tmp_path / "f"
    path.write_bytes(data)
    says = f"the bytes of {tensor} are damaged, among {CHUNK} to {2 * CHUNK}"
    for options in ({}, {"verify": True}, {"mmap": True, "verify": True}):
        with pytest.raises(FormatError, match=says):
            loader.load(path, **options)
        loader.load(good, **options)
    for options in ({"verify": False}, {"mmap": True}, {"mmap": True, "verify": False}):
        loader.load(path, **options)


@pytest.mark.parametrize("kind", range(3))
def test_unknown_is_not_sound(large, tmp_path, kind):
    """A file of before is read, and cannot be verified."""
    loader, good, _ = large[kind]
    path = tmp_path / "f"
    path.write_bytes(unsealed(good.read_bytes()))
    for options in ({}, {"mmap": True}, {"verify": False}):
        loader.load(path, **options)
    with pytest.raises(FormatError, match="it was written before there were checksums; saving it anew adds"):
        loader.load(path, verify=True)


@pytest.mark.parametrize("kind", range(3))
def test_checksums_cannot_be_taken_off(large, tmp_path, kind):
    """One change does not make a file of before out of one of now."""
    good = large[kind][1].read_bytes()
    version = re.search(rb'"format_version":"."', good)[0]
    for old, new in ((version, b'"format_version":"1"'), (b'"checksums"', b'"checksumt"')):
        assert good.count(old) == 1
        (tmp_path / "f").write_bytes(good.replace(old, new))
        with pytest.raises(FormatError, match="it holds"):
            large[kind][0].load(tmp_path / "f")


def test_what_python_says_of_a_files_names_cannot_command_a_terminal():
    with pytest.raises(FormatError) as caught, safetensors.named("m", "model file"):
        Plan.parse({"d\x7fne\x1b[2J": 1})
    assert "d\\x7fne\\x1b[2J" in str(caught.value)
    with pytest.raises(TypeError, match="\x7f"):
        Plan.parse({"d\x7fne\x1b[2J": 1})
