"""Malformed input at the boundary of the compiled part: the exception and its message, and that nothing was
written.
"""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
from conftest import NO_BIAS

from fastsg import _core, _counting, _text, _walks

K, H = 12, 4


def good():
    """Arguments of Workspace.step by name, in order."""
    rng = np.random.default_rng(1)
    return {
        "I_kh": rng.random((K, H), np.float32),
        "O_kh": rng.random((K, H), np.float32),
        "bias_k": NO_BIAS,
        "ids": np.array([1, 5, 11], np.int32),
        "row_ptr": np.array([0, 2, 2, 4]),
        "contexts": np.array([0, 3, 2, 11], np.int32),
        "counts": np.ones(4, np.float32),
        "shift_k": np.zeros(K, np.float32),
        "rate": 0.1,
        "adagrad_I": None,
        "adagrad_O": None,
    }


def workspace():
    return _core.Workspace(K, H, 32, 2)


def read_only(array):
    array.setflags(write=False)
    return array


STEP = {  # what is wrong: (argument, value or function of the good one, exception, message)
    "I is float64": (
        "I_kh",
        lambda x: x.astype(np.float64),
        ValueError,
        "Buffer dtype mismatch, expected '.*float' but got 'double'",
    ),
    "I is a list": ("I_kh", lambda x: x.tolist(), TypeError, "a bytes-like object is required, not 'list'"),
    "I is None": ("I_kh", None, TypeError, "Argument 'I_kh' must not be None"),
    "bias is None": ("bias_k", None, TypeError, "Argument 'bias_k' must not be None"),
    "ids are None": ("ids", None, TypeError, "Argument 'ids' must not be None"),
    "counts are None": ("counts", None, TypeError, "Argument 'counts' must not be None"),
    "I is flat": ("I_kh", lambda x: x.ravel(), ValueError, "wrong number of dimensions"),
    "I is transposed": ("I_kh", lambda x: x.T, ValueError, "not C.contiguous"),
    "I is every other row": ("I_kh", lambda x: np.repeat(x, 2, 0)[::2], ValueError, "not C.contiguous"),
    "I is backwards": ("I_kh", lambda x: x[::-1], ValueError, "not C.contiguous"),
    "I is read-only": ("I_kh", read_only, ValueError, "read-only"),
    "I is too narrow": (
        "I_kh",
        lambda x: x[:, :3].copy(),
        ValueError,
        r"I_kh is \(12, 3\) and O_kh \(12, 4\); need \(any, 4\) and \(12, 4\)",
    ),
    "I is big-endian": ("I_kh", lambda x: x.astype(">f4"), ValueError, "Big-endian buffer not supported"),
    "O is read-only": ("O_kh", read_only, ValueError, "read-only"),
    "O is short": ("O_kh", lambda x: x[:-1], ValueError, r"O_kh \(11, 4\); need"),
    "O is long": ("O_kh", lambda x: np.concatenate([x, x]), ValueError, r"O_kh \(24, 4\); need"),
    "O is Fortran": ("O_kh", np.asfortranarray, ValueError, "not C.contiguous"),
    "bias is short": (
        "bias_k",
        np.zeros(K - 1, np.float32),
        ValueError,
        "bias_k has 11 values; need 0 or 12",
    ),
    "bias is float64": ("bias_k", np.zeros(K), ValueError, "Buffer dtype mismatch"),
    "id below 0": (
        "ids",
        np.array([-1, 5, 11], np.int32),
        ValueError,
        r"centers\[0\] is -1; ids must lie in \[0, 12\)",
    ),
    "id beyond K": (
        "ids",
        np.array([1, 5, K], np.int32),
        ValueError,
        r"centers\[2\] is 12; ids must lie in \[0, 12\)",
    ),
    "ids are int64": (
        "ids",
        np.array([1, 5, 11]),
        ValueError,
        "Buffer dtype mismatch, expected 'const int32_t'",
    ),
    "too few ids": (
        "ids",
        np.array([1, 5], np.int32),
        ValueError,
        "row_ptr must hold 3 values from 0 to the 4 contexts",
    ),
    "row_ptr is short": ("row_ptr", np.array([0, 2, 4]), ValueError, "row_ptr must hold 4 values"),
    "row_ptr is empty": ("row_ptr", np.zeros(0, np.int64), ValueError, "row_ptr must hold 4 values"),
    "row_ptr starts late": (
        "row_ptr",
        np.array([1, 2, 2, 4]),
        ValueError,
        "row_ptr must hold 4 values from 0",
    ),
    "row_ptr ends early": ("row_ptr", np.array([0, 2, 2, 3]), ValueError, "to the 4 contexts"),
    "row_ptr falls": ("row_ptr", np.array([0, 3, 2, 4]), ValueError, "row_ptr falls at row 1"),
    "row_ptr rises too far": ("row_ptr", np.array([0, 2**62, 2, 4]), ValueError, "row_ptr falls at row 1"),
    "row_ptr is int32": ("row_ptr", np.array([0, 2, 2, 4], np.int32), ValueError, "Buffer dtype mismatch"),
    "context below 0": ("contexts", np.array([0, 3, -2, 11], np.int32), ValueError, r"contexts\[2\] is -2"),
    "context beyond K": ("contexts", np.array([0, 3, 2, 12], np.int32), ValueError, r"contexts\[3\] is 12"),
    "contexts fall": (
        "contexts",
        np.array([3, 0, 2, 11], np.int32),
        ValueError,
        r"contexts\[1\] is 0 after 3; the contexts of a row must be distinct and rise",
    ),
    "a context repeats": (
        "contexts",
        np.array([0, 3, 11, 11], np.int32),
        ValueError,
        r"contexts\[3\] is 11 after 11",
    ),
    "counts are short": ("counts", np.ones(3, np.float32), ValueError, "and counts as many as contexts"),
    "a count is 0": (
        "counts",
        np.float32([1, 0, 1, 1]),
        ValueError,
        r"counts\[1\] is 0.0; counts must lie in \[1e-20, 3e\+38\]",
    ),
    "a count is negative": ("counts", np.float32([1, 1, -1, 1]), ValueError, r"counts\[2\] is -1.0"),
    "a count is NaN": ("counts", np.float32([1, 1, 1, np.nan]), ValueError, r"counts\[3\] is nan"),
    "a count is infinite": ("counts", np.float32([np.inf, 1, 1, 1]), ValueError, r"counts\[0\] is inf"),
    "shift is short": ("shift_k", np.zeros(K - 1, np.float32), ValueError, "shift_k has 11 values; need 12"),
    "shift is read-only": ("shift_k", read_only, ValueError, "read-only"),
    "rate is a str": ("rate", "fast", TypeError, "must be real number"),
    "Adagrad is short": (
        "adagrad_I",
        np.zeros(K - 1, np.float32),
        ValueError,
        "must hold a value for each row of I_kh and O_kh",
    ),
    "Adagrad is read-only": ("adagrad_I", read_only(np.zeros(K, np.float32)), ValueError, "read-only"),
}


