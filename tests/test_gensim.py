"""gensim's KeyedVectors and Word2Vec beside ours: calls answer alike, or docs/from_gensim.md says why not.

That page is the table of the tests: its calls are carried out on both.
"""

from __future__ import annotations

import copy
import inspect
import random
import re
import warnings
from typing import Any

import numpy as np
import pytest
from architecture import documents
from architecture.sources import ROOT, read

from fastsg import KeyedVectors, compat
from fastsg.compat.arguments import warn_without_effect

gensim = pytest.importorskip("gensim", reason="needs gensim (the extra interop)")
pytestmark = pytest.mark.filterwarnings("ignore")  # gensim's own: deprecated NumPy, costly growth

PAGE = read(ROOT / "docs" / "from_gensim.md")
#: Calls that both answer alike, and those that they do not, with the reason.
SAME = documents.code_lines(PAGE, "KeyedVectors: calls that answer alike")
DIFFERENCES = documents.table_of_code(PAGE, "KeyedVectors: differences")
MODEL_SAME = documents.code_lines(PAGE, "Word2Vec: calls that answer alike")
MODEL_DIFFERENCES = documents.table_of_code(PAGE, "Word2Vec: differences")
#: Names of gensim's that are missing here.
MISSING = documents.table_of_code(PAGE, "KeyedVectors: missing")
MODEL_MISSING = documents.table_of_code(PAGE, "Word2Vec: missing")
WARNED = documents.table_of_code(PAGE, "Word2Vec: arguments without effect")
IGNORED = documents.table_of_code(PAGE, "Word2Vec: arguments without effect, and without a warning")
#: Of the differences, both are errors of one kind, and only the message is better.
MESSAGES = {"kv.most_similar('king', topn=5.0)"}

WORDS = ["the", "of", "King", "queen", "man", "woman", "rome", "italy", "paris", "france", "king", "zoo"]
WORDS += [f"w{i}" for i in range(48)]
K, H = len(WORDS), 12


def by_count(kv: Any) -> Any:
    """The vectors, their words in falling order of counts."""
    kv.sort_by_descending_frequency()
    return kv


class Indexer:
    """One answer to everything."""

    def most_similar(self, vector, topn):
        return [("king", float(np.linalg.norm(vector))), ("queen", topn)]


@pytest.fixture
def files(tmp_path, matrix):
    """Paths of small files, by name."""
    lines = {
        "pairs": ["king\tqueen\t8.5", "man\twoman\t7", "rome\tparis\t3", "the\tzoo\t1", "of\tnope\t2", "# x"],
        "one": ["king\tqueen\t8.5"],
        "extra": ["king\tqueen\t8.5\tmore", "man\twoman\t7\tmore", "rome\tparis\t3\tmore"],
        "nothing": ["king queen"],
        "analogies": [": capitals", "rome italy paris france", "italy rome france paris", ": people"],
        "nowhere": [": section"],
        "counts": ["the 9", "of 8", "King 7"],
        "empty": ["rome italy paris france"],
        "text": ["to be or not", "", "to be"],
        "in": [f"{3} {H}", *(" ".join([w, *map(str, matrix[i].tolist())]) for i, w in enumerate(WORDS[:3]))],
    }
    lines["analogies"] += ["man woman King queen", "king queen man woman", "a b c d", "nope a the of"]
    lines["glove"] = lines["in"][1:]
    paths = {name: str(tmp_path / name) for name in (*lines, "out", "vocab", "pickle")}
    for name, rows in lines.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    (tmp_path / "pickle").write_bytes(b"\x80\x04K\x01.")
    return paths


@pytest.fixture
def matrix():
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((K, H)).astype(np.float32)
    for a, b in (("italy", "rome"), ("france", "paris")):
        matrix[WORDS.index(b)] = matrix[WORDS.index(a)] + matrix[0] * 2
    return matrix


@pytest.fixture
def both(matrix):
    ours = KeyedVectors(WORDS, matrix, [i * 7 % 61 + 1 for i in range(K)])
    return ours, ours.to_gensim()


