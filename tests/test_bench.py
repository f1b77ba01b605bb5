"""What the benches make of runs: tables over seeds, ranks over texts, a text in two parts. One run trains."""

import importlib
import itertools
import json
from argparse import Namespace
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from fastsg import EncodedCorpus

BENCH = Path(__file__).parent.parent / "bench"
pytestmark = pytest.mark.skipif(not BENCH.is_dir(), reason="bench/ is not beside the tests")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    """Modules of bench/ by name."""
    monkeypatch.syspath_prepend(str(BENCH))

    def module(name: str) -> ModuleType:
        return importlib.import_module(name)

    return module


def cells(table: str) -> dict[str, dict[str, str]]:
    """By the first cell of a row: what stands in each column."""
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


# ---- quality.py ------------------------------------------------------------------------------------------


def run(name: str, seed: int | None = None, pairs: int = 203, **scores: float) -> dict:
    """A row as quality.py keeps it; without a seed, as it did before there were any."""
    row = {"name": name, "kind": name.split(",")[0], "seconds": 2.0, "peak_rss_bytes": 2**21, "K": 1234}
    row["cores_used_by_others"] = 0.0
    row["judged"] = {"EN-WS-353-ALL.txt": {"pairs": pairs, "of": 353}}
    return row | ({} if seed is None else {"seed": seed}) | scores


@pytest.mark.parametrize("flags, more", [([], []), (["--vectors", "whitened"], [".in.vec"])])
def test_a_run_of_ours_leaves_the_files_that_are_judged(bench, tmp_path, flags, more):
    """Found here: names of output files were no longer taken, and the long benchmark failed."""
    (tmp_path / "text").write_text("the cat sat on the mat\n" * 40)
    stem = tmp_path / "run0"
    small = ["--min-count", "1", "--vector-size", "4", "--epochs", "1"]
    row = bench("peers").run_fastsg(str(tmp_path / "text"), stem, small + flags)
    assert row["K"] == 5 and row["seconds"] > 0
    wanted = [".vec", ".out.vec", ".bias", *more]
    assert all(Path(f"{stem}{ending}").stat().st_size for ending in wanted)


def test_runs_of_a_name_are_one_row_of_means_and_spreads(bench):
    rows = [
        run("fastsg", 1, **{"WS-353": 0.6, "analogies": 0.4}),
        run("gensim, sample 0.001", 1, **{"WS-353": 0.5}),
        run("fastsg", 2, **{"WS-353": 0.64, "analogies": 0.41}),
    ]
    found = cells(bench("quality_table").table(rows))
    ours = {"runs": "2", "K": "1,234", "WS-353": "0.620 (0.040)", "analogies": "40.5% (1.0%)"}
    assert found["fastsg"].items() >= ours.items()
    theirs = {"runs": "1", "WS-353": "0.500", "analogies": "", "mean 100+": "0.500"}
    assert found["gensim, sample 0.001"].items() >= theirs.items()
    assert "SimLex" not in found["fastsg"]  # nobody has it


def test_the_mean_of_similarity_is_over_sets_with_many_pairs(bench):
    figures = bench("quality_table").figures
    row = run("fastsg", 1, **{"WS-353": 0.6, "SimLex": 0.2})
    row["judged"]["EN-SIMLEX-999.txt"] = {"pairs": 99, "of": 999}
    assert figures(row)["mean 100+"] == 0.6
    row["judged"]["EN-SIMLEX-999.txt"]["pairs"] = 100
    assert figures(row)["mean 100+"] == pytest.approx(0.4)
    assert "mean 100+" not in figures(run("fastsg", 1, pairs=99, **{"WS-353": 0.6}))


def test_a_run_that_fails_is_told_and_leaves_the_others(bench):
    failed = {"name": "fastsg", "kind": "fastsg", "seed": 2, "error": "exit code 1"}
    found = cells(bench("quality_table").table([run("fastsg", 1, **{"WS-353": 0.6}), failed]))
    assert found["fastsg (1 failed: exit code 1)"]["WS-353"] == "0.600"


def test_gensims_best_is_chosen_for_each_set_by_its_mean(bench):
    rows = [
        run("fastsg", 1, **{"WS-353": 0.6, "SimLex": 0.3, "RW": 0.3}),
        run("gensim, sample 0.001", 1, **{"WS-353": 0.7, "SimLex": 0.2}),
        run("gensim, sample 0.001", 2, **{"WS-353": 0.5, "SimLex": 0.2}),
        run("gensim, sample 0.0001", 1, **{"WS-353": 0.62, "SimLex": 0.1}),
        run("hyperhyper", 1, **{"WS-353": 0.9}),
    ]
    found = cells(bench("quality_table").comparison(rows))
    assert found["best of gensim for the set"]["WS-353"] == "0.620 (sample 0.0001)"  # not .7, of one seed
    assert found["best of gensim for the set"]["SimLex"] == "0.200 (sample 0.001)"
    assert found["fastsg"].items() >= {"WS-353": "0.600 (-0.020)", "SimLex": "0.300 (+0.100)"}.items()
    assert "RW" not in found["fastsg"] and "hyperhyper" not in found
    assert bench("quality_table").comparison(rows[:1]) == ""


