"""The estimate of memory: plausible beside what is really taken, and said before anything is allocated."""

import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab, _core
from fastsg.numerics import objective
from fastsg.system import memory
from fastsg.training.memory import CountSizes, distinct_pairs, estimate_with_counts, kept_tokens

TEXT = [[f"w{i}" for i in range(j, j + 20)] for j in range(300)]


def model(**settings):
    made = SkipGram(
        **{"vector_size": 32, "min_count": 1, "workers": 2, "epochs": 1, "sample": 0, "progress": False}
        | settings
    )
    made.build_vocab(TEXT)
    return made


def test_parts_add_up():
    parts = model().estimate_memory()
    assert set(parts) >= {"matrices", "optimizer", "scratch", "vocabulary", "tokens", "total"}
    assert parts["total"] == sum(size for name, size in parts.items() if name != "total")
    K = len(model().vocab)
    assert parts["matrices"] == 2 * 4 * K * 32 and parts["tokens"] == 4 * 300 * 20


@pytest.mark.parametrize(
    "K, H, rows, batch",
    [(5000, 50, 1024, 3000), (5000, 50, 1024, 200), (40_000, 20, 96, 90), (300, 100, 64, 300)],
)
def test_scratch_is_what_a_workspace_takes(problem, K, H, rows, batch):
    """Within 15 % of what NumPy reports for it, besides the pairs themselves."""
    p = problem(K, H, batch, pairs=1)
    I, O = p.copy()
    U = len(p.centers)
    tracemalloc.start()
    try:
        workspace = p.workspace(rows, 2)
        workspace.step(I, O, p.bias, *p.batch, np.zeros(K, np.float32), 0.1)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _core.scratch_bytes(K, H, rows, U, 2) == pytest.approx(taken, rel=0.15)


@pytest.mark.parametrize("course", ["one epoch", "stages"])
def test_the_estimate_holds_for_a_process(course):
    """Peak size of a process that trains, beside what it was after a tiny model."""
    code = """
import sys
from fastsg import SkipGram
from fastsg.system import memory
staged = sys.argv[1] == "stages"
options = {"epochs": 3, "sample": 1e-5, "head": 0.5} if staged else {"epochs": 1, "sample": 0}
for words in (20, 10000):
    model = SkipGram(vector_size=64, min_count=1, workers=2, batch_size=4096, progress=False, **options)
    model.build_vocab([[f"w{i}" for i in range(j, j + 10)] for j in range(0, words, 10)])
    model.train()
    print(memory.peak_rss_bytes())
assert not staged or {record["words"] for record in model.history} == {10000, 5000}
print(model.estimate_memory()["total"])
"""
    done = subprocess.run([sys.executable, "-c", code, course], capture_output=True, text=True, check=True)
    small, large, estimated = map(int, done.stdout.split())
    assert 0.5 * estimated < large - small < 1.5 * estimated


def test_require_says_the_estimate(monkeypatch):
    needed = {"matrices": 3 * 2**30, "scratch": 2**30, "total": 2**32}
    monkeypatch.setattr(memory, "available", lambda: 2**31)
    with pytest.raises(
        MemoryError,
        match=r"it needs about 4.00 GiB \(matrices 3.00, scratch 1.00\), 2.00 GiB are free; lower",
    ):
        memory.require(needed, "it")
    monkeypatch.setattr(memory, "available", lambda: 2**32)
    memory.require(needed, "it")
    for counts, mapped in ((2 * 2**30, False), (2 * 2**30 + 1, True)):  # most of it, or not
        monkeypatch.setattr(memory, "available", lambda: 2**31)
        with pytest.raises(MemoryError, match="raise min_count") as refused:
            memory.require({"counts": counts, "total": 2**32}, "it")
        assert ("fastsg count --memory-limit" in str(refused.value)) == mapped
    monkeypatch.setattr(memory, "available", lambda: None)  # nobody knows
    memory.require(needed, "it")


def test_a_model_that_cannot_fit_is_refused_before_anything_is_allocated(monkeypatch):
    laid_out = []
    monkeypatch.setattr("fastsg.training.state.TrainingState.start", lambda *args: laid_out.append(args))
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    with pytest.raises(
        MemoryError, match=r"training 319 words of 32 coordinates needs about 0.0\d GiB \(matrices"
    ):
        model()
    assert not laid_out


