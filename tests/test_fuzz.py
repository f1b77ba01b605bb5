"""The fuzzers of the C readers build, find nothing in their seeds, and find slips that are planted.

tools/fuzz runs them for longer. Skipped where there is no clang with libFuzzer.
"""

import shutil
import subprocess

import pytest
from conftest import PROJECT, needs_checkout

FUZZ, KERNELS = PROJECT / "tests" / "fuzz", PROJECT / "fastsg" / "kernels"
MADE_OF = {"text": ["text"], "decimal": ["decimal"], "rows": ["vector_rows", "decimal"]}
#: Of each fuzzer a bound that is not checked any more: (file, what stands there, what is planted).
SLIPS = {
    "text": ("text.c", "while (i + 32 <= n && ascii32", "while (i < n && ascii32"),
    "decimal": ("decimal.c", "if (*used < MOST_DIGITS)", "if (*used < 2 * MOST_DIGITS)"),
    "rows": ("vector_rows.c", "if (length == 0 || length > run->max_word)", "if (length == 0)"),
}

pytestmark = [needs_checkout, pytest.mark.skipif(not shutil.which("clang"), reason="needs clang")]


def built(name, kernels, place):
    """The fuzzer of a reader."""
    sources = [FUZZ / f"fuzz_{name}.c", *(kernels / f"{kernel}.c" for kernel in MADE_OF[name])]
    flags = f"-std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I{kernels}"
    command = ["clang", *flags.split(), *sources, "-lm", "-o", place / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "libclang_rt.fuzzer" in done.stderr:
        pytest.skip("this clang has no libFuzzer")
    assert done.returncode == 0, done.stderr
    return place / name


def run(fuzzer, name, runs):
    """Its seeds, and so many changes of them."""
    seeds = FUZZ / "corpus" / name
    assert len(list(seeds.iterdir())) > 10
    corpus = fuzzer.parent / "corpus"
    corpus.mkdir()
    command = [fuzzer, corpus, seeds, f"-runs={runs}", "-seed=1", f"-artifact_prefix={fuzzer.parent}/"]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.parametrize("name", MADE_OF)
def test_nothing_is_found(name, tmp_path):
    done = run(built(name, KERNELS, tmp_path), name, 20_000)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", MADE_OF)
def test_control_a_slip_is_found(name, tmp_path):
    file, old, new = SLIPS[name]
    kernels = shutil.copytree(KERNELS, tmp_path / "kernels")
    source = (kernels / file).read_text()
    assert source.count(old) == 1
    (kernels / file).write_text(source.replace(old, new))
    assert run(built(name, kernels, tmp_path), name, 300_000).returncode != 0