def test_files_of_before_there_were_seeds_are_read(bench):
    rows = [run("fastsg", MTurk=0.5), run("gensim, sample 0.001", MTurk=0.4)]
    found = cells(bench("quality_table").table(rows))
    assert found["fastsg"]["MTurk-287"] == "0.500" and "runs" not in found["fastsg"]
    settings = {"epochs": 5, "vector_size": 100, "workers": 2, "top": 30_000}
    result = {"text": "x", "settings": settings, "rows": rows, "longest_line": 7}
    assert "Means over" not in bench("quality_table").notes(result, 5, 5, 10_000)
    result["rows"] = rows * 2
    assert "Means over" in bench("quality_table").notes(result, 5, 5, 10_000)


def test_seeds_take_turns(bench):
    def contender(name: str, seeds: list[int]):
        return bench("contenders").Contender(name, name, seeds, lambda stem, seed: {})

    everybody = [contender("a", [1, 2, 3]), contender("b", [5, 6]), contender("c", [0])]
    turns = [f"{who.name}{seed}" for who, seed in bench("quality").turns(everybody)]
    assert turns == ["a1", "b5", "c0", "a2", "b6", "a3"]


def test_a_peer_that_is_not_installed_is_left_out_with_a_message(bench, monkeypatch, capsys):
    module = bench("contenders")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    args = Namespace(
        vector_size=10,
        workers=1,
        epochs=1,
        seeds=[1],
        peer_seeds=[1],
        fastsg=["x: --epochs 1"],
        gensim_samples=[1e-3],
        fasttext=True,
        hyperhyper=True,
    )
    assert [who.name for who in module.contenders(args, Path("t"), Path("t"))] == ["x"]
    said = capsys.readouterr().err
    assert all(f"{peer} is not installed" in said for peer in ("gensim", "fasttext", "hyperhyper"))


# ---- defaults.py -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, falls, expected",
    [
        ([0.3, 0.1, 0.2], False, [1, 3, 2]),
        ([0.3, 0.1, 0.2], True, [3, 1, 2]),
        ([0.2, 0.2, 0.1, 0.3], False, [2.5, 2.5, 4, 1]),
        ([7.0, 7.0, 7.0], True, [2, 2, 2]),
    ],
)
def test_ranks_and_ties(bench, values, falls, expected):
    assert bench("ranks").ranked(values, falls) == expected


def figures_of(text: str, variant: str, seed: int, **figures: float) -> dict:
    """A run as defaults.py keeps it."""
    return {"text": text, "variant": variant, "seed": seed, "settings": {}, "passes": 2.0} | figures


def test_the_mean_rank_is_over_texts_and_measures_of_means_over_seeds(bench):
    runs = [
        figures_of("t", "a", 1, valid_nll=6.0, RW=0.1),
        figures_of("t", "a", 2, valid_nll=6.4, RW=0.5),  # mean 6.2: worse than b, though best with seed 1
        figures_of("t", "b", 1, valid_nll=6.1, RW=0.2),
        figures_of("t", "b", 2, valid_nll=6.1, RW=0.2),
        figures_of("u", "a", 1, valid_nll=5.0),
        figures_of("u", "b", 1, valid_nll=5.0),
        figures_of("u", "b", 1, SimLex=0.1),  # which a has not
    ]
    variants, ranks, left_out = bench("ranks").cells(runs)
    assert variants == ["a", "b"] and left_out == 1
    assert ranks == {("t", "valid_nll"): [2, 1], ("t", "RW"): [1, 2], ("u", "valid_nll"): [1.5, 1.5]}
    table, note = bench("ranks").rank_table(runs).split("\n\n")
    assert cells(table)["a"] == {
        "mean rank": "1.50",
        "valid_nll": "1.75",
        "RW": "1.00",
        "t": "1.50",
        "u": "1.50",
    }
    assert note.startswith("2 variants, 3 cells") and "1 left out" in note