@pytest.mark.parametrize("case", STEP)
def test_step_refuses(case):
    name, value, exception, message = STEP[case]
    args = good()
    if name == "adagrad_I":
        args["adagrad_O"] = np.zeros(K, np.float32)
    args[name] = value(args[name]) if callable(value) else value
    before = {k: v.tobytes() for k, v in args.items() if isinstance(v, np.ndarray)}
    with pytest.raises(exception, match=message):
        workspace().step(*args.values())
    assert {k: v.tobytes() for k, v in args.items() if isinstance(v, np.ndarray)} == before


def test_what_rows_weigh_may_be_told():
    """As many numbers as rows. Control: others than the sums of the entries make another step."""
    moved = []
    for weights in (None, np.array([2.0, 0.0, 2.0]), np.array([2.0, 0.0, 2.5])):
        args = good()
        workspace().step(*args.values(), None, weights)
        moved.append(args["I_kh"].tobytes() + args["O_kh"].tobytes())
    assert moved[0] == moved[1] != moved[2]
    with pytest.raises(ValueError, match="weights has 2 values; need 3"):
        workspace().step(*good().values(), None, np.ones(2))
    with pytest.raises(ValueError, match="dtype mismatch"):
        workspace().step(*good().values(), None, np.ones(3, np.float32))


