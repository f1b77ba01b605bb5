"""Both solvers and all optimizers minimise the same loss; trained on counts, models are the same bytes
wherever they are trained.
"""

import math
import os

import numpy as np
import pytest
import reference

from fastsg import Callback, CooccurrenceCounts, DivergenceError, EncodedCorpus, SkipGram, _core
from fastsg.numerics import objective

TIMES = ("seconds", "count_seconds", "pairs_per_second")
FMA = [name for name in _core.available_isas() if name != "generic"]
PLAIN = {
    "vector_size": 5,
    "window": 3,
    "shrink_windows": False,
    "sample": 0,
    "min_count": 1,
    "progress": False,
}


def text(seed=0, sentences=400, words=40):
    """Sentences on five topics."""
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(words, 0.2), 5)
    return [[f"w{i}" for i in rng.choice(words, 10, p=topics[rng.integers(5)])] for _ in range(sentences)]


def make(sentences=None, **settings):
    return SkipGram(sentences, **PLAIN | settings)


def outcome(model):
    """Everything a training leaves, without its times."""
    history = [
        {name: value for name, value in record.items() if name not in TIMES} for record in model.history
    ]
    return model.I.tobytes(), model.O.tobytes(), repr(history)


# ---- the same loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [False, True])
def test_counts_and_pairs_have_the_same_gradient(isa, rng, bias):
    """All windows of a text, pair by pair, and the rows of its counts: one loss, one gradient, and the
    oracle's.
    """
    corpus = EncodedCorpus.from_iter(text(sentences=60), min_count=1)
    K, H = len(corpus.vocab), 7
    sentences = [
        corpus.tokens[a:b].tolist() for a, b in zip(corpus.offsets, corpus.offsets[1:], strict=False)
    ]
    pairs = reference.window_pairs(sentences, 3, 3)
    m, n = (np.array(side) for side in zip(*pairs, strict=True))
    w = np.array(list(pairs.values()))
    I, O = (rng.standard_normal((K, H)).astype(np.float32) for _ in range(2))
    b = np.log(corpus.vocab.unigram()).astype(np.float32) if bias else np.zeros(0, np.float32)
    loss, gI, gO = objective.loss_and_gradient(
        np.repeat(m, np.int64(w)), np.repeat(n, np.int64(w)), I, O, bias=b if bias else None
    )
    counts = CooccurrenceCounts.from_corpus(corpus, window=3, shrink_windows=False)
    ids = np.arange(K, dtype=np.int32)
    rows = objective.make_workspace(K, H, 2).gradient(
        I, O, b, ids, counts.row_ptr, counts.contexts, counts.counts
    )
    N = np.zeros((K, K))
    N[m, n] = w
    exact = reference.loss(I, O, ids, N, b), *reference.gradient(I, O, ids, N, b)
    for other in ((loss, gI, gO), exact):
        for got, want in zip(rows, other, strict=True):
            assert np.abs(got - want).max() <= 1e-6 * np.abs(want).max()


LONG = {"workers": 1, "epochs": 300, "alpha": 0.2, "min_alpha": 0.002}
RUNS = {
    "sgd, adagrad": {"solver": "sgd", "optimizer": "adagrad", "batch_size": 4000},
    "sgd, newton": {"solver": "sgd", "optimizer": "newton", "batch_size": 4000},
    "counts, adagrad": {"solver": "counts", "optimizer": "adagrad", "batch_size": 40, "init": "random"},
    "counts, newton": {"solver": "counts", "optimizer": "newton", "batch_size": 40, "init": "random"},
    "counts, adagrad, svd": {"solver": "counts", "optimizer": "adagrad", "batch_size": 40, "init": "svd"},
    "counts, newton, svd": {"solver": "counts", "optimizer": "newton", "batch_size": 40, "init": "svd"},
    "counts, newton, batches": {"solver": "counts", "optimizer": "newton", "batch_size": 10, "init": "svd"},
}


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_long_trainings_end_at_the_same_loss(output_bias):
    """From the same start the solvers take the same path: 1e-5 is the rounding of hundreds of steps. Other
    optimizers and starts end in minima of their own, which lie within 0.0053 of each other here (measured),
    while training takes off 0.37 and more.
    """
    settings = LONG | {"output_bias": output_bias, "prior": 0}  # which only counts have
    ends = {name: make(text(), **settings, **run).history for name, run in RUNS.items()}
    nll = {name: history[-1]["nll"] for name, history in ends.items()}
    assert nll["sgd, adagrad"] == pytest.approx(nll["counts, adagrad"], abs=1e-5)
    assert nll["sgd, newton"] == pytest.approx(nll["counts, newton"], abs=1e-5)
    assert max(nll.values()) - min(nll.values()) < 0.01, nll
    assert max(nll.values()) < ends["sgd, adagrad"][0]["unigram_nll"] - 0.3
    assert all(history[-1]["pairs"] == ends["sgd, adagrad"][0]["pairs"] for history in ends.values())


