"""fastsg demo: the whole way from text to vectors in well under a minute, on text that every Python installation carries."""

from __future__ import annotations

import argparse
import math
import os
import time

from ..datasets import PROBE_WORDS, load_python_docs
from ..io.bias import save_bias
from ..io.word2vec import save_word2vec
from ..model.report import build_report, summary, write_json
from ..model.skipgram import SkipGram
from ..system.atomic import check_writable

_FILES = {
    "vectors": "fastsg-demo.vec",
    "outputs": "fastsg-demo.output.vec",
    "bias": "fastsg-demo.bias",
    "report": "fastsg-demo.json",
}


def add_demo(commands: argparse._SubParsersAction) -> None:
    """Declare fastsg demo."""
    parser = commands.add_parser(
        "demo",
        help="train on the documentation of this Python; needs no data and no network",
        description="Train on the docstrings and comments of the standard library and the pydoc topics; print the "
        "held-out perplexity and some neighbours; leave vectors and a report.",
    )
    parser.add_argument(
        "--folder", default=".", help="where the vectors and the report go (default: the current folder)"
    )
    parser.add_argument("--workers", type=int, help="threads; the same bits for any number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run_demo)


def run_demo(args: argparse.Namespace) -> int:
    """Read, train, show, save."""
    paths = {name: os.path.join(args.folder, file) for name, file in _FILES.items()}
    for path in paths.values():
        check_writable(path, "--folder")
    print("Reading the docstrings, comments and help topics of this Python …", flush=True)
    corpus = load_python_docs()
    print(
        f"{sum(map(len, corpus.train)):,} tokens to train on, {sum(map(len, corpus.valid)):,} held out.\n",
        flush=True,
    )
    model = SkipGram(
        corpus.train,
        validation=corpus.valid,
        workers=args.workers,
        seed=args.seed,
        progress=False if args.quiet else None,
    )
    begun = time.perf_counter()
    save_word2vec(paths["vectors"], model.vocab.words, model.I)
    save_word2vec(paths["outputs"], model.vocab.words, model.O)
    save_bias(paths["bias"], model.vocab.words, model.real_bias())
    report = build_report(model, time.perf_counter() - begun)
    write_json(report, paths["report"])
    show(model, report)
    print(
        f"\nWritten: {', '.join(paths.values())}\nTry:     fastsg nn {paths['vectors']} list"
        f"\n         fastsg predict {paths['vectors']} {paths['outputs']} --bias {paths['bias']} raise"
    )
    return 0


def show(model: SkipGram, report: dict[str, object]) -> None:
    """Summary, perplexity against the baseline, neighbours."""
    last = model.history[-1]
    print(summary(report))
    print(
        f"\nHeld-out text: the model hesitates between {last['valid_perplexity']:.0f} words; the unigram distribution, which ignores the "
        f"center word, between {math.exp(last['valid_unigram_nll']):.0f}.\n"
    )
    for word in PROBE_WORDS:
        if word in model.wv:
            print(f"{word:>10}: {', '.join(near for near, _ in model.wv.most_similar(word, topn=6))}")