def test_a_text_is_held_out_by_lines_or_by_words(bench, tmp_path):
    module = bench("text_files")
    by_line = tmp_path / "lines"
    lines = [" ".join(f"w{i}_{j}" for j in range(i % 5)) for i in range(1000)]
    by_line.write_text("\n".join(lines) + "\n")
    train, valid = module.hold_out(by_line, tmp_path)
    told = [[line.split() for line in file.read_text().split("\n")] for file in (train, valid)]
    assert told[0][:900] == [line.split() for line in lines[:900]] and told[0][900:] == [[]]
    assert told[1][:100] == [line.split() for line in lines[900:]]

    by_word = tmp_path / "words"
    words = [f"w{i}" for i in range(50_000)]  # more than is read at once
    by_word.write_text(" ".join(words[:30_000]) + "\n" + " ".join(words[30_000:]))
    train, valid = module.hold_out(by_word, tmp_path)
    told = [[line.split() for line in file.read_text().splitlines()] for file in (train, valid)]
    assert told[0] == [words[:30_000], words[30_000:45_000]] and told[1] == [words[45_000:]]


def test_texts_of_a_folder(bench, tmp_path):
    for name in ("a.train.txt", "a.valid.txt", "a.test.txt", "b.txt.xz", "c.train.txt"):
        (tmp_path / name).write_text("x")
    module = bench("defaults")
    found = {text.name: text.valid and text.valid.name for text in module.texts([str(tmp_path)])}
    assert found == {"a.train.txt": "a.valid.txt", "b.txt": None, "c.train.txt": None}
    one = module.texts([f"{tmp_path}/b.txt.xz={tmp_path}/a.test.txt"])
    assert [(text.name, text.valid.name) for text in one] == [("b.txt", "a.test.txt")]
    with pytest.raises(SystemExit, match=r"no file .*absent"):
        module.texts([f"{tmp_path}/absent"])


