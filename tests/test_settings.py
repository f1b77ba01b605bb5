"""Settings: every value checked, by name; what is left is plain and goes into a report."""

import dataclasses
import inspect
import json

import numpy as np
import pytest

from fastsg import SkipGram
from fastsg.numerics.optimizer import (
    DEFAULT_ALPHA,
    DEFAULT_PRIOR,
    SCHEDULES,
    Optimizer,
    constant_rate,
    linear_rate,
)
from fastsg.training.settings import Settings, default_batch_rows, default_batch_size, default_sample

# what the constructor passes on unless told otherwise
GOOD = {
    field.name: inspect.signature(SkipGram).parameters[field.name].default
    for field in dataclasses.fields(Settings)
}


@pytest.mark.parametrize(
    "name, value, exception, message",
    [
        ("vector_size", 0, ValueError, "vector_size is 0; it must be at least 1"),
        ("head", 0, ValueError, "head is 0.0; it must be above 0 and at most 1"),
        ("head", 1.5, ValueError, "head is 1.5; it must be above 0 and at most 1"),
        ("head", "half", TypeError, "head is 'half', a str; it must be a number"),
        ("vector_size", -3, ValueError, "vector_size is -3"),
        ("vector_size", 10.0, TypeError, "vector_size is 10.0, a float; it must be an integer of at least 1"),
        ("vector_size", "10", TypeError, "vector_size is '10', a str"),
        ("vector_size", True, TypeError, "vector_size is True, a bool"),
        ("vector_size", None, TypeError, "vector_size is None"),
        ("min_count", 0, ValueError, "min_count is 0"),
        ("min_count", None, TypeError, "min_count is None"),
        ("epochs", 0, ValueError, "epochs is 0"),
        ("epochs", "3", TypeError, "epochs is '3'"),
        ("epochs", 1.5, TypeError, "epochs is 1.5"),
        ("batch_size", 0, ValueError, "batch_size is 0"),
        ("batch_size", 3.5, TypeError, "batch_size is 3.5"),
        ("max_final_vocab", 0, ValueError, "max_final_vocab is 0"),
        ("seed", -1, ValueError, "seed is -1; it must be at least 0"),
        ("seed", 2**64, ValueError, r"seed is 18446744073709551616; it must be at most 18446744073709551615"),
        ("seed", None, TypeError, "seed is None"),
        ("sample", -1e-3, ValueError, "sample is -0.001; it must be finite and not negative"),
        ("sample", float("nan"), ValueError, "sample is nan"),
        ("sample", "1e-3", TypeError, "sample is '1e-3', a str; it must be a number"),
        ("alpha", 0, ValueError, "alpha is 0; it must be above 0"),
        ("alpha", -0.1, ValueError, "alpha is -0.1"),
        ("alpha", float("inf"), ValueError, "alpha is inf"),
        ("min_alpha", -0.1, ValueError, "min_alpha is -0.1"),
        ("min_alpha", 1j, TypeError, "min_alpha is 1j, a complex"),
        ("lr_schedule", "cosine", ValueError, "lr_schedule is 'cosine'; allowed are 'linear', 'constant'"),
        ("solver", "adam", ValueError, "solver is 'adam'; allowed are 'counts', 'sgd'"),
        ("solver", None, ValueError, "solver is None"),
        ("draws", -1, ValueError, "draws is -1; it must be at least 0"),
        ("draws", 1.0, TypeError, "draws is 1.0, a float; it must be an integer of at least 0"),
        (
            "vectors",
            "both",
            ValueError,
            "vectors is 'both'; allowed are 'input', 'output', 'sum', 'centered', 'whitened'",
        ),
        ("vectors", None, ValueError, "vectors is None"),
        ("optimizer", "adam", ValueError, "optimizer is 'adam'; allowed are 'newton', 'adagrad', 'sgd'"),
        ("prior", -1, ValueError, "prior is -1; it must be finite and not negative"),
        ("prior", "30", TypeError, "prior is '30', a str"),
        ("output_bias", "zipf", ValueError, "output_bias is 'zipf'; allowed are None, 'unigram'"),
        ("output_bias", True, ValueError, "output_bias is True"),
        ("dtype", "float64", ValueError, "dtype is 'float64'; allowed are"),
    ],
)
def test_refuses(name, value, exception, message):
    with pytest.raises(exception, match=message):
        Settings.checked(**GOOD | {name: value})
    with pytest.raises(exception, match=message):  # and the public way there
        SkipGram(**{name: value})


