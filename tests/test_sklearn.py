"""SkipGramVectorizer in scikit-learn's hands, and against plain float64; skipped without scikit-learn."""

import importlib
import io
import logging
import sys
import tracemalloc

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.utils import estimator_checks  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

from fastsg import SkipGram  # noqa: E402
from fastsg.sklearn import SkipGramVectorizer  # noqa: E402

WORDS = "red green blue grey pink", "one two three four five"
DOCS = [" ".join(np.random.default_rng(i).permutation(WORDS[i % 2].split())) for i in range(60)]
LABELS = [i % 2 for i in range(60)]
SMALL = {"vector_size": 6, "min_count": 1, "epochs": 2}


def pooled(vectorizer, documents):
    """Means of the vectors, in float64, one document after another."""
    wv, p = vectorizer.model_.wv, vectorizer.model_.vocab.unigram()
    sif, a = vectorizer.pooling == "sif", vectorizer.sif_a
    rows = []
    for document in documents:
        known = [wv.get_index(word) for word in document if word in wv]
        weighted = [wv.vectors[k].astype(np.float64) * (a / (a + p[k]) if sif else 1.0) for k in known]
        rows.append(sum(weighted) / len(weighted) if weighted else np.zeros(wv.vector_size))
    return np.array(rows)


# ---- vectors ----


def test_mean_of_what_skipgram_trains():
    vectorizer = SkipGramVectorizer(**SMALL).fit(DOCS)
    tokens = [doc.split() for doc in DOCS]
    assert np.array_equal(vectorizer.model_.I, SkipGram(tokens, **SMALL).I)
    vectors = vectorizer.transform(DOCS[:9])
    assert vectors.dtype == np.float32 and vectors.shape == (9, 6)
    assert vectors == pytest.approx(pooled(vectorizer, tokens[:9]), abs=1e-7)
    assert vectorizer.vocabulary_["red"] == vectorizer.model_.wv.get_index("red")
    assert vectorizer.n_features_out_ == 6 and vectorizer.component_ is None


@pytest.mark.parametrize(
    "setting", [{"prior": 50.0}, {"init": "random"}, {"output_bias": None}, {"vectors": "whitened"}]
)
def test_settings_reach_the_model(setting):
    found = SkipGramVectorizer(**SMALL, **setting).fit(DOCS).model_
    assert np.array_equal(
        found.wv.vectors, SkipGram([doc.split() for doc in DOCS], **SMALL, **setting).wv.vectors
    )
    assert not np.array_equal(found.wv.vectors, SkipGramVectorizer(**SMALL).fit(DOCS).model_.wv.vectors)


def test_sif():
    vectorizer = SkipGramVectorizer(pooling="sif", sif_a=0.01, **SMALL)
    found, means = vectorizer.fit_transform(DOCS), pooled(vectorizer, [doc.split() for doc in DOCS])
    first = np.linalg.svd(means, full_matrices=False)[2][0]
    assert abs(first @ vectorizer.component_) == pytest.approx(1, abs=1e-5)
    assert found == pytest.approx(means - np.outer(means @ first, first), abs=1e-6)
    assert np.array_equal(found, vectorizer.transform(DOCS))
    assert vectorizer.component_[np.argmax(np.abs(vectorizer.component_))] > 0