def test_an_interrupted_series_goes_on_where_it_was(bench, monkeypatch, tmp_path):
    module, calls = bench("defaults"), []

    def measure(name, seed, args, corpus, valid):
        calls.append((name, seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"variant": name, "valid_nll": float(seed)}

    monkeypatch.setattr(module, "measure", measure)
    monkeypatch.setattr(module, "encoded", lambda text, K: (None, None))
    base = dict.fromkeys(module.BASE) | {"eval": [], "json": str(tmp_path / "runs.json")}
    args = Namespace(**base, texts=[module.Text(Path("t"), None)], seeds=[1, 2], only=["a", "b"])
    with pytest.raises(KeyboardInterrupt):
        list(module.Series(args).runs())
    assert len(json.loads((tmp_path / "runs.json").read_text())) == 2
    runs = list(module.Series(args).runs())
    assert calls == [("a", 1), ("b", 1), ("a", 2), ("a", 2), ("b", 2)]
    assert [(run["variant"], run["seed"]) for run in runs] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    args.epochs = 7  # control: other settings are other runs, and the earlier ones stay
    list(module.Series(args).runs())
    assert len(calls) == 9 and len(json.loads((tmp_path / "runs.json").read_text())) == 8


def test_names_of_variants(bench):
    variant = bench("variants").variant
    assert variant("counts", "defaults") == {}
    assert variant("counts", "prior 12.5") == {"prior": 12.5}
    assert variant("counts", "vector_size 50, prior 1, vectors sum") == {
        "vector_size": 50,
        "prior": 1.0,
        "vectors": "sum",
    }
    assert variant("counts", "init random, optimizer adagrad") == {"init": "random", "optimizer": "adagrad"}
    with pytest.raises(SystemExit, match="no variant 'nonsense'"):
        variant("counts", "alpha 0.1, nonsense")


# ---- foretold_table.py -----------------------------------------------------------------------------------


def test_the_table_of_what_is_foretold(bench):
    table = bench("foretold_table")
    found = {"flops": 2.75 * 6 * 100**2 * 10, "seconds": {"total": 7500.0}, "memory": {"total": 3 * 2**29}}
    assert table.cell(found, 100, 10) == "2.8, 2.1 h, 1.5 GiB"
    found["seconds"]["total"] = 119.4
    assert table.cell(found, 100, 10) == "2.8, 120 s, 1.5 GiB"
    page = "a\n<!-- foretold -->\nold\n<!-- end -->\nb"
    assert table.written(page, "new") == "a\n<!-- foretold -->\n\nnew\n\n<!-- end -->\nb"
    assert table.written(table.written(page, "new"), "new") == table.written(page, "new")
    with pytest.raises(SystemExit, match="has no <!-- foretold -->"):
        table.written("a\nb", "new")


# ---- generate.py -----------------------------------------------------------------------------------------


@pytest.fixture
def made(bench, tmp_path):
    """Writes some tokens of a text that is made after a small one; returns its words in lines."""
    generate = bench("generate")
    pairs = [[f"a{i % 40}", f"b{i % 7}", f"once{i}"] for i in range(2000)]
    corpus = EncodedCorpus.from_iter(pairs, min_count=1)
    source = generate.Source.of(corpus, 5)

    def write(tokens: int, types: int = 1000, seed: int = 1, **habits: float) -> list[list[str]]:
        words = generate.words_of(corpus, source, types)
        with open(tmp_path / "made", "wb") as file:
            n, size = generate.write(file, source, words, tokens, generate.Habits(**habits), seed)
        text = (tmp_path / "made").read_text()
        assert len(text) == size and len(text.split()) == n
        return [line.split() for line in text.splitlines()]

    return write


def test_a_text_is_the_same_for_the_same_seed_and_begins_alike(made):
    lines = made(5000)
    assert {len(line) for line in lines} == {256} and len(lines) == 20
    assert made(5000) == lines != made(5000, seed=2)
    assert made(1500) == lines[:6]


@pytest.mark.parametrize("keep_on", [0.0, 0.5, 1.0])
def test_pairs_are_those_of_the_source(made, keep_on):
    lines = made(50_000, keep_on=keep_on, jump=0.0)
    follows = {"a": "b", "b": "r", "r": "a"}

    def kind(word: str) -> str:
        return word[0] if word[1:].isdigit() else "r"

    pairs = [(kind(a), kind(b)) for line in lines for a, b in itertools.pairwise(line)]
    assert all(follows[a] == b for a, b in pairs)
    jumping = made(50_000, keep_on=keep_on, jump=0.2 * (1 - keep_on))
    broken = [follows[kind(a)] != kind(b) for line in jumping for a, b in itertools.pairwise(line)]
    assert any(broken) == (keep_on < 1)  # control


def test_rare_words_are_invented_as_many_as_asked_for(made):
    counts = Counter(word for line in made(200_000, types=300, again=0.0) for word in line)
    real = {f"a{i}" for i in range(40)} | {f"b{i}" for i in range(7)}
    assert counts.keys() > real and not any(word.startswith("once") for word in counts)
    invented = sorted((n for word, n in counts.items() if word not in real), reverse=True)
    assert len(invented) == 300 - 47
    assert invented[0] > 3 * invented[100] > 6 * invented[-1]
    again = made(200_000, types=300, again=0.9)
    rare = [[word for word in line if word not in real] for line in again]
    assert sum(a == b for line in rare for a, b in itertools.pairwise(line)) > 0.8 * sum(map(len, rare))


def test_too_few_types_are_refused(made):
    with pytest.raises(ValueError, match="--types is 47; the source alone has 47 words"):
        made(10, types=47)


# ---- foretold.py -----------------------------------------------------------------------------------------


def test_foretold_beside_measured(bench):
    foretold = bench("foretold")
    phases = dict.fromkeys(foretold.PHASES, 2.0)
    rows = [
        {
            "foretold": phases | {"memory": 2**21, "disk": 2**20, "wall": 1.0},
            "measured": phases
            | {"count": 4.0, "save": 0.0, "memory": 2**20, "disk": 2**20, "words": 5000}
            | {"wall": 4.0},
        }
    ]
    found = cells(foretold.table(rows))["5,000"]
    assert found["count"] == "2.00 / 4.00 s (0.50)" and found["save"] == "2.00 / 0.00 s (-)"
    assert found["memory"] == "2 / 1 MiB (2.00)" and found["dry-run / training, wall"] == "1.0 / 4.0 s (25%)"
    assert foretold.medians([{"read": 1.0}, {"read": 5.0}, {"read": 2.0}]) == {"read": 2.0}


# ---- out_of_core.py --------------------------------------------------------------------------------------


def test_what_count_says_is_read_and_shown(bench, tmp_path: Path):
    said = (
        "1,234 words, 5,000,000 tokens, 700 pairs of words, 900 pairs; thinned 1 and 2\n"
        "seconds   read 1.50   count 2.00   save 0.25\n"
    )
    told = bench("out_of_core").told(said)
    assert told == {"words": 1234, "tokens": 5_000_000, "read": 1.5, "count": 2.0, "save": 0.25, "draws": 4}
    assert bench("out_of_core").told(said.replace("; thinned 1 and 2", ""))["draws"] == 1
    row = {"text": "t", "limit": "none", "peak": 2**30, "bytes": 10**9, "sha256": "0123456789", **told}
    table = bench("figure_tables").counting({"machine": FIGURES_MACHINE, "rows": [row, row | {"limit": "6"}]})
    assert "| 5 million tokens, 1,234 words | none | 2 s | 2 s | 0 s | 10.0 million | 1,024 MiB |" in table
    assert "| 6 GiB |" in table
    (tmp_path / "r.json").write_text(json.dumps({"rows": [row, row | {"limit": "6"}]}))
    kept = bench("out_of_core").kept(tmp_path / "r.json", [row | {"count": 3.0}])
    assert [(found["limit"], found["count"]) for found in kept] == [("none", 3.0), ("6", 2.0)]


FIGURES_MACHINE = {"cpu": "a CPU", "cores": 2, "threads": 2, "compiler": "gcc", "python": "3", "numpy": "2"}