def test_the_text_that_is_there_is_not_asked_for_again(monkeypatch):
    parts = model(solver="sgd").estimate_memory()
    needed = parts["total"] - parts["tokens"]
    monkeypatch.setattr(memory, "available", lambda: needed)
    model(solver="sgd")
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(MemoryError, match=r"\(matrices [\d.]+, optimizer [\d.]+, scratch .*, vocabulary"):
        model(solver="sgd")


def test_counts_that_are_there_are_not_asked_for_again_but_their_start_is(monkeypatch):
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(TEXT, min_count=1))

    def trained():
        SkipGram(vector_size=32, workers=1, epochs=1, progress=False).fit_counts(counts)

    K, symmetric = len(counts.vocab), CountSizes(counts.nnz, 0, 0, 0.0, True)
    assert CountSizes.of(counts) == symmetric and symmetric.bytes == 8 * counts.nnz
    parts = estimate_with_counts(SkipGram(vector_size=32).settings, K, 1, symmetric)
    start = int(8 * counts.nnz + 3.5 * parts["matrices"]) - parts["scratch"] - parts["pairs"]
    needed = sum(parts[name] for name in ("matrices", "optimizer", "scratch", "vocabulary", "pairs"))
    needed += max(start, 0)
    monkeypatch.setattr(memory, "available", lambda: needed)
    trained()
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(MemoryError, match=f"training {K} words of 32 coordinates needs about") as refused:
        trained()
    assert re.search(r"start \d", str(refused.value)) and "counts" not in str(refused.value)


MB = 2**20
COUNTED = CountSizes(entries=3 * MB, thinned=2 * MB, tokens=MB, kept=MB / 2, symmetric=True)


@pytest.mark.parametrize(
    "changes, init, before",
    [
        ({"thinned": 0}, "random", 8 * 3 + 8 * 4 + 8 * 1),  # the text is counted, 4 million entries at once
        ({"entries": MB, "thinned": 6 * MB}, "random", 8 + (8 * 6 + 8 * 4) + 8 / 2),  # its copies are
        ({"entries": MB, "thinned": MB, "kept": 50 * MB}, "random", 8 + (4 + 8) * 50),
        ({"thinned": 0, "kept": 50 * MB}, "random", 8 * 3 + 8 * 4 + 8 * 1),  # there are no copies
        ({"tokens": 0}, "random", 0),
        ({"tokens": 0}, "svd", 8 * 5 + 8 * 2),  # the start copies what it begins on
        ({"tokens": 0, "thinned": 0}, "svd", 8 * 3 + 8 * 3),
        ({"tokens": 0, "symmetric": False}, "svd", 8 * 5 + 28 * 2),
        ({"entries": 0, "thinned": 0, "tokens": 0}, "svd", 0),
    ],
)
def test_counts_take_the_most_that_is_needed_at_a_time(changes, init, before):
    """Counting, then the start, then the epochs, which have scratch and batches besides the counts."""
    sizes, K = COUNTED._replace(**changes), 1000
    settings = SkipGram(vector_size=8, init=init).settings
    parts = estimate_with_counts(settings, K, 1, sizes)
    matrices = 2 * 4 * K * 8
    starts = 3.5 * matrices if init == "svd" and sizes.entries else 0
    epochs = 8 * (sizes.entries + sizes.thinned)
    later = parts["scratch"] + parts["pairs"]
    assert parts["counts"] == int(max(epochs, before * MB + starts - later))
    assert before * MB + starts - later > epochs or before == 0
    assert parts["pairs"] == 14 * max(sizes.entries, sizes.thinned) * 36 // 1000
    assert parts["tokens"] == 4 * sizes.tokens and parts["matrices"] == matrices


@pytest.mark.parametrize("draws, kept", [(0, 300), (1, 150), (3, 450)])
def test_tokens_of_all_copies(draws, kept):
    """Half of them is dropped; expected counts are of the whole text."""
    vocab = Vocab(["a", "b"], np.array([200, 100]))
    settings = SkipGram(draws=draws, sample=1.0).settings
    assert kept_tokens(settings, vocab, 300) == (300 if draws == 0 else 300 * draws)
    keep = vocab.keep_probabilities(0.1)
    settings = SkipGram(draws=draws, sample=0.1).settings
    wanted = 300 if draws == 0 else draws * (200 * keep[0] + 100 * keep[1])
    assert kept_tokens(settings, vocab, 300) == pytest.approx(wanted) and (keep < 1).all()


def test_a_bound_on_different_pairs():
    assert [distinct_pairs(10, pairs) for pairs in (0, 50, 10**6)] == [0, 50, 100]
    assert distinct_pairs(10**6, 10**8) == 40 * 10**6