def test_the_prior_is_that_of_one_newton_step_an_epoch():
    assert SkipGram(vector_size=50).settings.prior == 50 * DEFAULT_PRIOR > 0
    assert SkipGram(prior=7).settings.prior == 7 and SkipGram(prior=0).settings.prior == 0
    for others in ({"solver": "sgd"}, {"optimizer": "adagrad"}, {"solver": "sgd", "optimizer": "newton"}):
        assert SkipGram(**others).settings.prior == 0
        with pytest.raises(
            ValueError, match=r"prior is 1\.0, which needs solver='counts' with optimizer='newton'"
        ):
            SkipGram(prior=1, **others)


def test_the_window_is_refused_by_the_constructor():
    with pytest.raises(ValueError, match="window is 0"):
        SkipGram(window=0)
    with pytest.raises(ValueError, match="shrink_windows is 'often'"):
        SkipGram(shrink_windows="often")


def test_defaults_that_depend_on_the_solver():
    counts, sgd = (Settings.checked(**GOOD | {"solver": solver}) for solver in ("counts", "sgd"))
    assert (counts.optimizer, counts.init) == ("newton", "svd") and (sgd.optimizer, sgd.init) == (
        "adagrad",
        "random",
    )
    given = Settings.checked(**GOOD | {"solver": "sgd", "optimizer": "newton"})
    assert given.optimizer == "newton" and Settings.checked(**GOOD | {"init": "random"}).init == "random"
    with pytest.raises(
        ValueError,
        match=r"init is 'svd', which needs solver='counts'; with solver 'sgd' allowed are 'random'",
    ):
        Settings.checked(**GOOD | {"solver": "sgd", "init": "svd"})


def test_defaults_that_depend_on_others():
    for optimizer, alpha in DEFAULT_ALPHA.items():
        for solver in ("counts", "sgd"):
            settings = Settings.checked(**GOOD | {"optimizer": optimizer, "solver": solver})
            by_counts = solver == "counts" and optimizer != "adagrad"
            assert (settings.alpha, settings.min_alpha) == (
                (None, None) if by_counts else (alpha, pytest.approx(alpha / 10))
            )
            assert settings.rates(100, Source(), 5) == pytest.approx((alpha, alpha / 10))
    settings = Settings.checked(**GOOD | {"alpha": 0.5})
    assert settings.alpha == 0.5 and settings.min_alpha == 0.05
    assert Settings.checked(**GOOD | {"min_alpha": 0}).min_alpha == 0


def test_default_batch_size_and_sample():
    sizes = [default_batch_size(n) for n in (0, 1, 1000, 10**5, 200_000, 10**6, 10**7, 10**10)]
    assert sizes == sorted(sizes) and all(size & (size - 1) == 0 for size in sizes)
    assert default_batch_size(10**7, "sgd") == sizes[0]
    assert default_sample(100) >= default_sample(10**6) > 0
    assert (default_sample(100, "counts"), default_sample(100, "sgd")) == (0.025, 0.1)
    assert default_sample(10**6, "counts") < default_sample(10**6, "sgd")


@dataclasses.dataclass
class Source:
    """As much of a source of batches as the default rates go by."""

    pairs: float | None = None
    heaviest: float | None = None

    def heaviest_row(self, epochs):
        assert epochs == 5
        return self.heaviest


def test_the_default_rate_goes_by_the_pairs_for_each_number():
    settings = Settings.checked(**GOOD | {"vector_size": 10})
    per_number = [0, 1, 2.5, 3, 5, 7, 10, 12, 15, 1e6]
    alphas = [0.05, 0.05, 0.05, 0.06, 0.1, 0.1, 0.1, 0.12, 0.15, 0.15]
    for pairs, alpha in zip(per_number, alphas, strict=True):
        assert settings.rates(100, Source(1000 * pairs), 5) == pytest.approx((alpha, alpha / 10))
    given = Settings.checked(**GOOD | {"alpha": 0.3, "min_alpha": 0.2})
    assert given.rates(100, Source(1e9), 5) == (0.3, 0.2)
    only_the_end = Settings.checked(**GOOD | {"min_alpha": 0.01, "vector_size": 10})
    assert only_the_end.rates(100, Source(2000), 5) == pytest.approx((0.05, 0.01))


