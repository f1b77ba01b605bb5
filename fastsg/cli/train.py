"""fastsg train: from text to word vectors, a report and a summary."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable
from typing import Any

from ..cooccurrence.counts import CooccurrenceCounts
from ..model.checkpoint import Checkpoint, load_checkpoint, spare_path
from ..model.report import Report, build_report, summary, write_json
from ..model.skipgram import SkipGram
from ..text.vocab import Vocab
from ..training.callbacks import Callback, EarlyStopping
from ..training.settings import Settings
from .flags import (
    DEFAULTS,
    Commands,
    Group,
    add_command,
    add_quiet,
    add_read_vocab,
    add_setting,
    flag,
    parse_bias,
)
from .outputs import (
    add_write_format,
    check_can_be_written,
    check_no_overwriting,
    check_words_can_be_written,
    epoch_log,
    outputs_of,
    save_all,
)
from .terminal import EXIT_INTERRUPTED, EXIT_OK, say, termination_as_interruption

# Settings that a file of counts has decided.
_COUNTED = ("window", "shrink_windows", "sample", "draws", "min_count", "max_final_vocab")


# ---- flags ----


def add_train(commands: Commands) -> None:
    """Declare fastsg train; long flags are the Python names, with the aliases of word2vec.c and fastText."""
    parser = add_command(
        commands,
        "train",
        run_train,
        help="train word vectors on text",
        description="Train word vectors on text files, one sentence per line. '-' is standard input; .gz, "
        ".bz2, .xz and .zst are unpacked.",
    )
    _add_inputs(parser.add_argument_group("input"))
    _add_outputs(parser.add_argument_group("output"))
    _add_model(parser.add_argument_group("model"))
    training = parser.add_argument_group("training")
    _add_method(training)
    _add_course(training)


def _add_inputs(group: Group) -> None:
    group.add_argument("operands", nargs="*", metavar="TEXT", help="text files, the same as --input")
    group.add_argument(
        "--input", "--train", nargs="+", metavar="PATH", help="text files; '-' is standard input"
    )
    group.add_argument(
        "--counts", metavar="F", help="train on the counts in a file from fastsg count, instead of on text"
    )
    group.add_argument(
        "--valid", nargs="+", metavar="PATH", help="held-out text, whose loss is measured after each epoch"
    )
    add_read_vocab(group)
    group.add_argument(
        "--resume",
        metavar="F",
        help="continue from a checkpoint; it holds settings and vocabulary, but name the same texts again",
    )
    add_setting(
        group,
        "tokenizer",
        choices=("space", "char", "rjieba"),
        help="split on Unicode white space, into characters, or into Chinese words (needs rjieba)",
    )
    add_setting(group, "errors")


def _add_outputs(group: Group) -> None:
    group.add_argument(
        "--output",
        "-o",
        metavar="V",
        help="word vectors, by suffix word2vec text (.vec) or binary (.bin), .npz, .safetensors, .parquet "
        "and others, also compressed (.vec.gz); the rows of I unless --vectors says otherwise",
    )
    group.add_argument("--save-output", metavar="V2", help="the rows of the output matrix O, likewise")
    add_write_format(group, "the vectors")
    group.add_argument("--save-vocab", metavar="F", help="a word and its count per line")
    group.add_argument(
        "--save-bias",
        metavar="F",
        help="a word and the constant added to its logit, b_n - log keep(n), per line",
    )
    group.add_argument(
        "--save-model", metavar="F", help="the whole model, a safetensors file for fastsg.load"
    )
    group.add_argument(
        "--checkpoint",
        metavar="F",
        help="save the model after each epoch, to continue after an interruption; the previous one is kept "
        "as F.1 (with --resume, by default the file resumed)",
    )
    group.add_argument("--report", metavar="F", help="what was trained and what it took, as JSON")
    group.add_argument(
        "--json-log", metavar="F", help="a JSON object per epoch and line; '-' is standard output"
    )


def _add_model(group: Group) -> None:
    add_setting(group, "vector_size", "--size", "--dim", type=int, help="H, the coordinates of a vector")
    add_setting(group, "window")
    add_setting(
        group,
        "shrink_windows",
        metavar="true|false|harmonic|random",
        help="weigh distance d in a window of z words by (z-d+1)/z, not at all, by 1/d, or draw the size of "
        "each window as word2vec does",
    )
    add_setting(group, "min_count")
    add_setting(group, "max_final_vocab")
    add_setting(
        group,
        "sample",
        help="threshold for thinning frequent words; 0 keeps every token; by default 2e-4, with the solver "
        "sgd 1e-3, more for small vocabularies",
    )
    add_setting(
        group,
        "vectors",
        choices=("input", "output", "sum"),
        help="what --output holds: rows of I, rows of O, or the sum of both at unit length",
    )
    add_setting(
        group,
        "output_bias",
        type=parse_bias,
        metavar="none|unigram",
        help="fixed output bias; none is the model of the paper",
    )


def _add_method(group: Group) -> None:
    add_setting(
        group,
        "solver",
        choices=("counts", "sgd"),
        help="counts walks the rows of the co-occurrence matrix, sgd the text, batch by batch; the loss is "
        "the same",
    )
    add_setting(
        group,
        "optimizer",
        choices=("newton", "adagrad", "sgd"),
        help="damped Newton steps for I and row-wise Adagrad for O, Adagrad for both, or plain gradient "
        "descent; by default newton, with the solver sgd adagrad",
    )
    add_setting(
        group,
        "init",
        choices=("svd", "random"),
        help="where I and O start; by default svd, with the solver sgd random",
    )
    add_setting(group, "draws")
    add_setting(
        group,
        "head",
        type=float,
        help="the epochs between the first and the last train on this share of the vocabulary, the most "
        "frequent words; by default .5 above 16,384 words; 1 trains on all words in every epoch",
    )
    add_setting(
        group,
        "precision",
        choices=("float32", "bfloat16"),
        help="of the matrix products; bfloat16 needs a CPU with AVX512_BF16 or AMX",
    )


def _add_course(group: Group) -> None:
    add_setting(
        group,
        "alpha",
        "--lr",
        type=float,
        help="learning rate at the start; the default depends on the optimizer",
    )
    add_setting(group, "min_alpha", type=float, help="learning rate at the end; by default a tenth of alpha")
    add_setting(
        group,
        "lr_schedule",
        choices=("linear", "constant"),
        help="linear: from alpha to min_alpha; constant: always alpha",
    )
    add_setting(
        group,
        "epochs",
        "--iter",
        type=int,
        help="passes over the counts, or with the solver sgd over the text",
    )
    add_setting(
        group,
        "batch_size",
        type=int,
        help="rows of counts, or with the solver sgd center positions, in a batch; by default about 64 "
        "batches per epoch",
    )
    add_setting(group, "workers")
    add_setting(group, "seed")
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop when the held-out loss has reached no new minimum in N epochs in a row; keep the best "
        "epoch",
    )
    add_quiet(group, "progress bar and no summary")


# ---- the command ----


def run_train(args: argparse.Namespace) -> int:
    """Check what can be checked, train, write, say how it went."""
    with termination_as_interruption():
        texts = [*(args.input or []), *args.operands]
        _check_inputs(args, texts)
        _check_outputs(args, texts)
        callbacks = _early_stopping(args)
        args.checkpoint = args.checkpoint or args.resume
        counts = CooccurrenceCounts.load(args.counts) if args.counts else None
        model = _resumed_model(args) if args.resume else _new_model(args, texts, counts)
        check_words_can_be_written(args, model.vocab.words)
        finished = _fit(model, args, texts, counts, callbacks)
        report = _write(model, args)
        if not args.quiet:
            print(summary(model, report))
    return EXIT_OK if finished else EXIT_INTERRUPTED


def _check_inputs(args: argparse.Namespace, texts: list[str]) -> None:
    """ValueError unless there is one source to train on, and the flags agree with it."""
    if not texts and not args.counts:
        raise ValueError("there is no input: name text files, or --input - for standard input, or --counts")
    if args.counts:
        _check_counts(args, texts)
    if args.solver == "sgd" and "draws" in args.given:
        raise ValueError("--draws is for --solver counts; --solver sgd draws anew in every epoch")
    if [*texts, *(args.valid or [])].count("-") > 1:
        raise ValueError("'-' is named more than once, but standard input can be read only once")


def _check_counts(args: argparse.Namespace, texts: list[str]) -> None:
    if texts:
        raise ValueError(
            f"--counts and the text {texts[0]} exclude each other: the counts are what is trained on"
        )
    if args.solver != "counts":
        raise ValueError(f"--counts needs --solver counts, but it is {args.solver}")
    if args.read_vocab:
        raise ValueError("--counts and --read-vocab exclude each other: the words are those of the counts")
    if decided := [flag(name) for name in _COUNTED if name in args.given]:
        raise ValueError(
            f"--counts and {decided[0]} exclude each other: that was decided when the windows were counted"
        )


def _check_outputs(args: argparse.Namespace, texts: list[str]) -> None:
    """Every output can be written, and none would overwrite an input or another output."""
    outputs = outputs_of(args)
    check_can_be_written(outputs, stream="--json-log")
    if checkpoint := args.checkpoint or args.resume:
        outputs += [("--checkpoint", checkpoint), ("--checkpoint", spare_path(checkpoint))]
    inputs = [*(("--input", path) for path in texts), *(("--valid", path) for path in args.valid or [])]
    read_too = {"--read-vocab": args.read_vocab, "--resume": args.resume, "--counts": args.counts}
    check_no_overwriting(outputs, [*inputs, *((name, path) for name, path in read_too.items() if path)])


def _early_stopping(args: argparse.Namespace) -> list[Callback]:
    if args.patience is None:
        return []
    if not args.valid:
        raise ValueError("--patience needs a held-out text: give --valid")
    return [EarlyStopping(patience=args.patience)]


def _new_model(args: argparse.Namespace, texts: list[str], counts: CooccurrenceCounts | None) -> SkipGram:
    """A model that has not been trained, with its vocabulary."""
    cuts = [flag(name) for name in ("min_count", "max_final_vocab") if name in args.given]
    if args.read_vocab and cuts:
        raise ValueError(
            f"--read-vocab and {cuts[0]} exclude each other: the words of the file are taken as they are"
        )
    settings = {name: value for name, value in vars(args).items() if name in DEFAULTS}
    model = SkipGram(**(settings | _reading(args)))
    if counts is not None:
        model.build_from_counts(counts)
    else:
        model.build_vocab(corpus_file=texts, vocab=Vocab.load(args.read_vocab) if args.read_vocab else None)
    return model


def _resumed_model(args: argparse.Namespace) -> SkipGram:
    """The model of the checkpoint; flags may repeat its settings, not contradict them."""
    reading = _reading(args)
    for name in {"tokenizer", "errors"} - args.given:
        reading[name] = None  # as in the checkpoint
    model = load_checkpoint(args.resume, workers=args.workers, **reading)
    begun = model.settings.as_dict()
    repeated = {name: getattr(args, name) for name in sorted(args.given) if name in begun}
    if "solver" in repeated:  # first, since defaults of others depend on it
        _check_repeats(args, "solver", repeated["solver"], begun)
    wanted = Settings.checked(**(begun | repeated)).as_dict()
    for name in repeated:
        _check_repeats(args, name, wanted[name], begun)
    if args.read_vocab and Vocab.load(args.read_vocab).words != model.vocab.words:
        raise ValueError(f"--read-vocab {args.read_vocab} has other words than {args.resume}; leave it out")
    return model


def _check_repeats(args: argparse.Namespace, name: str, value: object, begun: dict[str, object]) -> None:
    if value != begun[name]:
        raise ValueError(
            f"{flag(name)} is {value}, but the training in {args.resume} was begun with {begun[name]}; "
            "leave the flag out, or begin anew without --resume"
        )


def _reading(args: argparse.Namespace) -> dict[str, Any]:
    """How texts are read, which a checkpoint holds only in part."""
    return {
        "tokenizer": _chinese_words() if args.tokenizer == "rjieba" else args.tokenizer,
        "errors": args.errors,
        "validation": args.valid,
        "progress": False if args.quiet else None,
    }


def _chinese_words() -> Callable[[str], list[str]]:
    """Splits a line into Chinese words, without white space."""
    try:
        import rjieba
    except ImportError:
        raise ImportError("the tokenizer rjieba needs the package rjieba: pip install rjieba") from None
    return lambda line: [word for word in rjieba.cut(line) if not word.isspace()]


def _fit(
    model: SkipGram,
    args: argparse.Namespace,
    texts: list[str],
    counts: CooccurrenceCounts | None,
    callbacks: list[Callback],
) -> bool:
    """Train, with log and checkpoints; False if the user interrupted it."""
    checkpoint = Checkpoint(args.checkpoint) if args.checkpoint else None
    resume = bool(args.resume)
    with epoch_log(args.json_log, append=resume) as log:
        callbacks = [*log, *callbacks, *([checkpoint] if checkpoint else [])]
        try:
            if counts is not None:
                model.fit_counts(counts, callbacks=callbacks, resume=resume)
            else:  # a new model has read its text already
                model.train(corpus_file=texts if resume else None, callbacks=callbacks, resume=resume)
        except KeyboardInterrupt:
            say("interrupted; writing what is trained so far")
            if checkpoint:
                _say_how_to_resume(checkpoint, args)
            return False
    return True


def _say_how_to_resume(checkpoint: Checkpoint, args: argparse.Namespace) -> None:
    if not (checkpoint.done or args.resume):
        say("no epoch was finished, so there is no checkpoint to continue from")
        return
    same_command = not checkpoint.done or args.resume == args.checkpoint
    command = args.argv if same_command else [*args.argv, "--resume", args.checkpoint]
    say(f"to continue after the last finished epoch:\n  fastsg {shlex.join(command)}")


def _write(model: SkipGram, args: argparse.Namespace) -> Report:
    """Write the files that were asked for; returns the report, which is one of them."""
    begun = time.perf_counter()
    save_all(model, args)
    report = build_report(model, time.perf_counter() - begun)
    if args.counts:  # a file of counts does not say which words were left out
        report["settings"] |= {"min_count": None, "max_final_vocab": None}
    if args.report:
        write_json(report, args.report)
    return report