def test_one_of_two_adagrad_sums_is_refused():
    args = good() | {"adagrad_I": np.zeros(K, np.float32)}
    with pytest.raises(ValueError, match="adagrad_I and adagrad_O must be given both or neither"):
        workspace().step(*args.values())


def test_control_good_arguments_pass():
    args = good()
    assert workspace().step(*args.values()) > 0


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in STEP
        if STEP[case][0] not in ("shift_k", "rate", "adagrad_I") and "read-only" not in case
    ],
)
def test_loss_and_gradient_refuse(case):
    name, value, exception, message = STEP[case]
    args = dict(list(good().items())[:7])
    args[name] = value(args[name]) if callable(value) else value
    for call in (workspace().loss, workspace().gradient):
        with pytest.raises(exception, match=message):
            call(*args.values())


def test_loss_and_gradient_read_read_only_arrays():
    args = {name: read_only(x) if isinstance(x, np.ndarray) else x for name, x in list(good().items())[:7]}
    loss, gI, gO = workspace().gradient(*args.values())
    assert (
        loss == pytest.approx(workspace().loss(*args.values()), rel=1e-6)
        and gI.shape == (3, H)
        and gO.shape == (K, H)
    )


@pytest.mark.parametrize(
    "log_z", [np.zeros(2), np.zeros(4), np.zeros(3, np.float32), read_only(np.zeros(3)), [0.0] * 3]
)
def test_log_z_must_fit(log_z):
    message = r"log_z has|Buffer dtype mismatch|read-only|bytes-like"
    with pytest.raises((ValueError, TypeError), match=message):
        workspace().loss(*list(good().values())[:7], log_z)


@pytest.mark.parametrize("sizes", [(0, 4, 32, 1), (4, 0, 32, 1), (4, 4, 0, 1), (4, 4, 32, 0), (-1, 4, 32, 1)])
def test_workspace_needs_sizes(sizes):
    with pytest.raises(ValueError, match=r"K, H, rows and num_threads are .*; all must be at least 1"):
        _core.Workspace(*sizes)


def ids(*values):
    return np.array(values, np.int32)


def test_check_ids():
    _core.check_ids("tokens", ids(0, 11), 12)
    _core.check_ids("tokens", ids(), 12)
    for bad in (-1, 12, 2**31 - 1, -(2**31)):
        with pytest.raises(ValueError, match=rf"tokens\[1\] is {bad}; ids must lie in \[0, 12\)"):
            _core.check_ids("tokens", ids(0, bad), 12)


@pytest.mark.parametrize(
    "tokens, offsets, message",
    [
        ([0, 1, 12], [0, 3], r"tokens\[2\] is 12"),
        ([0, -1], [0, 2], r"tokens\[1\] is -1"),
        ([0, 1], [], "offsets must start at 0 and end at the number of tokens, 2"),
        ([0, 1], [1, 2], "offsets must start at 0"),
        ([0, 1], [0, 1], "end at the number of tokens, 2"),
        ([0, 1], [0, 3], "end at the number of tokens, 2"),
        ([0, 1], [0, 2, 1, 2], r"offsets\[2\] is 1, below offsets\[1\] = 2"),
        ([0, 1], [0, -1, 2], r"offsets\[1\] is -1, below offsets\[0\] = 0"),
        ([0, 1], [0, 2**60, 2], r"offsets\[2\] is 2, below"),
    ],
)
def test_check_corpus(tokens, offsets, message):
    with pytest.raises(ValueError, match=message):
        _core.check_corpus(np.array(tokens, np.int32), np.array(offsets, np.int64), 12)


def test_check_corpus_takes_empty_sentences():
    _core.check_corpus(ids(0, 1), np.array([0, 0, 1, 1, 2, 2]), 12)
    _core.check_corpus(ids(), np.array([0]), 12)