def test_the_default_rate_of_plain_sgd_on_counts_goes_by_the_heaviest_row():
    settings = Settings.checked(**GOOD | {"optimizer": "sgd"})
    for heaviest, alpha in ((0, 0.003), (0.1, 10), (1, 1), (50, 0.02), (1e6, 1e-6)):
        assert settings.rates(100, Source(1e9, heaviest), 5) == pytest.approx((alpha, alpha / 10))
    given = Settings.checked(**GOOD | {"optimizer": "sgd", "alpha": 0.3})
    assert given.rates(100, Source(1e9, 50), 5) == pytest.approx((0.3, 0.03))


def test_default_epochs():
    counts, sgd = (Settings.checked(**GOOD | {"solver": s, "epochs": None}) for s in ("counts", "sgd"))
    few, much = 1.1 * counts.vector_size, 1.3 * counts.vector_size  # tokens for each word
    for each, wanted in ((few, [10, 10, 6]), (much, [20, 20, 6])):
        assert [counts.epochs_of(K, int(each * K)) for K in (1025, 16384, 16385)] == wanted
    assert [counts.epochs_of(K, 10**9) for K in (1, 1024)] == [10, 10]
    assert [sgd.epochs_of(K, 10**9) for K in (1, 16385)] == [5, 5]
    assert Settings.checked(**GOOD | {"epochs": 3}).epochs_of(9, 10**9) == 3


def test_default_batch_rows():
    """64 batches a pass, fewer over few words; whole panels, at least one row, and no more than are worked
    off at once.
    """
    rows = {0: 1, 1: 1, 28: 1, 29: 2, 1000: 36, 1792: 64, 2660: 64, 2661: 128, 4452: 128, 4453: 192}
    rows |= {12_288: 192, 12_289: 256, 22_000: 384, 10**7: 1000}
    assert {K: default_batch_rows(K, 1000) for K in rows} == rows
    assert all(default_batch_rows(K, 150) == min(size, 150) for K, size in rows.items())


@pytest.mark.parametrize("window", [np.int64(4), (np.int32(1), 2), [3, np.int8(2)], None])
def test_values_are_plain(window):
    """Found here: NumPy's integers went into reports, which json refuses."""
    numpys = {
        "vector_size": np.int32(7),
        "epochs": np.int64(2),
        "seed": np.uint64(3),
        "alpha": np.float32(0.25),
        "window": window,
        "batch_size": np.int16(64),
        "max_final_vocab": np.int64(9),
        "sample": np.float64(1e-3),
    }
    shown = Settings.checked(**GOOD | numpys).as_dict()
    assert json.loads(json.dumps(shown))["vector_size"] == 7
    assert {type(value) for value in shown.values()} <= {int, float, str, bool, tuple, type(None)}
    assert list(shown) == [field.name for field in dataclasses.fields(Settings)] == list(GOOD)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.checked(**GOOD).alpha = 1.0


# ---- optim.py ----------------------------------------------------------------------------------------------


def test_rates():
    assert [linear_rate(p, 1.0, 0.2) for p in (0, 0.25, 0.5, 1)] == pytest.approx([1, 0.8, 0.6, 0.2])
    assert linear_rate(-1, 1.0, 0.2) == 1 and linear_rate(7, 1.0, 0.2) == pytest.approx(0.2)
    assert constant_rate(0.9, 1.0, 0.2) == 1
    assert SCHEDULES == {"linear": linear_rate, "constant": constant_rate}


def test_optimizer_state():
    assert Optimizer("sgd", 5).sums_I is None and Optimizer("sgd", 5).sums_O is None
    adagrad = Optimizer("adagrad", 5)
    newton = Optimizer("newton", 5)
    for sums in (adagrad.sums_I, adagrad.sums_O, newton.sums_I, newton.sums_O):
        assert sums.dtype == np.float32 and sums.shape == (5,) and not sums.any()
    with pytest.raises(ValueError, match="optimizer is 'lbfgs'; allowed are"):
        Optimizer("lbfgs", 5)
