"""The model file: the same model comes back, and nothing that is no model comes in."""

import copy
import dataclasses
import errno
import io
import itertools
import json
import math
import os
import pathlib
import pickle
import tempfile
import time
import tracemalloc

import containers
import numpy as np
import pytest
from conftest import file_size_limit, kill_while
from containers import put_together
from containers import sealed_model as resealed
from safetensors import safe_open

import fastsg
from fastsg import FormatError, SkipGram
from fastsg.io import model_file, safetensors

SMALL = {"vector_size": 6, "min_count": 2, "epochs": 2, "batch_size": 64, "progress": False}


def sentences(seed=0, count=60):
    ids = np.random.default_rng(seed).zipf(1.4, (count, 12))
    return [[f"wörd{i}" for i in row if i < 30] + ["end"] for row in ids]


def trained(**options):
    return SkipGram(sentences(), **(SMALL | options))


@pytest.fixture(scope="module")
def model():
    return trained(sample=0.05)


@pytest.fixture(scope="module")
def good(model):
    """The bytes of a sound file."""
    file = io.BytesIO()
    model_file.write_model_file(file, model._packed())
    return file.getvalue()


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / "m.safetensors"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def in_memory(tmp_path):
    """A path for files that are written thousands of times."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path / "m"
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield pathlib.Path(folder) / "m"


def taken_apart(data):
    """(header, bytes behind it)"""
    header, tensors = containers.taken_apart(data)
    return header, b"".join(tensors.values())


def with_json(data, key, change):
    """The file with `change` applied to one of the JSON texts of its metadata."""
    header, body = taken_apart(data)
    value = json.loads(header["__metadata__"][key])
    changed = change(value)
    header["__metadata__"][key] = json.dumps(value if changed is None else changed)
    return resealed(header, body)


def with_value(data, tensor, value, at=0):
    """The file with an element of a tensor replaced."""
    header, body = taken_apart(data)
    start = header[tensor]["data_offsets"][0]
    raw = np.array(value, {"F32": "<f4", "F64": "<f8", "I64": "<i8"}[header[tensor]["dtype"]]).tobytes()
    start += at * len(raw)
    return resealed(header, body[:start] + raw + body[start + len(raw) :])


# ---- a model comes back as it was ----


def same(a, b):
    assert a.vocab == b.vocab and (a.vocab.raw_types, a.vocab.raw_tokens) == (
        b.vocab.raw_types,
        b.vocab.raw_tokens,
    )
    assert a.settings == b.settings and a.history == b.history and a.plan == b.plan
    for name in ("I", "O", "shift"):
        assert getattr(a.state, name).tobytes() == getattr(b.state, name).tobytes()
    for x, y in (
        (a.state.optimizer.sums_I, b.state.optimizer.sums_I),
        (a.state.optimizer.sums_O, b.state.optimizer.sums_O),
        (a._training.keep, b._training.keep),
    ):
        assert (x is None and y is None) or x.tobytes() == y.tobytes()
    assert a.real_bias().tobytes() == b.real_bias().tobytes()
    assert (a.state.step, a.state.epoch, a.state.at_epoch_end) == (
        b.state.step,
        b.state.epoch,
        b.state.at_epoch_end,
    )
    return True


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd"},
        {"sample": 0.05},
        {"output_bias": None},
        {"sample": 0.05, "output_bias": None, "optimizer": "sgd"},
        {"window": (2, 0)},
        {"window": None},
        {"shrink_windows": "random", "seed": 2**64 - 1},
        {"max_final_vocab": 5},
        {"vector_size": np.int64(3), "window": (np.int32(1), np.int32(2)), "alpha": np.float32(0.05)},
    ],
    ids=str,
)
def test_round_trip(tmp_path, options):
    model = trained(**options)
    model.save(tmp_path / "m")
    again = fastsg.load(tmp_path / "m")
    assert same(model, again)
    assert again.predict_context("end", 3) == model.predict_context("end", 3)
    assert again.wv.most_similar("end") == model.wv.most_similar("end")
    again.save(tmp_path / "n")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "n").read_bytes()
    more = again.partial_fit(sentences(1), trained_on=sentences())
    assert more.I.tobytes() == model.partial_fit(sentences(1)).I.tobytes()


def test_a_model_without_training(tmp_path):
    model = SkipGram(**SMALL)
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        model.save(tmp_path / "m")
    model.build_vocab(sentences())
    model.save(tmp_path / "m")
    again = fastsg.load(tmp_path / "m")
    assert same(model, again) and again.plan is None
    assert again.train(sentences()).I.tobytes() == trained().I.tobytes()


def test_mapped(tmp_path, model):
    model.save(tmp_path / "m")
    mapped = fastsg.load(tmp_path / "m", mmap=True)
    assert same(model, mapped) and not mapped.I.flags.writeable and not mapped.O.flags.writeable
    assert mapped.wv.most_similar("end") == model.wv.most_similar("end")
    assert mapped.score(sentences(1)) == model.score(sentences(1))
    assert mapped.log_prob(["end"], ["end"]) == model.log_prob(["end"], ["end"])
    for train in (mapped.train, mapped.partial_fit):
        with pytest.raises(ValueError, match="mapped from a file, read-only; load the model without mmap"):
            train(sentences())
    mapped.save(tmp_path / "m")  # onto the very file it is mapped from
    assert same(mapped, model) and same(fastsg.load(tmp_path / "m"), model)


def test_copies_and_pickles(model):
    for again in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(again) is SkipGram and same(again, model)
        assert not np.shares_memory(again.I, model.I)


def test_files_of_before_keep_their_threshold(tmp_path):
    """Whose default was another: keep(n) and `sample` must go together."""
    K = len(SkipGram(sentences(), **SMALL).vocab)
    model = SkipGram(sentences(), **SMALL | {"sample": max(2e-4, 10 / K)})
    threshold = model.sample
    for sample, keeps in ((None, threshold), (threshold, threshold)):
        model.settings = dataclasses.replace(model.settings, sample=sample)
        model._training.settings = model.settings
        model.save(tmp_path / "m")
        assert SkipGram.load(tmp_path / "m").sample == keeps


def test_the_library_reads_our_file(tmp_path, model):
    model.save(tmp_path / "m")
    with safe_open(tmp_path / "m", "numpy") as file:
        assert (file.get_tensor("I") == model.I).all() and (file.get_tensor("O") == model.O).all()
        assert (file.get_tensor("counts") == model.vocab.counts).all()
        offsets, blob = file.get_tensor("word_offsets"), file.get_tensor("words").tobytes()
        assert [blob[a:b].decode() for a, b in itertools.pairwise(offsets)] == model.vocab.words
        assert np.allclose(file.get_tensor("bias") - np.log(file.get_tensor("keep")), model.real_bias())
        assert (
            file.metadata()["format"] == "fastsg-model"
            and json.loads(file.metadata()["config"])["vector_size"] == 6
        )
    assert (int.from_bytes((tmp_path / "m").read_bytes()[:8], "little") + 8) % 64 == 0


def test_foreign_values_in_the_history_do_not_cost_the_model(tmp_path, caplog):
    model = trained()
    model.history[-1] |= {"accuracy": np.float32(0.5), "note": {1, 2}, "gap": math.nan}
    model.save(tmp_path / "m")
    last = fastsg.load(tmp_path / "m").history[-1]
    assert (
        last["accuracy"] == 0.5
        and last["note"] == "{1, 2}"
        and math.isnan(last["gap"])
        and not caplog.records
    )


def test_a_history_too_long_for_the_header_keeps_its_end(tmp_path, caplog):
    model = trained()
    model.history[:] = [model.history[0] | {"epoch": i, "note": '"' * 100} for i in range(10_000)]
    model.plan.epochs = model.plan.done = 10_000
    model.save(tmp_path / "m")
    again = fastsg.load(tmp_path / "m")
    history = again.history
    assert history == model.history[-len(history) :] and 500 < len(history) < 10_000
    assert "the history is too long for the file" in caplog.text


def test_a_tokenizer_of_ones_own_is_given_again(tmp_path):
    (tmp_path / "text").write_text("a,b,a\nb,a,b\n" * 30)
    options = SMALL | {"min_count": 1, "corpus_file": tmp_path / "text"}
    model = SkipGram(tokenizer=lambda line: line.strip().split(","), **options)
    model.save(tmp_path / "m")
    with pytest.raises(ValueError, match="tokenizer of its own"):
        fastsg.load(tmp_path / "m").train(corpus_file=tmp_path / "text")
    again = fastsg.load(tmp_path / "m", tokenizer=lambda line: line.strip().split(","))
    again.train(corpus_file=tmp_path / "text")
    SkipGram(tokenizer="char", **options).save(tmp_path / "m")
    assert fastsg.load(tmp_path / "m")._reader.tokenizer == "char"


def test_notes_are_kept(tmp_path):
    model, notes = trained(), {"who": "Ärger", "list": [1, 2.5, None, True], "deep": {"a": {}}}
    model.save(tmp_path / "without")
    model.notes.update(notes)
    model.save(tmp_path / "m")
    assert fastsg.load(tmp_path / "m").notes == notes and fastsg.load(tmp_path / "without").notes == {}
    del model.notes["who"], model.notes["list"], model.notes["deep"]
    model.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "without").read_bytes()


@pytest.mark.parametrize(
    ("notes", "error"),
    [
        ({"a": {1, 2}}, TypeError),
        ({"a": float("nan")}, ValueError),
        ({"a": (1, 2)}, ValueError),  # would come back as a list
        ({1: "a"}, ValueError),
        ({"a": "x" * 60_000}, ValueError),
    ],
)
def test_notes_that_would_not_come_back_are_refused(tmp_path, notes, error):
    model = trained()
    model.notes = notes
    with pytest.raises(error, match="notes"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


# ---- what is no model is refused ----


def test_other_files(tmp_path, write, model):
    for data in (
        b"",
        b"\x80\x04\x95 a pickle",
        b"2 2\na 1 2\nb 3 4\n",
        b"\xff" * 100,
        (2**63).to_bytes(8, "little"),
        b"\0" * 64,
    ):
        with pytest.raises(FormatError, match=r"m\.safetensors' is no model file of fastsg"):
            fastsg.load(write(data))
    model_corpus = fastsg.EncodedCorpus.from_iter(sentences())
    model_corpus.save(tmp_path / "corpus")
    with pytest.raises(FormatError, match="does not say format='fastsg-model' but 'fastsg-corpus'"):
        fastsg.load(tmp_path / "corpus")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FormatError, match="no regular file"):
        fastsg.load(tmp_path / "fifo")
    with pytest.raises(FileNotFoundError):
        fastsg.load(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        fastsg.load(tmp_path)


def set_field(tensor, key, value):
    return lambda header: header[tensor].__setitem__(key, value)


def grown(header):
    """Shapes and places of a model of 10^12 words, consistent but for the size of the file."""
    end = 0
    for name in list(header)[1:]:
        shape = [10**12 + (name == "word_offsets"), *header[name]["shape"][1:]]
        start, end = (
            end,
            end + math.prod(shape) * {"I64": 8, "F64": 8, "F32": 4, "U8": 1}[header[name]["dtype"]],
        )
        header[name] |= {"shape": shape, "data_offsets": [start, end]}


LIES = [
    (grown, "its header describes"),
    (set_field("I", "shape", [2**63, 2]), "do not agree"),
    (set_field("I", "shape", [-5, -6]), "do not agree"),
    (set_field("I", "shape", [0, 6]), "do not agree"),
    (set_field("I", "shape", [6]), "unknown way"),
    (set_field("I", "shape", [1, 2, 3]), "unknown way"),
    (set_field("I", "shape", [True, 6]), "unknown way"),
    (set_field("I", "shape", "6"), "unknown way"),
    (set_field("I", "shape", [1.0, 6]), "unknown way"),
    (set_field("I", "dtype", "BF16"), "do not agree"),
    (set_field("I", "dtype", 7), "unknown way"),
    (set_field("I", "data_offsets", [0, 2**64]), "do not agree"),
    (set_field("I", "data_offsets", [0]), "unknown way"),
    (set_field("I", "stride", [1]), "unknown way"),
    (lambda h: h.__setitem__("O", h["I"]), "do not agree"),
    (lambda h: h.pop("I") and None, "it holds"),
    (lambda h: h.__setitem__("extra", h["I"]), "it holds"),
    (lambda h: h.__setitem__("__metadata__", {}), "does not say format"),
    (lambda h: h.pop("__metadata__") and None, "does not say format"),
    (lambda h: h["__metadata__"].__setitem__("format_version", "2"), "its version is '2'"),
    (lambda h: h["__metadata__"].__setitem__("config", 7), "not all strings"),
    (lambda h: h["__metadata__"].__setitem__("config", "{}"), "metadata are damaged"),
    (
        lambda h: h["__metadata__"].__setitem__("sha256", "[" * 100_000),
        "sha256 is not valid: it is nested too deeply",
    ),
    (lambda h: h["__metadata__"].__setitem__("sha256", "[]"), "sha256 is no JSON object"),
    (lambda h: h["__metadata__"].__setitem__("sha256", "{}"), "does not name the tensors"),
    (lambda h: b"[" * 100_000, "its header is not valid"),
    (lambda h: b"[1]", "does not say format"),
    (lambda h: b'{"a":1,"a":2}', "a key occurs twice"),
    (lambda h: b"\xff{}", "its header is not valid"),
    (lambda h: b"{" + b" " * (1 << 20) + b"}", "does not start as"),
    (lambda h: b"9" * 10_000, "its header is not valid"),
]


@pytest.mark.parametrize("change, message", LIES)
def test_lying_headers_cost_nothing(write, good, change, message):
    fastsg.load(write(good))  # the first load imports what it needs
    header, body = taken_apart(good)
    path = write(put_together(change(header) or header, body))
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        with pytest.raises(FormatError, match=message):
            fastsg.load(path)
        seconds.append(time.perf_counter() - begun)
    tracemalloc.start()
    with pytest.raises(FormatError):
        fastsg.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20 and min(seconds) < 0.02  # the bar is 10 ms on an idle machine


def test_control_the_peak_shows_an_allocation():
    tracemalloc.start()
    np.empty(100 << 20, np.uint8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak >= 100 << 20


def config(key, value):
    return "config", lambda config: config.__setitem__(key, value)


def training(key, value):
    return "training", lambda training: training.__setitem__(key, value)


def plan(key, value):
    return "training", lambda training: training["plan"].__setitem__(key, value)


@pytest.mark.parametrize(
    "where, message",
    [
        (config("vector_size", 7), "but I has 6 columns"),
        (config("optimizer", "sgd"), "with 'sgd' has no prior"),
        (config("prior", -1), "prior is -1"),
        (config("optimizer", ["sgd"]), "unhashable|allowed"),
        (config("window", {"a": 1}), "window is"),
        (config("window", 10**12), "window is"),
        (config("window", [1, 2, 3]), "window is"),
        (config("alpha", "x"), "alpha is"),
        (config("alpha", math.nan), "alpha is"),
        (config("seed", -1), "seed is"),
        (config("news", 1), "its config has"),
        (config("tokenizer", 3), "tokenizer=3"),
        (("config", lambda c: c.pop("epochs") and None), "its config has"),
        (("config", lambda c: [1]), "config is no JSON object"),
        (training("step", -1), "no sound step"),
        (training("step", True), "no sound step"),
        (training("epoch", 2**62), "no sound step"),
        (training("whole", 1), "no sound step"),
        (training("plan", 3), "no sound step"),
        (training("plan", {}), "missing"),
        (plan("done", 3), "3 of 2 epochs"),
        (plan("schedule", "x"), "schedule 'x'"),
        (plan("schedule", []), "the schedule"),
        (plan("batch_size", 0), "batch_size=0"),
        (plan("opening", -1), "opening=-1"),
        (plan("opening", True), "opening=True"),
        (plan("opening", 1.5), "opening=1.5"),
        (plan("coarse", -1), "coarse=-1"),
        (plan("corpus", None), "does not name"),
        (plan("news", 1), "unexpected"),
        (("history", lambda h: [1]), "no list of records"),
        (("history", lambda h: {}), "history is no JSON array"),
    ],
)
def test_sealed_nonsense(write, good, where, message):
    with pytest.raises(FormatError, match=message):
        fastsg.load(write(with_json(good, *where)))


def test_every_byte_is_watched(in_memory, good):
    """A flipped bit anywhere but in the padding of the header."""
    length = int.from_bytes(good[:8], "little")
    used = len(good[8 : 8 + length].rstrip(b" "))
    for at in [*range(0, 8 + used, 7), *range(8 + length, len(good), 11)]:
        data = bytearray(good)
        data[at] ^= 1 << (at % 8)
        in_memory.write_bytes(data)
        with pytest.raises(FormatError):
            fastsg.load(in_memory)


def test_words_and_counts_are_checked(write, good):
    header, body = taken_apart(good)
    K = header["counts"]["shape"][0]
    for tensor, value, at, message in (
        ("counts", -1, K - 1, "must not be negative"),
        ("counts", 0, 0, "descending"),
        ("counts", 2**62, 0, "raw_tokens|below"),
        ("word_offsets", 1, 0, "rise strictly"),
        ("word_offsets", 2**62, 1, "rise strictly"),
        ("word_offsets", -1, 1, "rise strictly"),
    ):
        with pytest.raises(FormatError, match=message):
            fastsg.load(write(with_value(good, tensor, value, at)))
    start = header["words"]["data_offsets"][0]
    with pytest.raises(FormatError, match="utf-8"):
        fastsg.load(write(resealed(header, body[:start] + b"\xff" + body[start + 1 :])))
    with pytest.raises(FormatError, match="raw_types"):
        fastsg.load(write(with_metadata(good, "raw_types", "-1")))


def with_metadata(data, key, value):
    header, body = taken_apart(data)
    header["__metadata__"][key] = value
    return resealed(header, body)


def test_unknown_metadata_are_ignored(write, good, model):
    assert same(fastsg.load(write(with_metadata(good, "author", "somebody"))), model)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("tensor", ["I", "O", "bias", "shift", "sums_I", "sums_O"])
def test_nonfinite_is_refused_unless_allowed(write, good, tensor, value):
    path = write(with_value(good, tensor, value, 5))
    with pytest.raises(FormatError, match=f"{tensor} holds NaN or infinity"):
        fastsg.load(path)
    if value == -math.inf and tensor.startswith("sums"):
        with pytest.raises(FormatError, match="not negative"):
            fastsg.load(path, allow_nonfinite=True)
        return
    assert fastsg.load(path, allow_nonfinite=True).is_built
    if tensor in ("I", "O"):
        assert fastsg.load(path, mmap=True).is_built
        with pytest.raises(FormatError, match="NaN or infinity"):
            fastsg.load(path, mmap=True, verify=True)


@pytest.mark.parametrize("value", [0.0, -0.5, 1.5, math.nan])
def test_probabilities_are_probabilities(write, good, value):
    with pytest.raises(FormatError, match="keep has probabilities"):
        fastsg.load(write(with_value(good, "keep", value)), allow_nonfinite=True)


# ---- writing fails, writing dies ----


def test_unwritable(tmp_path, model):
    with pytest.raises(FileNotFoundError) as caught:
        model.save(tmp_path / "no" / "m")
    assert caught.value.filename == str(tmp_path / "no" / "m")
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError) as caught:
            model.save("/dev/full")
        assert caught.value.errno == errno.ENOSPC and caught.value.filename == "/dev/full"


def test_no_room(tmp_path, model, good):
    path = tmp_path / "m"
    model.save(path)
    for room in (0, 100, len(good) // 2, len(good) - 1):
        with file_size_limit(room), pytest.raises(OSError) as caught:
            model.save(path)
        assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
        assert path.read_bytes() == good and os.listdir(tmp_path) == ["m"]


def overwrite(path, content):
    """The control: the file itself is written, as most programs do."""
    with open(path, "wb") as file:
        model_file.write_model_file(file, content)
        os.fsync(file.fileno())


def losses(path, content, save, rng, kills):
    """How often the file could not be loaded or had gone back, after kills amid saves of rising steps."""
    lost, step = 0, content.training["step"]
    save(path, content)

    def save_next():
        content.training["step"] += 1
        save(path, content)

    for _ in range(kills):
        kill_while(save_next, rng.uniform(0.002, 0.03))
        try:
            found = model_file.read_model_file(path).training["step"]
            lost += found < step
            step = content.training["step"] = max(step, found)
        except FormatError:
            lost += 1
    return lost


def large_content():
    """Large enough to be killed within a write."""
    model = SkipGram(**(SMALL | {"vector_size": 500}))
    model.build_vocab([[f"w{i}"] * 2 for i in range(200)])
    return model._packed()


def test_kill_while_saving(tmp_path, rng):
    assert losses(tmp_path / "m", large_content(), model_file.save_model_file, rng, 60) == 0
    assert len(os.listdir(tmp_path)) <= 2  # the last victim's temporary


def test_control_kill_while_overwriting(tmp_path, rng):
    assert losses(tmp_path / "m", large_content(), overwrite, rng, 30) > 0


def test_header_limit_is_the_readers(model):
    with pytest.raises(ValueError, match="the header would have"):
        safetensors.write(
            io.BytesIO(),
            model_file._SCHEMA,
            {"note": "x" * (1 << 20)},
            model._packed().arrays
            | {
                "counts": model.vocab.counts,
                "word_offsets": np.zeros(3, np.int64),
                "words": np.zeros(3, np.uint8),
            },
        )