def outcome(call: str, **names: Any) -> Any:
    """What a call gives, or its exception; the names are those of the page."""
    rng = np.random.default_rng(9)
    names = {
        "V": rng.standard_normal(H).astype(np.float32),
        "M": rng.standard_normal((2, H), np.float32),
    } | names
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(call, {"np": np, "INDEXER": Indexer(), "SORTED": by_count} | names)
    except Exception as error:  # noqa: BLE001  whatever it is, it is compared
        return error


def is_listed_difference(call: str, ours: Any, theirs: Any) -> bool:
    """Whether two outcomes differ, and not because of a slip in the page."""
    slips = [isinstance(each, NameError | SyntaxError) for each in (ours, theirs)]
    better = call in MESSAGES and str(ours) != str(theirs)
    return not any(slips) and (not same(ours, theirs) or type(ours) is not type(theirs) or better)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two outcomes are the same to a user: numbers to 1e-5, exceptions of one kind."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        return isinstance(ours, type(theirs)) or isinstance(theirs, type(ours))
    if isinstance(ours, np.ndarray) or isinstance(theirs, np.ndarray):
        return np.shape(ours) == np.shape(theirs) and np.allclose(ours, theirs, atol=1e-5)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float | np.floating):
        return isinstance(theirs, float | np.floating) and bool(np.isclose(ours, theirs, atol=1e-5))
    return bool(ours == theirs)


def outcomes(call: str, both: Any, files: dict[str, str]) -> list[Any]:
    """What a call of KeyedVectors gives here, and in gensim."""
    return [outcome(call, kv=kv, F=files, KeyedVectors=type(kv)) for kv in both]


@pytest.mark.parametrize("call", SAME)
def test_same_answer(call, both, files):
    ours, theirs = outcomes(call, both, files)
    assert same(ours, theirs), f"{ours!r}\n{theirs!r}"


@pytest.mark.parametrize("call", DIFFERENCES)
def test_listed_difference(call, both, files):
    ours, theirs = outcomes(call, both, files)
    assert is_listed_difference(call, ours, theirs), f"{ours!r}\n{theirs!r}"


def test_enough_calls():
    assert len(SAME) == len(set(SAME)) >= 90 and not set(SAME) & set(DIFFERENCES)
    assert len(MODEL_SAME) == len(set(MODEL_SAME)) >= 30 and not set(MODEL_SAME) & set(MODEL_DIFFERENCES)
    rows = [documents.table(PAGE, f"{part}: differences")[1:] for part in ("KeyedVectors", "Word2Vec")]
    assert sum(map(len, rows)) == len(DIFFERENCES) + len(MODEL_DIFFERENCES) >= 70
    assert all(map(all, [DIFFERENCES.values(), MODEL_DIFFERENCES.values(), MISSING.values()]))


def lacking(theirs: Any, ours: Any) -> set[str]:
    """Public names that theirs has and ours has not."""
    public = {name for name in dir(theirs) if not name.startswith("_") and hasattr(theirs, name)}
    return {name for name in public if not hasattr(ours, name)}


def methods(kind: type) -> set[str]:
    """Names of the public methods of a class."""
    plain = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    kinds = classmethod | staticmethod
    return {name for name, value in plain.items() if inspect.isfunction(value) or isinstance(value, kinds)}


def test_every_method_is_called_or_listed(both, models):
    """No method of gensim's class is passed over."""
    ours, theirs = both
    assert lacking(theirs, ours) | lacking(models[1].wv, models[0].wv) == set(MISSING)
    calls = " ".join([*SAME, *DIFFERENCES])
    assert {name for name in methods(type(theirs)) - set(MISSING) if f".{name}(" not in calls} == set()


def test_same_signatures():
    """Whoever passes arguments by place, or by name, is understood."""
    for name, value in vars(gensim.models.KeyedVectors).items():
        if name.startswith("_") or not inspect.isfunction(value) or not hasattr(KeyedVectors, name):
            continue
        theirs, ours = (list(inspect.signature(f).parameters) for f in (value, getattr(KeyedVectors, name)))
        if theirs[1:] != ["args", "kwargs"] and name != "save_word2vec_format":
            assert ours[: len(theirs)] == theirs, name


def test_control_same():
    assert same([("a", 0.5)], [("a", np.float32(0.500001))]) and not same([("a", 0.5)], [("b", 0.5)])
    assert not same(0.5, 0.6) and not same([1], [1, 2]) and not same(KeyError("a"), 3)
    assert same(KeyError("a"), KeyError("b")) and not same(KeyError(), ValueError())
    assert not same({"a": 1}, {"a": 2}) and not same(np.zeros(2), np.zeros(3))