def test_one_step_is_the_same_step():
    """An epoch in one batch, from the same start: the text's windows or the rows of its counts."""
    for optimizer in ("sgd", "adagrad", "newton"):
        settings = {"optimizer": optimizer, "init": "random", "epochs": 1, "batch_size": 10_000, "prior": 0}
        settings["alpha"] = 0.1
        a, b = (make(text(), solver=solver, **settings) for solver in ("sgd", "counts"))
        assert (a.I == b.I).all() and (a.O == b.O).all() and a.history[0]["nll"] == b.history[0]["nll"]
    other = make(text(), solver="counts", shrink_windows=True, **settings)  # control
    assert (other.O != b.O).any()


@pytest.mark.parametrize("solver", ["counts", "sgd"])
@pytest.mark.parametrize("optimizer", ["adagrad", "newton", "sgd"])
def test_every_solver_learns_with_every_optimizer(solver, optimizer):
    held_out = text(0)[300:]
    model = make(
        text(0)[:300],
        solver=solver,
        optimizer=optimizer,
        batch_size=10 if solver == "counts" else 100,
        epochs=5,
        validation=held_out,
    )
    assert model.history[-1]["valid_nll"] < model.history[0]["valid_unigram_nll"] - 0.02
    assert model.history[-1]["nll"] < model.history[0]["nll"]


@pytest.mark.parametrize("batch_size", [None, 10, 10_000])
def test_plain_sgd_on_counts_learns_the_same_by_its_default_rate_however_long_the_text(batch_size):
    settings = {"optimizer": "sgd", "init": "random", "batch_size": batch_size, "epochs": 80}
    short, long = (make(text() * times, **settings) for times in (1, 30))
    assert short.history[-1]["nll"] < short.history[-1]["unigram_nll"] - 0.3
    assert long.history[-1]["nll"] == pytest.approx(short.history[-1]["nll"], abs=1e-5)
    assert long.plan.alpha == pytest.approx(short.plan.alpha / 30)
    with pytest.raises(DivergenceError, match="training diverged"):  # control
        make(text() * 30, alpha=30 * short.plan.alpha, **settings)


@pytest.mark.parametrize("batch_size", [None, 400])
def test_plain_sgd_on_counts_holds_where_many_light_centers_share_few_contexts(batch_size):
    rng = np.random.default_rng(0)
    pairs = [[f"{side}{i}" for i in rng.integers(0, n, 8000)] for side, n in (("d", 400), ("t", 7))]
    settings = {"optimizer": "sgd", "batch_size": batch_size, "epochs": 10, "vector_size": 16, "init": "svd"}
    model = make(**settings).fit_pairs(*pairs)
    losses = [record["nll"] for record in model.history]
    assert losses == sorted(losses, reverse=True) and losses[-1] < math.log(len(model.vocab)) / 2
    heaviest = np.unique(pairs[0], return_counts=True)[1].max()
    with pytest.raises((DivergenceError, AssertionError)):  # control: by the rows of I alone
        wild = make(**settings, alpha=2 / heaviest).fit_pairs(*pairs)
        assert wild.history[-1]["nll"] < losses[-1] + 1


@pytest.mark.parametrize("share, warned", [(1, False), (1e-5, True)])
def test_shares_instead_of_counts_are_warned_of(caplog, share, warned):
    pairs = [[f"w{i}" for i in np.random.default_rng(seed).integers(0, 30, 2000)] for seed in (1, 2)]
    make().fit_pairs(*pairs, np.full(2000, share, np.float32))
    assert ("pairs for 30 words, from which little can be learnt" in caplog.text) == warned


# ---- the start ---------------------------------------------------------------------------------------------


class Look(Callback):
    """I and O as they are when an epoch begins."""

    def __init__(self):
        self.seen = []

    def on_epoch_begin(self, model):
        self.seen.append((model.I.copy(), model.O.copy()))


