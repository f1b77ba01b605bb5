"""The settings one at a time: what each changes in held-out loss, similarity, analogies and cost. Makes the tables of docs/defaults.md.

usage: python bench/defaults.py --input TEXT --valid TEXT [--epochs 3] [--max-final-vocab K] [--precision P] [--eval FOLDER] [--only NAME ...] [--json FILE]

Each row changes the named settings and leaves the rest at their defaults. Cost is the number of softmax rows, which depends on no
machine. FOLDER holds EN-WS-353-ALL.txt, EN-SIMLEX-999.txt, EN-MTurk-287.txt and questions-words.txt (any may be missing); analogies
are answered within the 30,000 most frequent words.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fastsg import EncodedCorpus, SkipGram
from fastsg.settings import default_batch_size

VARIANTS: dict[str, dict[str, object]] = {
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
}
PAIRS = {"WS-353": "EN-WS-353-ALL.txt", "SimLex": "EN-SIMLEX-999.txt", "MTurk": "EN-MTurk-287.txt"}


def scores(model: SkipGram, folder: Path | None) -> dict[str, float]:
    """Spearman's rho of each similarity set and the accuracy of the analogies, from the rows of I."""
    found: dict[str, float] = {}
    if folder is None:
        return found
    for name, file in PAIRS.items():
        if (folder / file).exists():
            found[name] = model.wv.evaluate_word_pairs(folder / file)[1][0]
    if (folder / "questions-words.txt").exists():
        found["analogies"] = model.wv.evaluate_word_analogies(folder / "questions-words.txt", restrict_vocab=30_000)[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", required=True)
    parser.add_argument("--valid", required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--max-final-vocab", type=int)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--eval", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS))
    parser.add_argument("--json")
    args = parser.parse_args()
    corpus = EncodedCorpus.from_files(args.input, max_final_vocab=args.max_final_vocab)
    valid = EncodedCorpus.from_files(args.valid, vocab=corpus.vocab)
    rows = []
    for name in args.only or VARIANTS:
        settings = dict(VARIANTS[name])
        if "batch_size" in settings:  # as a multiple of the default for this text
            settings["batch_size"] = int(default_batch_size(corpus.n_tokens) * settings["batch_size"])
        model = SkipGram(corpus, validation=valid, epochs=args.epochs, precision=args.precision, **settings)
        last = model.history[-1]
        row = {"variant": name, "K": len(corpus.vocab), "valid_nll": last["valid_nll"],
               "below_unigram": last["valid_unigram_nll"] - last["valid_nll"],
               "softmax_rows": sum(epoch["softmax_rows"] for epoch in model.history)} | scores(model, args.eval)
        if not rows:
            print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
        rows.append(row)
        print("| " + " | ".join(f"{value:,.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
                                for value in row.values()) + " |", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