# ---- Word2Vec ----


def sentences() -> list[list[str]]:
    draw = random.Random(1).random
    return [[f"w{int(40 * draw() ** 2)}" for _ in range(2 + int(14 * draw()))] for _ in range(400)]


@pytest.fixture
def models():
    """A Word2Vec of ours, and one of gensim's."""
    options = {"vector_size": 8, "min_count": 2, "epochs": 3}
    theirs = gensim.models.Word2Vec(sentences(), sg=1, workers=1, **options)
    return compat.Word2Vec(sentences(), **options), theirs


def model_outcomes(call: str, models: Any, files: dict[str, str]) -> list[Any]:
    """What a call of Word2Vec gives here, and in gensim."""
    more = [["new", "words", "w1"]] * 9
    found = []
    for model, module in zip(models, (compat, gensim.models.word2vec), strict=True):
        names = {name: getattr(module, name) for name in compat.__all__ if hasattr(module, name)}
        found.append(outcome(call, **names, model=model, S=sentences(), M=more, F=files))
    return found


@pytest.mark.parametrize("call", MODEL_SAME)
def test_model_gives_the_same_answer(call, models, files):
    ours, theirs = model_outcomes(call, models, files)
    assert same(ours, theirs), f"{ours!r}\n{theirs!r}"


@pytest.mark.parametrize("call", MODEL_DIFFERENCES)
def test_listed_difference_of_the_model(call, models, files):
    ours, theirs = model_outcomes(call, models, files)
    assert is_listed_difference(call, ours, theirs), f"{ours!r}\n{theirs!r}"


def test_every_method_of_the_model_is_called_or_listed(models):
    ours, theirs = models
    assert lacking(theirs, ours) == set(MODEL_MISSING)
    calls = " ".join([*MODEL_SAME, *MODEL_DIFFERENCES])
    assert {name for name in methods(type(theirs)) - set(MODEL_MISSING) if f".{name}(" not in calls} == set()


def test_arguments_without_effect_are_listed():
    """With the reason that the warning gives, and none but these."""
    calls = (compat.Word2Vec, compat.Word2Vec.train, compat.Word2Vec.build_vocab, compat.Word2Vec.score)
    asked = {name: "x" for call in calls for name in inspect.signature(call).parameters}
    with pytest.warns(UserWarning, match="without effect: ") as found:
        warn_without_effect(asked, stacklevel=1)
    told = str(found[0].message).split("without effect: ")[1]
    assert dict(re.findall(r"(\w+)='x' \((.+?)\)(?:; |$)", told)) == WARNED
    assert set(IGNORED) <= set(asked) - set(WARNED)


def test_arguments_that_are_ignored_change_nothing(models):
    """Whatever they say: no warning, and the same bits."""
    ours, text = models[0], sentences()
    model = compat.Word2Vec(vector_size=8, min_count=2, epochs=3, batch_words=1, compute_loss=False)
    calls = (model.build_vocab, model.train, model.score)
    wild: dict[Any, dict[str, Any]] = {
        call: {name: 7 for name in IGNORED if name in inspect.signature(call).parameters} for call in calls
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.build_vocab(text, **wild[model.build_vocab])
        model.train(text, **wild[model.train])
        scores = model.score(text[:9], **wild[model.score])
    assert np.array_equal(model.wv.vectors, ours.wv.vectors) and np.array_equal(scores, ours.score(text[:9]))
    assert {"batch_words", "compute_loss"}.union(*wild.values()) == set(IGNORED)


# ---- to_gensim ----


def test_to_gensim_is_a_copy(both):
    ours, theirs = both
    assert isinstance(theirs, gensim.models.KeyedVectors)
    before = ours.most_similar("king")
    theirs.unit_normalize_all()
    theirs.add_vector("new", np.ones(H, np.float32))
    theirs.set_vecattr("king", "count", 1)
    assert ours.most_similar("king") == before and "new" not in ours and ours.get_vecattr("king", "count") > 1
    assert copy.deepcopy(theirs).get_vecattr("queen", "count") == ours.get_vecattr("queen", "count")