def started(**settings):
    """(P(n|m) as the start leaves it, unigram distribution of contexts, and of centers)"""
    model, look = make(**{"vector_size": 12} | settings), Look()
    counts = CooccurrenceCounts.from_corpus(
        EncodedCorpus.from_iter(text(sentences=600, words=80), min_count=1), window=3
    )
    p = counts.column_sums() / counts.total
    model.fit_counts(counts, epochs=1, callbacks=[look])
    P = np.exp(reference.log_probabilities(*look.seen[0], np.log(p) if model.settings.output_bias else None))
    return P, p, counts.row_sums / counts.total


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_the_spectral_start_is_near_the_unigram_distribution(output_bias):
    """Over all centers its mean is; without a bias a coordinate of its own carries log p(n). A random start
    without bias is uniform.
    """
    P, p, q = started(output_bias=output_bias)
    assert 0.5 * np.abs(q @ P - p).sum() < 0.1 < 0.5 * np.abs(1 / len(p) - p).sum()


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_the_spectral_start_is_ahead_of_the_unigram_distribution(output_bias):
    first = make(text(), output_bias=output_bias, init="svd", epochs=1, batch_size=40).history[0]
    assert first["nll"] < first["unigram_nll"] - 0.1
    random = make(text(), output_bias=output_bias, init="random", epochs=1, batch_size=40).history[0]
    assert random["nll"] == pytest.approx(random["unigram_nll"] if output_bias else math.log(40), abs=1e-3)


def test_the_start_is_taken_once():
    """A second training goes on from what the first left."""
    model, look = make(text(), epochs=1, batch_size=10), Look()
    I, O = model.I.copy(), model.O.copy()
    model.train(epochs=2, callbacks=[look])
    assert (look.seen[0][0] == I).all() and (look.seen[0][1] == O).all() and (look.seen[1][0] != I).any()
    fresh = Look()
    make(epochs=1).train(text(), callbacks=[fresh])
    assert fresh.seen[0][1].any()  # the first training has it before its first step


def test_coordinates_beyond_the_rank_still_learn():
    """Where the counts have fewer directions than there are coordinates, a trace of the random start is left
    in I.
    """
    model = make([["a", "b"], ["b", "c"], ["c", "a"]] * 20, vector_size=8, epochs=3)
    assert model.I.any(0).all() and model.O.any(0).all() and np.isfinite(model.I).all()
    assert make([["a", "b"]] * 20, vector_size=1, output_bias=None).I.any()


# ---- the same bytes ----------------------------------------------------------------------------------------

COUNTED = {
    "newton": {},
    "adagrad": {"optimizer": "adagrad", "init": "random", "shrink_windows": "harmonic"},
    "thinned": {"sample": 0.02, "draws": 2, "window": (4, 1), "output_bias": None},
    "weighed": {"sample": 0.02, "draws": 0, "window": None, "shrink_windows": True},
    "coarse to fine": {"sample": 0.02, "head": 0.4, "epochs": 5},
    "coarse to fine, one side": {
        "sample": 0.02,
        "head": 0.1,
        "epochs": 4,
        "window": (0, 3),
        "output_bias": None,
        "optimizer": "adagrad",
    },
}


def counted(workers=2, **settings):
    common = {"vector_size": 13, "epochs": 2, "batch_size": 90, "validation": text(4, 20, 700)}
    return make(text(3, 150, 700), **common | settings, workers=workers)


@pytest.mark.parametrize("precision", _core.available_precisions())
@pytest.mark.parametrize("name", COUNTED)
def test_threads(isa, name, precision):
    outcomes = {outcome(counted(workers, precision=precision, **COUNTED[name])) for workers in (1, 2, 3, 7)}
    assert len(outcomes) == 1
    assert outcome(counted(1, precision=precision, **COUNTED[name] | {"seed": 2})) not in outcomes


@pytest.mark.skipif(len(FMA) < 2, reason="this machine has one instruction set with FMA, or none")
@pytest.mark.parametrize("name", COUNTED)
def test_instruction_sets_with_fma_agree(name):
    found = set()
    try:
        for isa in FMA:
            _core.select_isa(isa)
            found.add(outcome(counted(**COUNTED[name])))
    finally:
        _core.select_isa(os.environ.get("FASTSG_ISA") or None)
    assert len(found) == 1


# ---- counts as what is trained on --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"sample": 0.02}, {"sample": 0.02, "draws": 0, "window": (1, 3)}, {"output_bias": None}],
    ids=str,
)
def test_counts_taken_apart_are_the_counts_of_the_text(options):
    """The vocabulary built from the text, and then counts of it: bit for bit the training on the text."""
    whole = make(text(), **options)
    corpus = EncodedCorpus.from_iter(text(), min_count=1)
    given = {"window": 3, "sample": 0} | {
        name: value for name, value in options.items() if name != "output_bias"
    }
    counts = CooccurrenceCounts.for_training(corpus, shrink_windows=False, **given)
    assert (counts.thinned is None) == (not given["sample"])
    model = make(**options)
    model.build_vocab(corpus)
    assert outcome(model.fit_counts(counts)) == outcome(whole)