@pytest.mark.parametrize("window", [(5, 0), 5])
def test_the_forecast_holds_for_a_process(window):
    """What thinned counts and their start take, one-sided or not, beside the peak of a process."""
    code = """
import sys
from fastsg import SkipGram
from fastsg.system import memory
import numpy as np
window = eval(sys.argv[1])
ids = np.minimum(np.random.default_rng(0).zipf(1.2, 600_000), 12_000)
for size in (1000, 600_000):
    text = [f"w{i}" for i in ids[:size].tolist()]
    text = [text[i : i + 1000] for i in range(0, size, 1000)]
    model = SkipGram(vector_size=16, window=window, min_count=1, workers=2, epochs=2, progress=False)
    model.build_vocab(text)
    before = memory.peak_rss_bytes()
    model.train()
    print(before, memory.peak_rss_bytes())
parts = model.estimate().memory
print(parts["total"], parts["tokens"])
"""
    done = subprocess.run([sys.executable, "-c", code, repr(window)], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    _, _, before, peak, total, tokens = map(int, done.stdout.split())
    assert 0.6 * (total - tokens) < peak - before < 1.2 * (total - tokens)


def test_a_model_refused_stays_untrained(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(memory, "available", lambda: 10_000)
        made = SkipGram(vector_size=32, min_count=1, workers=2, epochs=1, progress=False)
        with pytest.raises(MemoryError):
            made.build_vocab(TEXT)
    made.build_vocab(TEXT)
    assert made.train().history


def test_available():
    free = memory.available()
    assert free is None or 0 <= free < 2**50
    assert memory.peak_rss_bytes() > 10 * 2**20


def test_address_space_limit_counts():
    code = "import resource; from fastsg.system import memory; "
    code += "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); print(memory.available())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 0 < int(out) < 2**33


V1 = "9:cpu:/x\n4:memory:/a\n"
IDLE = "anon 100\ninactive_file 250\ntotal_inactive_file 300\nactive_file 7\n"


@pytest.mark.parametrize(
    "membership, files, free",
    [
        ("0::/", {}, None),
        ("0::/", {"memory.max": "max", "memory.current": "5"}, None),
        ("0::/", {"memory.max": "garbage", "memory.current": "5"}, None),
        ("0::/", {"memory.max": "1000", "memory.current": "400"}, 600),
        ("0::/", {"memory.max": "1000", "memory.current": "1400"}, 0),
        ("0::/", {"memory.max": "1000", "memory.current": "400", "memory.stat": IDLE}, 850),
        ("0::/", {"memory.max": "1000", "memory.current": "100", "memory.stat": IDLE}, 1000),
        ("0::/", {"memory.max": "1000", "memory.current": "400", "memory.stat": "inactive_file"}, 600),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "1000", "a/memory.current": "400"}, 600),
        (
            "0::/a",
            {"a/memory.max": "1000", "a/memory.current": "400", "memory.max": "900", "memory.current": "800"},
            100,
        ),
        ("0::/of/the/host", {"memory.max": "1000", "memory.current": "400"}, 600),
        (
            V1,
            {
                "memory/a/memory.limit_in_bytes": "1000",
                "memory/a/memory.usage_in_bytes": "400",
                "memory/a/memory.stat": IDLE,
            },
            900,
        ),
        (
            V1,
            {"memory/memory.limit_in_bytes": str(2**63 - 4096), "memory/memory.usage_in_bytes": "400"},
            None,
        ),
        (V1, {"cpu/x/memory.limit_in_bytes": "1000"}, None),
    ],
)
def test_control_group(tmp_path, membership, files, free):
    (tmp_path / "cgroup").write_text(membership)
    for name, content in files.items():
        path = tmp_path / "mounts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    assert memory._cgroup(str(tmp_path / "cgroup"), str(tmp_path / "mounts")) == free


def test_batches_beyond_a_block_keep_the_whole_gradient():
    few, many = (_core.scratch_bytes(10_000, 100, 64, batch, 2) for batch in (64, 65))
    assert many - few > 4 * 9_000 * 100


def test_block_rows_bound_the_scratch():
    for K in (1000, 10**5, 10**6):
        rows = objective.block_rows(K)
        assert (
            _core.scratch_bytes(K, 100, rows, rows, 2) < 2.2 * objective.SCRATCH_BYTES + 64 * 4 * 1024 * 101
        )
