"""The model of bench/scaling.py: it counts the bytes that ranks send, and finds prices that were planted."""

import importlib
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from teams import as_ranks

from fastsg import _core
from fastsg.distributed import Share
from fastsg.numerics.newton import Curvature

BENCH = Path(__file__).parent.parent / "bench"
pytestmark = pytest.mark.skipif(not BENCH.is_dir(), reason="bench/ is not beside the tests")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/scaling_model.py."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("scaling_model")


@pytest.fixture
def sizes(model):
    return [model.Size(K, H, P) for K, H, P in product((3000, 20_000, 70_000), (50, 100, 300), (1, 2, 4))]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_bytes_of_a_batch_are_those_that_a_team_counts(model, ranks):
    """For every rank. Control: one node for each rank is not what three ranks have."""
    K, H = 2600, 100
    size = model.Size(K, H, ranks)
    ids = np.arange(size.U, dtype=np.int32) * 7
    batch = ids, np.arange(size.U + 1), ids + 3, np.ones(size.U, np.float32)

    def work(team):
        rng = np.random.default_rng(0)
        I, O = (rng.standard_normal((K, H)).astype(np.float32) / H for _ in range(2))
        workspace = _core.Workspace(K, H, 1024, 1, "float32", None, Share(team, K))
        for _ in range(2):  # the first one also compares bounds
            team.log.clear()
            workspace.step(I, O, np.zeros(0, np.float32), *batch, np.zeros(K, np.float32), 0.01)
        return [sent for _, sent in team.log]

    counted = as_ranks(ranks, work)
    assert counted == [[each.sent for each in model.batch_exchanges(size, r)] for r in range(ranks)]
    one_node = [8 * (size.U + 2) * (ranks - 1) for _ in range(ranks)]
    assert ([sums for sums, *_ in counted] == one_node) == (ranks != 3)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_bytes_of_a_covariance_are_those_that_a_team_counts(model, ranks):
    K, H = 4096, 10
    size = model.Size(K, H, ranks)

    def work(team):
        Curvature(np.ones(K), 1, Share(team, K)).axes(np.ones((K, H), np.float32), 0)
        return team.log

    batch = [sum(each.sent for each in model.batch_exchanges(size, r)) for r in range(ranks)]
    for rank, log in enumerate(as_ranks(ranks, work)):
        lent, *sums = [sent for _, sent in log]
        assert lent <= 4 * H * K // 64
        assert sum(sums) / Curvature.EVERY == pytest.approx(model.sent_bytes(size, rank) - batch[rank])


def test_planted_prices_of_a_rank_are_found(model, sizes):
    """Control: not if ranks were left out of the work."""
    planted = model.Rank(1e-11, 3e-10, 2e-11, 4e-9, 5e-4)
    seconds = [planted.seconds(size) for size in sizes]
    assert model.fit_rank(sizes, seconds) == pytest.approx(planted, rel=1e-6)
    alone = [size._replace(ranks=1) for size in sizes]
    assert model.fit_rank(alone, seconds).flops != pytest.approx(planted.flops, rel=0.1)


def test_measurements_with_errors_foretell_larger_sizes(model, sizes):
    planted = model.Rank(1e-11, 3e-10, 2e-11, 4e-9, 5e-4)
    noise = np.random.default_rng(1).normal(1, 0.02, len(sizes))
    found = model.fit_rank(sizes, [planted.seconds(size) * n for size, n in zip(sizes, noise, strict=True)])
    for size in (model.Size(1_000_000, 300, 16), model.Size(100_000, 200, 64)):
        assert found.seconds(size) == pytest.approx(planted.seconds(size), rel=0.1)


def test_a_planted_link_is_found(model, sizes):
    """Control: not from bytes alone."""
    planted, rank = model.Link(4e-5, 3e-10), model.Rank(0, 0, 0, 0, 0)
    sizes = [size for size in sizes if size.ranks > 1]
    seconds = [model.batch_seconds(size, rank, planted)[1] for size in sizes]
    assert model.fit_link(sizes, seconds) == pytest.approx(planted, rel=1e-6)
    sent = np.array([[model.sent_bytes(size, 0)] for size in sizes])
    assert model.prices(sent, np.array(seconds)) != pytest.approx(planted.per_byte, rel=0.1)


def test_links_behind_each_other(model):
    assert model.Link(4e-5, 3e-10).then(model.Link(2e-4, 8e-9)) == model.Link(2e-4 + 4e-5, 8e-9)
    assert model.Link(1, 2).then(model.Link(0, 0)) == model.Link(1, 2)


def test_no_price_is_below_nothing(model):
    """Control: plain least squares gives one that is."""
    units, seconds = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 6.0]]), np.array([1.0, 1.9, 2.5])
    assert np.linalg.lstsq(units, seconds, rcond=None)[0].min() < 0
    found = model.prices(units, seconds)
    assert found.min() == 0 and found[0] == pytest.approx(0.92, abs=0.05)


def test_one_rank_exchanges_nothing(model):
    size, rank = model.Size(70_000, 100, 1), model.Rank(1e-11, 0, 0, 0, 0)
    assert model.batch_seconds(size, rank, model.Link(1, 1))[1] == 0
    flops = 70_000 * 100 * (6 * size.U + 2 * 100 / Curvature.EVERY)
    assert model.pass_seconds(size, rank, model.Link(1, 1)) == pytest.approx(size.batches * flops * 1e-11)


def test_what_cannot_be_run_is_known(model):
    assert model.Size(100_000, 100, 64).can_run and not model.Size(100_000, 100, 128).can_run
    assert model.Size(2600, 100, 4).can_run and not model.Size(2600, 100, 16).can_run
    assert [model.Size(K, 100, 1).U for K in (6400, 65_536, 10_000_000)] == [192, 1024, 64]


def test_frames_keep_their_order_rate_and_delay(model):
    shaper = importlib.import_module("slow_link").Shaper(delay=2e-4, per_byte=1e-8)
    assert shaper.due(0, 9000) == pytest.approx(2.9e-4)
    assert shaper.due(0, 9000) == pytest.approx(3.8e-4)  # behind the first
    assert shaper.due(1, 100) == pytest.approx(1.000201)  # the link was free


ANSWER = (
    "import socket; server = socket.create_server(('10.77.0.2', 7777)); print(1, flush=True); server.accept()"
)
ASK = """
import socket, time
begun = time.perf_counter()
socket.create_connection(("10.77.0.2", 7777), timeout=10)
print(time.perf_counter() - begun)
"""


def seconds_to_connect(link, delay):
    """Between two namespaces: it takes a packet each way, and before them as many to find the address."""
    with link.slow_link(delay, 0.0) as names:
        inside = [["ip", "netns", "exec", name, sys.executable, "-c"] for name in names]
        with subprocess.Popen([*inside[1], ANSWER], stdout=subprocess.PIPE) as server:
            assert server.stdout and server.stdout.readline() == b"1\n"
            return float(subprocess.check_output([*inside[0], ASK], timeout=30))


@pytest.mark.skipif(
    not Path("/dev/net/tun").exists() or not shutil.which("ip"), reason="needs TAP devices, ip"
)
def test_the_link_between_namespaces_is_late(model):
    """Control: without a delay it is not."""
    link = importlib.import_module("slow_link")
    try:
        assert seconds_to_connect(link, 0.0) < 0.1
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no namespaces here: {error}")
    assert 0.2 < seconds_to_connect(link, 0.05) < 0.4
