"""fastsg demo: from text to vectors in a few seconds, on text that every Python carries."""

from __future__ import annotations

import argparse
import math
import os
import time

from ..checks import printable
from ..datasets import PROBE_WORDS, load_python_docs
from ..explorer import make_page
from ..io.bias import save_bias
from ..io.word2vec import save_word2vec
from ..model.report import Report, build_report, write_json
from ..model.skipgram import SkipGram
from .advice import HEAD, files_and_commands
from .columns import lines_of
from .epochs import epoch_lines
from .flags import Commands, add_command, add_quiet
from .outputs import check_can_be_written
from .summary import summary
from .terminal import EXIT_OK

#: What the demo writes.
FILES = {
    "vectors": "fastsg-demo.vec",
    "outputs": "fastsg-demo.output.vec",
    "bias": "fastsg-demo.bias",
    "report": "fastsg-demo.json",
    "page": "fastsg-demo.html",
}


def add_demo(commands: Commands) -> None:
    """Declare fastsg demo."""
    parser = add_command(
        commands,
        "demo",
        run_demo,
        help="train on the documentation of this Python; needs no data and no network",
        description="Train on the docstrings and comments of the standard library and on the pydoc topics; "
        "print the held-out perplexity and some neighbours; leave vectors, a report and a page for the "
        "browser.",
        examples="""
            fastsg demo
            fastsg demo --folder . --quiet
        """,
    )
    parser.add_argument("--folder", default=".", help="where the vectors, the report and the page go")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="threads; the same bits for any number (default: as many as allowed)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of all random choices")
    add_quiet(parser, "progress")


def run_demo(args: argparse.Namespace) -> int:
    """Read, train, save, show."""
    folder = "" if args.folder == os.curdir else args.folder  # shorter, in what is said
    paths = {name: os.path.join(folder, file) for name, file in FILES.items()}
    check_can_be_written(("--folder", path) for path in paths.values())
    model = _train(args)
    report = _write(model, paths)
    _show(report, model)
    vectors, outputs, bias = paths["vectors"], paths["outputs"], paths["bias"]
    commands = [["nn", vectors, "list"], ["predict", vectors, outputs, "raise", "--bias", bias]]
    print(files_and_commands(paths.values(), commands))
    tour = f"or open {printable(paths['page'])} in a browser: map, neighbours, contexts; it needs no network"
    print("\n".join(lines_of(tour.split(), HEAD)))
    return EXIT_OK


def _train(args: argparse.Namespace) -> SkipGram:
    print("Reading the docstrings, comments and help topics of this Python …", flush=True)
    corpus = load_python_docs()
    tokens, held_out = sum(map(len, corpus.train)), sum(map(len, corpus.valid))
    print(f"{tokens:,} tokens to train on, {held_out:,} held out.\n", flush=True)
    return SkipGram(
        corpus.train,
        validation=corpus.valid,
        workers=args.workers,
        seed=args.seed,
        callbacks=epoch_lines(args.quiet),
        progress=False if args.quiet else None,
    )


def _write(model: SkipGram, paths: dict[str, str]) -> Report:
    begun = time.perf_counter()
    save_word2vec(paths["vectors"], model.vocab.words, model.I)
    save_word2vec(paths["outputs"], model.vocab.words, model.O)
    save_bias(paths["bias"], model.vocab.words, model.real_bias())
    make_page(model.wv, model.O, model.real_bias(), title="The documentation of Python").save(paths["page"])
    report = build_report(model, time.perf_counter() - begun)
    write_json(report, paths["report"])
    return report


def _show(report: Report, model: SkipGram) -> None:
    """Summary, perplexity against the baseline, neighbours."""
    print(summary(report) + "\n")
    hesitation = math.exp(report["epochs"][-1]["valid_nll"])
    unigram = math.exp(report["valid_unigram_nll"])
    text = (
        f"Held-out text: the model hesitates between {hesitation:.0f} words; the unigram distribution, "
        f"which ignores the center word, between {unigram:.0f}."
    )
    print("\n".join(lines_of(text.split())) + "\n")
    for word in PROBE_WORDS:
        if word in model.wv:
            near = ", ".join(near for near, _ in model.wv.most_similar(word, topn=6))
            print("\n".join(lines_of(printable(near).split(), f"{word:>10}: ")))
    print()