@pytest.mark.parametrize("start, stop", [(-1, 2), (0, 4), (2, 1), (4, 4)])
def test_positions_outside_the_text(start, stop):
    none = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match=rf"positions \[{start}, {stop}\) lie outside the 3 tokens"):
        _core.group_windows(ids(0, 1, 2), np.array([0, 3]), start, stop, 3, 1, 1, none, none, False, 0, 0)


def test_window_weights_must_reach():
    one = np.ones(1, np.float32)
    for left, right in ((2, 1), (1, 2)):
        with pytest.raises(ValueError, match="must hold a weight for every distance"):
            _core.group_windows(ids(0, 1, 2), np.array([0, 3]), 0, 3, 3, left, right, one, one, False, 0, 0)


@pytest.mark.parametrize(
    "centers, contexts, weights, message",
    [
        (ids(0, 3), ids(0, 1), [1, 1], r"centers\[1\] is 3; ids must lie in \[0, 3\)"),
        (ids(0, 1), ids(-1, 1), [1, 1], r"contexts\[0\] is -1"),
        (ids(0, 1), ids(1), [1, 1], "centers, contexts and weights have 2, 1 and 2 values"),
        (ids(0, 1), ids(1, 1), [1], "have 2, 2 and 1 values"),
        (ids(0, 1), ids(1, 1), [1, -1], r"weights\[1\] is -1.0; weights must lie in \[0, 3e\+38\]"),
        (ids(0, 1), ids(1, 1), [np.nan, 1], r"weights\[0\] is nan"),
        (ids(0, 1), ids(1, 1), [1, np.inf], r"weights\[1\] is inf"),
    ],
)
def test_group_pairs_refuses(centers, contexts, weights, message):
    with pytest.raises(ValueError, match=message):
        _core.group_pairs(centers, contexts, np.array(weights, np.float32), 3)


@pytest.mark.parametrize(
    "row_ptr, contexts, counts",
    [
        ([], 0, 0),
        ([], 2, 2),
        ([0], 2, 2),
        ([0, 3], 2, 2),
        ([0, 2], 2, 1),
        ([0, 2], 1, 2),
        ([0, 2, 1, 2], 2, 2),
    ]
    + [([0, 10**15, 2], 2, 2), ([0, -(10**15), 2], 2, 2), ([2, 2], 2, 2)],
)
def test_counts_are_not_looked_at_beyond_their_ends(row_ptr, contexts, counts):
    with pytest.raises(ValueError, match="row_ptr"):
        _core.bad_entry(
            np.array(row_ptr, np.int64), np.arange(contexts, dtype=np.int32), np.ones(counts, np.float32), 9
        )


def test_limits_of_a_count():
    """A float32 at a limit passes everywhere, the next one does not."""
    assert _core.LEAST_COUNT == _counting.LEAST_COUNT == 1e-20 and _core.MOST_COUNT == 3e38
    least, most = np.float32(_core.LEAST_COUNT), np.float32(_core.MOST_COUNT)
    less, more = np.nextafter(least, np.float32(0)), np.nextafter(most, np.float32(np.inf))
    row_ptr = np.array([0, 2])
    assert _core.bad_entry(row_ptr, ids(0, 1), np.float32([least, most]), 2) == -1
    assert _core.bad_entry(row_ptr, ids(0, 1), np.float32([least, more]), 2) == 1
    assert _core.bad_entry(row_ptr, ids(0, 1), np.float32([less, most]), 2) == 0
    counts = _core.group_pairs(ids(0, 0, 0), ids(0, 1, 2), np.float32([less, least, most]), 3)[3]
    assert counts.tolist() == [least, most]
    with pytest.raises(ValueError, match=r"weights\[0\] is 3.*e\+38; weights must lie in \[0, 3e\+38\]"):
        _core.group_pairs(ids(0), ids(0), np.float32([more]), 3)
    args = good() | {"counts": np.float32([1, 1, less, 1])}
    with pytest.raises(ValueError, match=r"counts\[2\] is .*e-21; counts must lie in \[1e-20, 3e\+38\]"):
        workspace().step(*args.values())