def test_a_model_without_a_vocabulary_takes_that_of_the_counts():
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(text(), min_count=1), sample=0.02)
    model = make(epochs=1).fit_counts(counts, epochs=2)
    assert model.vocab is counts.vocab and len(model.history) == 2
    assert model.history[0]["pairs"] == pytest.approx(counts.total, rel=1e-6)
    assert np.isfinite(model.real_bias()).all() and model._training.keep.tobytes() == counts.keep.tobytes()
    assert make().fit_counts(CooccurrenceCounts.from_arrays([0, 1], [1, 0], [1.0, 2.0])).vocab.words == [
        "1",
        "0",
    ]


def test_counts_of_others_bring_the_frequencies_of_their_contexts(rng):
    """Where no text is known, what is a context often has a large bias."""
    m, n, w = rng.integers(0, 30, 500), 30 * rng.random(500) ** 2, rng.random(500)
    counts = CooccurrenceCounts.from_arrays(m, n.astype(int), w)
    model = make(epochs=1)
    model.build_from_counts(counts)
    np.testing.assert_allclose(
        np.exp(model.real_bias()), np.maximum(counts.column_sums() / counts.total, 1e-30), rtol=1e-5
    )
    assert model.sample == 0


def test_fit_counts_refuses():
    corpus = EncodedCorpus.from_iter(text(), min_count=1)
    plain, thinned, other = (
        CooccurrenceCounts.from_corpus(corpus, sample=sample) for sample in (0, 0.02, 0.05)
    )
    with pytest.raises(ValueError, match="fit_counts needs a model with solver='counts'; this one has 'sgd'"):
        make(solver="sgd").fit_counts(plain)
    model = make(text(5, words=30), epochs=1)
    before = outcome(model)
    with pytest.raises(
        ValueError, match=r"the counts have another vocabulary than the model; count with vocab=model.vocab"
    ):
        model.fit_counts(plain)
    assert outcome(model) == before
    for sample, counts in ((0, thinned), (0.02, plain), (0.02, other)):
        model = make(text(), sample=sample, epochs=1)
        before = outcome(model)
        with pytest.raises(ValueError, match="the counts were thinned otherwise than the model's vocabulary"):
            model.fit_counts(counts)
        assert outcome(model) == before
    for epochs in (0, 1.5, "2"):
        with pytest.raises(ValueError, match=r"epochs is .*; allowed are None and integers >= 1"):
            make().fit_counts(plain, epochs=epochs)


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_counts_of_nothing_are_refused(output_bias):
    empty = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter([["a"], ["b"]], min_count=1))
    with pytest.raises(ValueError, match="there are no pairs to train on"):
        make(output_bias=output_bias).fit_counts(empty)


def test_fit_pairs_is_fit_counts_of_the_pairs(rng):
    m, n, w = rng.integers(0, 30, 500), rng.integers(0, 30, 500), rng.random(500)
    model = make().fit_pairs(m, n, w)
    by_counts = make()
    by_counts.build_vocab(vocab=model.vocab)
    ids = [np.array([model.vocab.index[str(i)] for i in side]) for side in (m, n)]
    assert outcome(by_counts.fit_counts(CooccurrenceCounts.from_arrays(*ids, w, model.vocab))) == outcome(
        model
    )
    order = rng.permutation(500)  # and so their order is nothing
    again = make().fit_pairs(m[order], n[order], np.round(w * 64)[order])
    assert outcome(again) == outcome(make().fit_pairs(m, n, np.round(w * 64)))


@pytest.mark.parametrize("name", ["input", "output", "sum", "centered"])
def test_vectors(name):
    model = make(text(), vectors=name, epochs=1)
    unit = [X / np.linalg.norm(X, axis=1, keepdims=True) for X in (model.I, model.O)]
    weights = np.sqrt(np.array(model.vocab.counts, float))
    centered = model.I - weights @ model.I.astype(float) / weights.sum()
    want = {"input": model.I, "output": model.O, "sum": unit[0] + unit[1], "centered": centered}[name]
    np.testing.assert_allclose(model.wv.vectors, want, atol=1e-6)
    assert (model.cv.vectors == model.O).all() and model.wv is model.wv
    before = model.wv.vectors.copy()
    model.train(epochs=1)
    assert (model.wv.vectors != before).any()


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_a_model_comes_back_with_its_settings(tmp_path, solver):
    model = make(text(), solver=solver, vectors="sum", draws=2, sample=0.05, shrink_windows=True, epochs=1)
    model.save(tmp_path / "m")
    again = SkipGram.load(tmp_path / "m")
    assert again.settings == model.settings and (again.wv.vectors == model.wv.vectors).all()
    again.train(text(), epochs=1)
    assert outcome(again) == outcome(model.train(epochs=1))
