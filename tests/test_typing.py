"""Programs of users pass mypy --strict; skipped without mypy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastsg
from fastsg import SkipGram
from fastsg.training import EpochRecord

PROGRAM = """
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastsg import Callback, Checkpoint, EarlyStopping, EncodedCorpus, KeyedVectors, SkipGram, load
from fastsg.compat import CallbackAny2Vec, LineSentence, Word2Vec
from fastsg.training import EpochRecord


class Report(Callback):
    def on_epoch_end(self, model: SkipGram) -> None:
        record = model.history[-1]
        loss: float = record["nll"]
        held_out: float | None = record["valid_nll"]
        print(f"{loss:.3f}", held_out, record["words"] + 1, model.wv.most_similar("a", topn=3))


def walks() -> Iterator[list[str]]:
    yield ["a", "b"]


def losses(history: list[EpochRecord]) -> list[float]:
    return [record["nll"] for record in history]


def train(path: Path) -> NDArray[np.float32]:
    callbacks = [Report(), EarlyStopping(patience=2), Checkpoint(path)]
    model = SkipGram(walks(), vector_size=10, dtype=np.float32, callbacks=callbacks)
    again: SkipGram = load(path, mmap=True)
    wv: KeyedVectors = again.wv
    vectors: NDArray[np.float32] = wv.vectors
    both: NDArray[np.float32] = model.I + model.O
    P: NDArray[np.float64] = model.predict_proba(["a"])
    pairs: list[tuple[str, float]] = model.predict_context("a", topn=5)
    print(losses(model.history), P.sum(), pairs[0][1], model.perplexity(walks()), wv.similarity("a", "b"))
    return vectors + both


class Losses(CallbackAny2Vec):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, model: Word2Vec) -> None:
        self.losses.append(model.get_latest_training_loss())


def like_gensim(path: Path) -> NDArray[np.float32]:
    model = Word2Vec(LineSentence(path), vector_size=10, sg=1, workers=4, callbacks=[Losses()])
    model.train(corpus_file=str(path), total_examples=model.corpus_count, epochs=model.epochs)
    corpus = EncodedCorpus.from_files(path)
    print(model.score(corpus).sum(), model.predict_output_word(["a"]), model.wv.key_to_index["a"])
    return model.syn1neg
"""

WRONG = """
from fastsg import SkipGram

model = SkipGram()
model.history[-1]["nil"]
word: str = model.history[-1]["nll"]
"""


def _search_path() -> dict[str, str]:
    """Where mypy finds the package: it looks into site-packages by itself, and refuses to be told so."""
    folder = Path(fastsg.__file__).parents[1]
    return {} if folder.name == "site-packages" else {"MYPYPATH": str(folder)}


def strict(folder: Path, program: str) -> str:
    """What mypy says about a program; of the package that is tested nothing, as if it were installed."""
    pytest.importorskip("mypy")
    (folder / "program.py").write_text(program)
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--cache-dir",
            str(folder / "cache"),
            "program.py",
        ],
        cwd=folder,
        env={"PATH": "", **_search_path()},
        capture_output=True,
        text=True,
    )
    return found.stdout + found.stderr


def test_a_program_passes(tmp_path):
    assert strict(tmp_path, PROGRAM).startswith("Success")


def test_control_a_wrong_program_does_not(tmp_path):
    found = strict(tmp_path, WRONG)
    assert 'has no key "nil"' in found and 'variable has type "str"' in found


def test_a_record_has_the_keys_it_says():
    text = [["a", "b", "c"]] * 5
    for validation in (None, text):
        model = SkipGram(text, vector_size=2, min_count=1, epochs=1, validation=validation)
        (record,) = model.history
        assert type(record) is dict
        assert record.keys() >= EpochRecord.__required_keys__
        assert record.keys() <= EpochRecord.__annotations__.keys()
        assert (record.keys() >= EpochRecord.__optional_keys__) == (validation is not None)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), "f4"])
def test_dtypes(dtype):
    assert SkipGram(dtype=dtype).settings.dtype == "float32"


@pytest.mark.parametrize("dtype", ["float64", np.float64, "bfloat16", None, float, 5])
def test_dtypes_refused(dtype):
    with pytest.raises(ValueError, match=r"dtype is '.*'; allowed are 'float32'"):
        SkipGram(dtype=dtype)


@pytest.mark.parametrize("topn, error", [(5.0, TypeError), ("5", TypeError), (-1, ValueError)])
def test_topn_is_named(topn, error):
    model = SkipGram([["a", "b"]] * 5, vector_size=2, epochs=1)
    with pytest.raises(error, match="topn is"):
        model.predict_context("a", topn=topn)
    if error is TypeError:
        with pytest.raises(TypeError, match=r"topn is .*; it must be an integer$"):
            model.wv.most_similar("a", topn=topn)