def test_a_long_document_takes_little_memory():
    """It was looked up as a whole: 8 H bytes for each of its tokens."""
    vectorizer = SkipGramVectorizer(**(SMALL | {"vector_size": 64})).fit(DOCS)
    document = ["red", "green", "one"] * 400_000
    tracemalloc.start()
    found = vectorizer.transform([document, "red green one"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.allclose(found[0], found[1], rtol=1e-5) and peak < len(document) * 100


def test_portions_change_nothing(monkeypatch):
    vectorizer = SkipGramVectorizer(**SMALL).fit(DOCS)
    documents = [*DOCS, "", "red", "nix"]
    whole = vectorizer.transform(documents)
    for tokens in (1, 7):
        monkeypatch.setattr("fastsg.sklearn._TOKENS", tokens)
        assert np.array_equal(vectorizer.transform(documents), whole)


def test_documents_of_every_make():
    vectorizer = SkipGramVectorizer(**SMALL)
    expected = vectorizer.fit_transform(DOCS)
    tokens = [doc.split() for doc in DOCS]
    for given in (
        tokens,
        iter(DOCS),
        np.array(DOCS),
        np.array(DOCS, object),
        map(iter, tokens),
        tuple(tokens),
    ):
        assert np.array_equal(clone(vectorizer).fit_transform(given), expected)
    pandas, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    for given in (pandas.Series(DOCS), pandas.Series(tokens), pa.array(DOCS), pa.array(tokens)):
        assert np.array_equal(vectorizer.transform(given), expected)


def test_unknown_words_and_empty_documents(caplog):
    vectorizer = SkipGramVectorizer(**SMALL, pooling="sif").fit(DOCS)
    with caplog.at_level(logging.INFO, "fastsg"):
        vectors = vectorizer.transform(["", "nix nix", "red nix"])
    assert not vectors[:2].any() and vectors[2].any() and "2 of 3 documents have no known word" in caplog.text
    assert vectorizer.transform([]).shape == (0, 6)


def test_tokenizers():
    text = ["To be", "\u4f60 \u597d"] * 5
    assert set(SkipGramVectorizer(lowercase=True, **SMALL).fit(text).vocabulary_) >= {"to", "be"}
    assert "To" in SkipGramVectorizer(tokenizer="space", **SMALL).fit(text).vocabulary_
    assert set(SkipGramVectorizer(tokenizer="char", **SMALL).fit(text).vocabulary_) == set("Tobe\u4f60\u597d")
    halves = SkipGramVectorizer(tokenizer=lambda line: line.split("b"), **SMALL).fit(text)
    assert "To " in halves.vocabulary_
    with pytest.raises(ValueError, match="tokenizer is 'words'"):
        SkipGramVectorizer(tokenizer="words").fit(text)


def test_seeds_and_threads():
    one = SkipGramVectorizer(**SMALL).fit_transform(DOCS)
    for random_state, n_jobs in ((1, None), (None, 3), (np.int64(1), -1), (1, -99)):
        same = SkipGramVectorizer(random_state=random_state, n_jobs=n_jobs, **SMALL).fit_transform(DOCS)
        assert np.array_equal(same, one)
    states = [
        SkipGramVectorizer(random_state=np.random.RandomState(3), **SMALL).fit(DOCS).model_ for _ in range(2)
    ]
    assert states[0].settings.seed == states[1].settings.seed != 1
    assert SkipGramVectorizer(n_jobs=2, **SMALL).fit(DOCS).model_.workers == 2


@pytest.mark.parametrize(
    "given, error, message",
    [
        ({"n_jobs": 0}, ValueError, "n_jobs is 0"),
        ({"n_jobs": True}, ValueError, "n_jobs is True"),
        ({"n_jobs": 1.5}, ValueError, r"n_jobs is 1\.5"),
        ({"random_state": -1}, ValueError, "random_state is -1"),
        ({"random_state": "x"}, ValueError, "cannot be used to seed"),
        ({"pooling": "max"}, ValueError, "pooling is 'max'; allowed are 'mean', 'sif'"),
        ({"sif_a": 0}, ValueError, "sif_a is 0; it must be above 0"),
        ({"sif_a": "x"}, TypeError, "sif_a is 'x'"),
        ({"vector_size": 0}, ValueError, "vector_size is 0"),
        ({"min_count": 1000}, ValueError, "fewer than min_count=1000"),
    ],
)
def test_bad_parameters_are_found_by_fit(given, error, message):
    vectorizer = SkipGramVectorizer(**given)  # stores only
    with pytest.raises(error, match=message):
        vectorizer.fit(DOCS)


@pytest.mark.parametrize(
    "documents, error, message",
    [
        ("red green", ValueError, "X is a str; it must be an iterable of documents"),
        (b"red", ValueError, "X is a bytes"),
        (5, ValueError, "X is a int"),
        ({"text": DOCS}, ValueError, "X is a dict"),
        (np.array([DOCS]), ValueError, "X is a table; give its column of documents"),
        ([{"text": "red"}], TypeError, "document 0 is a dict: {'text': 'red'}"),
        (["red", 5], TypeError, "document 1 is a int: 5"),
        (["red", b"x"], TypeError, "document 1 is a bytes"),
        ([["red", 5]], TypeError, "document 0: tokens must be str, got 5"),
    ],
)
def test_bad_documents(documents, error, message):
    for ask in (SkipGramVectorizer(min_count=1).fit, SkipGramVectorizer(**SMALL).fit(DOCS).transform):
        with pytest.raises(error, match=message):
            ask(documents)


# ---- scikit-learn ----


def test_not_fitted():
    with pytest.raises(NotFittedError):
        SkipGramVectorizer().transform(DOCS)
    with pytest.raises(NotFittedError):
        SkipGramVectorizer().get_feature_names_out()


def test_parameters():
    vectorizer = SkipGramVectorizer(window=(2, 1), pooling="sif")
    assert clone(vectorizer).get_params() == vectorizer.get_params()
    assert vectorizer.set_params(vector_size=3) is vectorizer and vectorizer.vector_size == 3
    assert "pooling='sif'" in repr(vectorizer)


def test_pipeline_with_grid_search():
    pipeline = make_pipeline(SkipGramVectorizer(**SMALL), LogisticRegression())
    grid = {"skipgramvectorizer__vector_size": [2, 6], "skipgramvectorizer__pooling": ["mean", "sif"]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(DOCS, LABELS)
    assert search.best_score_ > 0.9
    assert search.predict(["red blue", "two one"]).tolist() == [0, 1]


def test_pipeline_as_bertopic_uses_it():
    """Fitted on the documents if it is not yet, it then embeds single words and new documents."""
    pipeline = make_pipeline(SkipGramVectorizer(**SMALL))
    with pytest.raises(NotFittedError):
        check_is_fitted(pipeline)
    documents = pipeline.fit_transform(DOCS)
    check_is_fitted(pipeline)
    assert np.array_equal(pipeline.transform(DOCS), documents)
    assert np.array_equal(pipeline.transform(["red"])[0], pipeline[0].model_.wv["red"])
    assert not pipeline.transform(["nowhere", ""]).any()


def test_names_and_pandas_output():
    pandas = pytest.importorskip("pandas")
    vectorizer = SkipGramVectorizer(**SMALL).set_output(transform="pandas")
    frame = vectorizer.fit_transform(pandas.Series(DOCS, index=range(100, 160)))
    assert isinstance(frame, pandas.DataFrame) and list(frame.columns) == [
        f"skipgramvectorizer{i}" for i in range(6)
    ]
    assert list(frame.columns) == vectorizer.get_feature_names_out().tolist()
    assert list(vectorizer.transform(DOCS[:3]).columns) == list(frame.columns)
    assert make_pipeline(vectorizer)[:1].get_feature_names_out().tolist() == list(frame.columns)


def test_joblib(tmp_path):
    import joblib

    pipeline = make_pipeline(SkipGramVectorizer(**SMALL), LogisticRegression()).fit(DOCS, LABELS)
    joblib.dump(pipeline, tmp_path / "pipeline")
    loaded = joblib.load(tmp_path / "pipeline")
    assert np.array_equal(loaded.predict_proba(DOCS), pipeline.predict_proba(DOCS))
    file = io.BytesIO()
    joblib.dump(pipeline, file)
    assert file.tell() > 0


#: Checks that need no numbers. check_estimator itself leaves out whatever takes strings, with a warning; the
#: others feed matrices of numbers, samples' weights or labels, and test_habits stands in for them.
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_feature_names_out_error",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_transformers_unfitted",
    "check_valid_tag_types",
]


@pytest.mark.filterwarnings("ignore:Can't test estimator")
def test_check_estimator():
    check_estimator(SkipGramVectorizer(**SMALL))


@pytest.mark.parametrize("name", CHECKS)
def test_checks_that_need_no_numbers(name):
    check = getattr(estimator_checks, name, None)
    if check is None:
        pytest.skip("another version of scikit-learn")
    check("SkipGramVectorizer", SkipGramVectorizer(**SMALL))


def test_habits():
    vectorizer = SkipGramVectorizer(**SMALL)
    before = vectorizer.get_params()
    assert vectorizer.fit(DOCS, LABELS) is vectorizer
    check_is_fitted(vectorizer)
    state = {name: id(value) for name, value in vars(vectorizer).items()}
    vectors = vectorizer.transform(DOCS)
    assert {name: id(value) for name, value in vars(vectorizer).items()} == state
    assert vectorizer.get_params() == before
    assert np.array_equal(vectorizer.transform(DOCS[::-1]), vectors[::-1])  # order and subsets
    assert np.array_equal(np.vstack([vectorizer.transform([doc]) for doc in DOCS]), vectors)
    assert np.array_equal(vectorizer.fit(DOCS).transform(DOCS), vectors)  # fitted again
    assert np.array_equal(clone(vectorizer).fit_transform(DOCS), vectors)


def test_bertopic_backend():
    """What its backend for scikit-learn does with a Pipeline: fit it if need be, else transform."""
    pipeline = Pipeline([("vectors", SkipGramVectorizer(**SMALL))])

    def embed(documents):
        try:
            check_is_fitted(pipeline)
            return pipeline.transform(documents)
        except NotFittedError:
            return pipeline.fit_transform(documents)

    fitted = embed(DOCS)
    assert fitted.shape == (60, 6) and np.array_equal(embed(DOCS), fitted)
    assert embed(np.array(["red", "two"])).shape == (2, 6)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "fastsg.sklearn")
    with pytest.raises(
        ImportError, match=r"fastsg.sklearn needs scikit-learn: pip install 'fastsg\[sklearn\]'"
    ):
        importlib.import_module("fastsg.sklearn")
