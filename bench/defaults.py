"""The settings one at a time: what each changes in held-out loss, similarity, analogies and cost.

usage: python bench/defaults.py --input TEXT --valid TEXT [--solver counts] [--epochs N] [--vector-size H]
                                [--max-final-vocab K] [--precision P] [--eval FOLDER] [--only NAME ...]
                                [--json FILE]

Makes the tables of docs/defaults.md. Each row changes the named settings and leaves the rest at their
defaults. Cost is in passes of 6 K^2 H operations, which depend on no machine. Those of these files that
FOLDER holds are asked: the pairs of EN-WS-353-ALL.txt, EN-SIMLEX-999.txt, EN-MTurk-287.txt and
wordsim-240.txt (Spearman's rho), the analogies of questions-words.txt, ca_translated.txt and
cwe_analogy.txt (3CosAdd within the 30,000 most frequent words). A name that starts with "seed", "alpha",
"epochs", "head" or "sample" may have any number behind it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram
from fastsg.numerics.objective import block_rows
from fastsg.training.settings import default_batch_rows, default_batch_size

VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "counts": {
        "defaults": {},
        "seed 2": {"seed": 2},
        "epochs 4": {"epochs": 4},
        "epochs 6": {"epochs": 6},
        "epochs 10": {"epochs": 10},
        "head 0.25": {"head": 0.25},
        "head 1": {"head": 1.0},
        "alpha 0.05": {"alpha": 0.05},
        "alpha 0.15": {"alpha": 0.15},
        "alpha 0.3": {"alpha": 0.3},
        "sample 0": {"sample": 0},
        "sample 1e-3": {"sample": 1e-3},
        "sample 1e-4": {"sample": 1e-4},
        "sample 1e-5": {"sample": 1e-5},
        "draws 1": {"draws": 1},
        "draws 0": {"draws": 0},
        "shrink_windows harmonic": {"shrink_windows": "harmonic"},
        "shrink_windows False": {"shrink_windows": False},
        "thinned windows as the text's": {"thinned_windows": True},
        "batch_size half": {"batch_size": 0.5},
        "optimizer adagrad": {"optimizer": "adagrad"},
        "init random": {"init": "random"},
        "init random, optimizer adagrad": {"init": "random", "optimizer": "adagrad"},
        "output_bias None": {"output_bias": None},
        "vectors output": {"vectors": "output"},
        "vectors sum": {"vectors": "sum"},
        "float32": {"precision": "float32"},
        "bfloat16": {"precision": "bfloat16"},
    },
    "sgd": {
        "defaults": {},
        "sample 0": {"sample": 0},
        "sample 1e-4": {"sample": 1e-4},
        "batch_size a quarter": {"batch_size": 0.25},
        "batch_size fourfold": {"batch_size": 4.0},
        "alpha 0.1": {"alpha": 0.1},
        "alpha 0.4": {"alpha": 0.4},
        "lr_schedule constant": {"lr_schedule": "constant"},
        "shrink_windows random": {"shrink_windows": "random"},
        "shrink_windows False": {"shrink_windows": False},
        "output_bias None": {"output_bias": None},
        "output_bias None, alpha 0.4": {"output_bias": None, "alpha": 0.4},
        "optimizer sgd": {"optimizer": "sgd"},
    },
}
NUMBERS = {"seed": int, "alpha": float, "epochs": int, "head": float, "sample": float}
PAIRS = {
    "WS-353": "EN-WS-353-ALL.txt",
    "SimLex": "EN-SIMLEX-999.txt",
    "MTurk": "EN-MTurk-287.txt",
    "wordsim-240": "wordsim-240.txt",
}
ANALOGIES = {
    "analogies": "questions-words.txt",
    "ca_translated": "ca_translated.txt",
    "cwe": "cwe_analogy.txt",
}


def scores(model: SkipGram, folder: Path | None) -> dict[str, float]:
    """Spearman's rho of each similarity set and the accuracy of the analogies, by the word vectors."""
    found: dict[str, float] = {}
    if folder is None:
        return found
    for name, file in PAIRS.items():
        if (folder / file).exists():
            found[name] = model.wv.evaluate_word_pairs(folder / file)[1][0]
    for name, file in ANALOGIES.items():
        if (folder / file).exists():
            found[name] = model.wv.evaluate_word_analogies(folder / file, restrict_vocab=30_000)[0]
    return found


def batch_size(solver: str, corpus: EncodedCorpus, part: float) -> int:
    """A multiple of what is the default for this text."""
    if solver == "sgd":
        return int(default_batch_size(corpus.n_tokens) * part)
    return max(int(default_batch_rows(len(corpus.vocab), block_rows(len(corpus.vocab))) * part), 1)


def measure(
    name: str, args: argparse.Namespace, corpus: EncodedCorpus, valid: EncodedCorpus
) -> dict[str, object]:
    """One row of the table."""
    settings = {
        "epochs": args.epochs,
        "precision": args.precision,
        "vector_size": args.vector_size,
    } | variant(args.solver, name)
    if "batch_size" in settings:
        settings["batch_size"] = batch_size(args.solver, corpus, settings["batch_size"])
    thinned_windows = settings.pop("thinned_windows", None)
    model, K = SkipGram(solver=args.solver, **settings), len(corpus.vocab)
    model.build_vocab(corpus)
    if thinned_windows is None:
        model.train()
    else:  # what no setting does: other weights for the windows of thinned text
        made = {"sample": model.sample, "draws": model.settings.draws, "seed": model.settings.seed}
        counts = CooccurrenceCounts.for_training(corpus, **made)
        counts.thinned = CooccurrenceCounts.from_corpus(corpus, shrink_windows=thinned_windows, **made)
        model.fit_counts(counts)
    nll, unigram, _ = model.nll(valid)
    return {
        "variant": name,
        "valid_nll": nll,
        "below_unigram": unigram - nll,
        "passes": sum(epoch["softmax_rows"] * epoch["words"] for epoch in model.history) / K**2,
    } | scores(model, args.eval)


def variant(solver: str, name: str) -> dict[str, object]:
    """The settings behind a name: one of VARIANTS, or a setting and a number."""
    if name in VARIANTS[solver]:
        return VARIANTS[solver][name]
    setting, _, value = name.partition(" ")
    if setting not in NUMBERS:
        raise SystemExit(
            f"there is no variant {name!r}; there are {', '.join(VARIANTS[solver])}, and "
            f"{', '.join(NUMBERS)} with any number"
        )
    return {setting: NUMBERS[setting](value)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", required=True)
    parser.add_argument("--valid", required=True)
    parser.add_argument("--solver", choices=list(VARIANTS), default="counts")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--max-final-vocab", type=int)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--eval", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--json")
    args = parser.parse_args()
    corpus = EncodedCorpus.from_files(args.input, max_final_vocab=args.max_final_vocab)
    valid = EncodedCorpus.from_files(args.valid, vocab=corpus.vocab)
    rows = []
    for name in args.only or VARIANTS[args.solver]:
        row = measure(name, args, corpus, valid)
        if not rows:
            print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
        rows.append(row)
        print(
            "| "
            + " | ".join(
                f"{value:,.4f}"
                if isinstance(value, float)
                else f"{value:,}"
                if isinstance(value, int)
                else str(value)
                for value in row.values()
            )
            + " |",
            flush=True,
        )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