def test_random_garbage_is_refused_or_right(rng):
    """Arguments torn at random: an exception, or a finite result. Nothing crashes."""
    garbage = [
        lambda x: x[:-1],
        lambda x: x[::-1],
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int64),
        lambda x: x.reshape(-1)[:0],
        lambda x: None,
        lambda x: x - 5,
        lambda x: x + 5,
        lambda x: x[..., None],
        lambda x: np.repeat(x, 2, 0),
        lambda x: x * 2**20,
    ]
    refused = 0
    for _ in range(600):
        args = good()
        for name in rng.choice(list(args)[:8], rng.integers(1, 4), replace=False):
            args[name] = garbage[rng.integers(len(garbage))](args[name]) if args[name] is not None else None
        try:
            assert np.isfinite(workspace().step(*args.values()))
        except (ValueError, TypeError, FloatingPointError):
            refused += 1
    assert 300 < refused < 600


# ---- stubs ----


def compiled_functions(module):
    """Functions and methods of a compiled module by name, without special ones."""
    own = {name: x for name, x in vars(module).items() if getattr(x, "__module__", "") == module.__name__}
    classes = {name: x for name, x in own.items() if isinstance(x, type)}
    methods = {f"{name}.{key}": getattr(x, key) for name, x in classes.items() for key in vars(x)}
    found = {name: x for name, x in (own | methods).items() if callable(x) and not isinstance(x, type)}
    return {name: function for name, function in found.items() if "__" not in name}


def stub_complaints(module, source):
    """Functions and constants of a compiled module that the stub lacks, or gives other parameters."""
    body = ast.parse(source).body
    stubs = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.ClassDef):
            stubs |= {f"{node.name}.{x.name}": x for x in node.body if isinstance(x, ast.FunctionDef)}
    constants = {ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)}
    complaints = []
    for name, function in compiled_functions(module).items():
        if name not in stubs:
            complaints.append(f"{name} is missing")
            continue
        parameters = list(inspect.signature(function).parameters)
        if parameters != [argument.arg for argument in stubs[name].args.args][: len(parameters)]:
            complaints.append(f"{name} takes {parameters}")
    return complaints + [
        f"{name} is missing" for name in vars(module) if name.isupper() and name not in constants
    ]


def stub_of(module):
    """The text of a compiled module's stub."""
    return (Path(module.__file__).parent / f"{module.__name__.split('.')[-1]}.pyi").read_text()


@pytest.mark.parametrize("module", [_core, _counting, _text, _walks])
def test_stubs_know_every_function(module):
    assert stub_complaints(module, stub_of(module)) == []


@pytest.mark.parametrize(
    "right, wrong, complaints",
    [
        ("def isa()", "def isb()", ["isa is missing"]),
        ("SLICE: int", "", ["SLICE is missing"]),
        ("ids: _Ids, K", "K: int, ids", ["check_ids takes ['name', 'ids', 'K', 'first']"]),
        ("def invalidate_bounds", "def forget", ["Workspace.invalidate_bounds is missing"]),
    ],
)
def test_control_stubs(right, wrong, complaints):
    assert len(compiled_functions(_core)) > 25
    assert stub_complaints(_core, stub_of(_core).replace(right, wrong)) == complaints


def test_control_stub_of_a_method():
    (complaint,) = stub_complaints(_core, stub_of(_core).replace("log_z:", "z:"))
    assert complaint.startswith("Workspace.loss takes ['self', ")


def test_centers_of_a_step_are_distinct(problem):
    p = problem(20, 4, 5)
    centers, row_ptr, contexts, counts = p.batch
    twice = centers.copy()
    twice[1] = twice[0]
    with pytest.raises(
        ValueError, match=r"centers\[1\] is \d+ after \d+; the centers of a step must be distinct"
    ):
        p.workspace().gradient(p.I, p.O, p.bias, twice, row_ptr, contexts, counts)
