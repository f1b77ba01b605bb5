"""How fast epochs over vocabularies of several sizes go in whole trainings: useful Gflop/s.

usage: python bench/pass_rates.py TEXT:WORDS ... [--rounds 5] [--precision float32] [--vector-size 100]
                                  [--threads 2]
       python bench/pass_rates.py brown.txt:5000 enwiki15a.txt:68000

A training for each text and its most frequent words (or all, if there are fewer), one after the other in
every round. Looked at are the epochs of all rows over all words: 6 K K H operations by the seconds of the
training's history, in which rows are dealt and gathered, steps taken and books kept. Up to 10,000 words all
epochs are such (head=1), and their median speaks for the training; of more it is the last one. Quoted are the
medians of the rounds, and of the shares of the last text within a round.
"""

from __future__ import annotations

import argparse
from statistics import median

from machine import describe

from fastsg import SkipGram

SMALL = 10_000


def rate(text: str, words: int, args: argparse.Namespace) -> float:
    """Gflop/s of the whole epochs of one training."""
    model = SkipGram(
        corpus_file=text,
        max_final_vocab=words,
        vector_size=args.vector_size,
        precision=args.precision,
        workers=args.threads,
        head=1.0 if words <= SMALL else None,
    )
    K, history = len(model.wv), model.history
    whole = [epoch for epoch in history if epoch["words"] == K and epoch.get("centers", K) == K]
    return median(6.0 * K * K * args.vector_size / epoch["seconds"] * 1e-9 for epoch in whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT:WORDS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    texts = [(text, int(words)) for text, _, words in (given.rpartition(":") for given in args.texts)]
    print("  ".join(f"{name} {value}" for name, value in describe().items()))
    rounds = [[rate(*text, args) for text in texts] for _ in range(args.rounds)]
    print(f"\n{'words':>8} {'Gflop/s':>8} {'of the last':>12}   by round")
    for i, (_, words) in enumerate(texts):
        shares = [each[i] / each[-1] for each in rounds]
        by_round = " ".join(f"{share:.2f}" for share in shares)
        print(f"{words:8} {median(each[i] for each in rounds):8.1f} {median(shares):12.3f}   {by_round}")


if __name__ == "__main__":
    main()
