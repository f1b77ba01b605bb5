"""fastsg train: from text to word vectors, a report and a summary."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

from ..cooccurrence.counts import CooccurrenceCounts
from ..io.bias import save_bias
from ..io.word2vec import check_words, save_word2vec
from ..model.checkpoint import Checkpoint, load_checkpoint, spare_path
from ..model.report import build_report, summary, write_json
from ..model.skipgram import SkipGram
from ..system.atomic import check_writable
from ..text.vocab import Vocab
from ..training.callbacks import Callback, EarlyStopping
from ..training.settings import Settings

_READING = ("tokenizer", "errors", "validation", "progress")
_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(SkipGram).parameters.items()}
_OUTPUTS = (
    "output",
    "save_output",
    "save_vocab",
    "save_bias",
    "save_model",
    "report",
    "json_log",
    "checkpoint",
)
_WORD_FILES = ("output", "save_output", "save_vocab", "save_bias")


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Names the defaults, where there is one to name."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return (
            action.help if action.default is None or action.nargs == 0 else super()._get_help_string(action)
        )


def add_train(commands: argparse._SubParsersAction) -> None:
    """Declare the flags; long names are the Python names, with the aliases of word2vec.c and fastText."""
    parser = commands.add_parser(
        "train",
        help="train word vectors on text",
        formatter_class=Help,
        description="Train word vectors on text files, a sentence a line. '-' is standard input; .gz, .bz2, .xz "
        "and .zst are unpacked.",
    )
    parser.set_defaults(run=run_train)
    _add_files(parser)
    _add_model(parser)
    _add_training(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument("operands", nargs="*", metavar="TEXT", help="text files, like --input")
    files.add_argument(
        "--input", "--train", nargs="+", metavar="PATH", help="text files; '-' is standard input"
    )
    files.add_argument(
        "--counts",
        metavar="F",
        help="train on the counts of a file that fastsg count wrote, instead of on text",
    )
    files.add_argument(
        "--output",
        "-o",
        metavar="V",
        help="word vectors as word2vec text, or binary if V ends in .bin; the rows of I unless --vectors says otherwise",
    )
    files.add_argument("--save-output", metavar="V2", help="rows of the output matrix O, in the same way")
    files.add_argument("--save-vocab", metavar="F", help="word and count, a line each")
    files.add_argument(
        "--save-bias",
        metavar="F",
        help="word and the constant added to its logit, b_n - log keep(n), a line each",
    )
    files.add_argument(
        "--save-model", metavar="F", help="everything, as fastsg.load reads it: a safetensors file"
    )
    files.add_argument(
        "--checkpoint",
        metavar="F",
        help="save the model after each epoch, to go on from after an interruption; the one "
        "before is kept as F.1 (default with --resume: that file)",
    )
    files.add_argument(
        "--resume",
        metavar="F",
        help="go on from a checkpoint: settings and vocabulary are in it, name the same texts",
    )
    files.add_argument("--report", metavar="F", help="what was trained and what it took, as JSON")
    files.add_argument(
        "--json-log", metavar="F", help="one JSON object a line for each epoch; '-' is standard output"
    )
    files.add_argument(
        "--read-vocab", metavar="F", help="take the vocabulary from a file of words and counts"
    )
    files.add_argument(
        "--valid", nargs="+", metavar="PATH", help="held-out text, whose loss is taken after each epoch"
    )
    files.add_argument("--format", choices=("text", "binary"), help="of the vectors; default by suffix")
    files.add_argument(
        "--tokenizer",
        action=_Setting,
        choices=("space", "char", "rjieba"),
        default="space",
        help="split on Unicode white space, into characters, or into Chinese words (needs the package rjieba)",
    )
    files.add_argument(
        "--errors",
        action=_Setting,
        choices=("replace", "strict", "ignore"),
        default="replace",
        help="what to do with invalid UTF-8",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("model")
    _setting(model, "vector_size", "--size", "--dim", type=int, help="H, coordinates of a vector")
    _setting(
        model,
        "window",
        "--ws",
        type=parse_window,
        help="reach to either side; 'L,R' for an asymmetric one, 'none' for whole lines",
    )
    _setting(
        model,
        "shrink_windows",
        type=parse_shrink,
        metavar="true|false|harmonic|random",
        help="weigh distance d by (z-d+1)/z, not at all, by 1/d, or draw the reach as word2vec does",
    )
    _setting(model, "min_count", type=int, help="drop rarer words")
    _setting(model, "max_final_vocab", "--max-vocab", type=int, help="keep at most so many words")
    _setting(
        model,
        "sample",
        "-t",
        type=float,
        help="subsampling threshold; 0 keeps every token; default 2e-4, with the solver sgd 1e-3, more for small vocabularies",
    )
    _setting(
        model,
        "vectors",
        choices=("input", "output", "sum"),
        help="what --output holds: rows of I, of O, or the sum of both at unit length",
    )
    _setting(
        model,
        "output_bias",
        type=parse_bias,
        metavar="none|unigram",
        help="fixed output bias; none is the paper's model",
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    training = parser.add_argument_group("training")
    _setting(
        training,
        "solver",
        choices=("counts", "sgd"),
        help="counts walks the rows of the co-occurrence matrix, sgd the text batch by batch; the same loss",
    )
    _setting(
        training,
        "optimizer",
        choices=("newton", "adagrad", "sgd"),
        help="damped Newton steps for I and row-wise Adagrad for O, Adagrad for both, or plain gradient descent; default newton, "
        "with the solver sgd adagrad",
    )
    _setting(
        training,
        "init",
        choices=("svd", "random"),
        help="start of I and O; default svd, with the solver sgd random",
    )
    _setting(
        training,
        "draws",
        type=int,
        help="thinned copies of the text whose counts are averaged; 0 weighs pairs instead of dropping tokens",
    )
    _setting(
        training,
        "head",
        type=float,
        help="share of the vocabulary that the epochs between the first and the last train on, the most frequent words; default .5 "
        "above 16,384 words; 1 trains on all words in every epoch",
    )
    _setting(
        training,
        "precision",
        choices=("float32", "bfloat16"),
        help="of the matrix products; bfloat16 needs a CPU with AVX512_BF16 or AMX",
    )
    _setting(
        training,
        "alpha",
        "--lr",
        type=float,
        help="learning rate at the start; default depends on the optimizer",
    )
    _setting(training, "min_alpha", type=float, help="learning rate at the end; default a tenth of alpha")
    _setting(
        training,
        "lr_schedule",
        choices=("linear", "constant"),
        help="from alpha to min_alpha, or always alpha",
    )
    _setting(
        training,
        "epochs",
        "--iter",
        type=int,
        help="passes over the counts, or with the solver sgd over the text",
    )
    _setting(
        training,
        "batch_size",
        type=int,
        help="rows of counts, or center positions of the text, in a batch; default about 64 batches an epoch",
    )
    _setting(
        training,
        "workers",
        "--threads",
        type=int,
        help="threads, default as many as allowed; the same bits for any number",
    )
    _setting(training, "seed", type=int, help="of all random choices")
    training.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop when N epochs in a row brought no new least held-out loss; keep the best",
    )
    training.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


class _Setting(argparse.Action):
    """Stores a value, and that it was given: a resumed training has to tell a wish from a default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.given = {*getattr(namespace, "given", ()), self.dest}


def _setting(group: argparse._ArgumentGroup, name: str, *aliases: str, **options: object) -> None:
    """A flag whose default is the constructor's."""
    if "choices" not in options:
        options.setdefault("metavar", "N" if options["type"] is int else "X")
    group.add_argument(_flag(name), *aliases, dest=name, action=_Setting, default=_DEFAULTS[name], **options)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def parse_window(text: str) -> int | tuple[int, int] | None:
    """'5', '5,2' or 'none'."""
    if text.lower() == "none":
        return None
    try:
        sides = [int(side) for side in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no window; allowed are an integer, two of them as 'L,R', and 'none'"
        )
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_shrink(text: str) -> bool | str:
    """'true', 'false', 'random' or 'harmonic'."""
    try:
        return {"true": True, "false": False, "random": "random", "harmonic": "harmonic"}[text.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not allowed; allowed are 'true', 'false', 'random' and 'harmonic'"
        ) from None


def parse_bias(text: str) -> str | None:
    """'none' or a name that SkipGram knows."""
    return None if text.lower() == "none" else text


class EpochLog(Callback):
    """Writes a line of JSON for each epoch, as it ends."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def on_epoch_end(self, model: SkipGram) -> None:
        self._write(json.dumps({"epoch": len(model.history), **model.history[-1]}) + "\n")


@contextlib.contextmanager
def _termination_is_interruption() -> Iterator[None]:
    """SIGTERM, which batch systems send before they kill, ends a training as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # others may not set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_train(args: argparse.Namespace) -> int:
    """Check what will be written, train, write, say how it went."""
    with _termination_is_interruption():
        return _train(args)


def _train(args: argparse.Namespace) -> int:
    inputs = (args.input or []) + args.operands
    if not inputs and not args.counts:
        raise ValueError("there is no input: name text files, or --input - for standard input, or --counts")
    if args.counts:
        _check_counts(args, inputs)
    if args.solver == "sgd" and "draws" in getattr(args, "given", ()):
        raise ValueError("--draws is for --solver counts; --solver sgd draws anew in every epoch")
    if [*inputs, *(args.valid or [])].count("-") > 1:
        raise ValueError("'-' is named more than once, but standard input can be read only once")
    _check_outputs(args, inputs)
    if args.patience is not None and not args.valid:
        raise ValueError("--patience needs a held-out text: give --valid")
    stopping = [] if args.patience is None else [EarlyStopping(patience=args.patience)]
    args.checkpoint = args.checkpoint or args.resume
    counts = CooccurrenceCounts.load(args.counts) if args.counts else None
    model = _resumed_model(args) if args.resume else _new_model(args, inputs, counts)
    _check_words(model, args)
    checkpoint, interrupted = Checkpoint(args.checkpoint) if args.checkpoint else None, False
    with _log(args.json_log, "a" if args.resume else "w") as callbacks:
        callbacks.extend(stopping)
        if checkpoint:
            callbacks.append(checkpoint)
        try:
            if counts is not None:
                model.fit_counts(counts, callbacks=callbacks, resume=bool(args.resume))
            else:
                model.train(
                    corpus_file=inputs if args.resume else None, callbacks=callbacks, resume=bool(args.resume)
                )
        except KeyboardInterrupt:
            interrupted = True
            print("fastsg: interrupted; writing what is trained so far", file=sys.stderr)
            if checkpoint:
                _say_how_to_resume(checkpoint, args)
    begun = time.perf_counter()
    save_all(model, args)
    report = build_report(model, time.perf_counter() - begun)
    if counts is not None:  # which words were counted is not told by the file of counts
        report["settings"] |= {"min_count": None, "max_final_vocab": None}
    if args.report:
        write_json(report, args.report)
    if not args.quiet:
        print(summary(report))
    return 130 if interrupted else 0


def _check_outputs(args: argparse.Namespace, inputs: list[str]) -> None:
    """Every output can be written, and none of them over an input or another output."""
    for flag, path in (
        outputs := [(_flag(name), path) for name in _OUTPUTS if (path := getattr(args, name)) is not None]
    ):
        if path != "-":
            check_writable(path, flag)
        elif flag != "--json-log":
            raise ValueError(f"{flag} is '-', but only --json-log can write to standard output; name a file")
    if checkpoint := args.checkpoint or args.resume:
        outputs += [("--checkpoint", checkpoint), ("--checkpoint", spare_path(checkpoint))]
    read = {
        "--input": inputs,
        "--valid": args.valid or [],
        "--read-vocab": [args.read_vocab],
        "--resume": [args.resume],
        "--counts": [args.counts],
    }
    owners = {_place(path): flag for flag, paths in read.items() for path in paths if path}
    for flag, path in outputs:
        if (place := _place(path)) is None:
            continue
        owner = owners.setdefault(place, flag)
        if owner != flag and (flag, owner) != ("--checkpoint", "--resume"):
            raise ValueError(f"{flag} and {owner} name the same file, {path}; one would overwrite the other")


def same_place(path: str, other: str) -> bool:
    """Whether both lead to one file, which one of them would overwrite."""
    return _place(path) is not None and _place(path) == _place(other)


def _place(path: str) -> str | None:
    """The file that a path leads to; None for a stream or a device, which many may write."""
    place = os.path.realpath(path)
    special = (
        path == "-"
        or os.path.abspath(path).startswith(("/dev/", "/proc/"))
        or (os.path.exists(place) and not os.path.isfile(place))
    )
    return None if special else place


#: Settings that went into the counts already.
_COUNTED = ("window", "shrink_windows", "sample", "draws", "min_count", "max_final_vocab")


def _check_counts(args: argparse.Namespace, inputs: list[str]) -> None:
    if inputs:
        raise ValueError(
            f"--counts and the text {inputs[0]} exclude each other: the counts are what is trained on"
        )
    if args.solver != "counts":
        raise ValueError(f"--counts needs --solver counts, but it is {args.solver}")
    if args.read_vocab:
        raise ValueError("--counts and --read-vocab exclude each other: the words are those of the counts")
    if given := [_flag(name) for name in _COUNTED if name in getattr(args, "given", ())]:
        raise ValueError(
            f"--counts and {given[0]} exclude each other: that was decided when the windows were counted"
        )


def _new_model(args: argparse.Namespace, inputs: list[str], counts: CooccurrenceCounts | None) -> SkipGram:
    cuts = [_flag(name) for name in ("min_count", "max_final_vocab") if name in getattr(args, "given", ())]
    if args.read_vocab and cuts:
        raise ValueError(
            f"--read-vocab and {cuts[0]} exclude each other: the words of the file are taken as they are"
        )
    model = SkipGram(
        **{name: getattr(args, name) for name in _DEFAULTS if hasattr(args, name) and name not in _READING},
        **_reading(args),
    )
    if counts is not None:
        model.build_from_counts(counts)
        return model
    model.build_vocab(corpus_file=inputs, vocab=Vocab.load(args.read_vocab) if args.read_vocab else None)
    return model


def _check_words(model: SkipGram, args: argparse.Namespace) -> None:
    """The files asked for can hold all words: to be told before the training, not after it."""
    if flag := next((_flag(name) for name in _WORD_FILES if getattr(args, name)), None):
        try:
            check_words(model.vocab.words)
        except ValueError as error:
            raise ValueError(f"{flag}: {error}; --save-model can hold any word") from None


def _resumed_model(args: argparse.Namespace) -> SkipGram:
    """The model of the checkpoint; flags that contradict it are an error, flags that repeat it are not."""
    named = getattr(args, "given", set())
    reading = {
        name: value if name in named or name not in ("tokenizer", "errors") else None
        for name, value in _reading(args).items()
    }
    model = load_checkpoint(args.resume, workers=args.workers, **reading)
    settings = model.settings.as_dict()
    given = {name: getattr(args, name) for name in named if name in settings}
    if (
        given.get("solver", settings["solver"]) != settings["solver"]
    ):  # others have defaults that depend on it
        raise ValueError(
            f"--solver is {given['solver']}, but the training in {args.resume} was begun with {settings['solver']}; "
            "leave the flag out, or begin anew without --resume"
        )
    wanted = Settings.checked(**(settings | given)).as_dict()
    for name in sorted(given):
        if wanted[name] != settings[name]:
            raise ValueError(
                f"{_flag(name)} is {wanted[name]}, but the training in {args.resume} was begun with {settings[name]}; "
                "leave the flag out, or begin anew without --resume"
            )
    if args.read_vocab and Vocab.load(args.read_vocab).words != model.vocab.words:
        raise ValueError(f"--read-vocab {args.read_vocab} has other words than {args.resume}; leave it out")
    return model


def _reading(args: argparse.Namespace) -> dict[str, object]:
    return {
        "tokenizer": _tokenizer(args.tokenizer),
        "errors": args.errors,
        "validation": args.valid,
        "progress": False if args.quiet else None,
    }


def _say_how_to_resume(checkpoint: Checkpoint, args: argparse.Namespace) -> None:
    if not (checkpoint.done or args.resume):
        print("fastsg: no epoch was finished, so there is no checkpoint to go on from", file=sys.stderr)
        return
    repeats = not checkpoint.done or args.resume == args.checkpoint
    command = args.argv if repeats else [*args.argv, "--resume", args.checkpoint]
    print(f"fastsg: to go on after the last whole epoch:\n  fastsg {shlex.join(command)}", file=sys.stderr)


def _tokenizer(name: str) -> object:
    if name != "rjieba":
        return name
    try:
        import rjieba
    except ImportError:
        raise ImportError("the tokenizer rjieba needs the package rjieba: pip install rjieba") from None
    return lambda line: [word for word in rjieba.cut(line) if not word.isspace()]


class _log:
    """Opens the epoch log; yields the list of callbacks that write it."""

    def __init__(self, path: str | None, mode: str) -> None:
        self._path, self._mode, self._file = path, mode, None

    def __enter__(self) -> list[Callback]:
        if self._path is None:
            return []
        self._file = (
            sys.stdout if self._path == "-" else open(self._path, self._mode, encoding="utf-8", buffering=1)
        )
        return [EpochLog(self._file.write)]

    def __exit__(self, *_: object) -> None:
        if self._file is not None and self._file is not sys.stdout:
            self._file.close()


def save_all(model: SkipGram, args: argparse.Namespace) -> None:
    """Every file that was asked for."""
    binary = None if args.format is None else args.format == "binary"
    if args.output:
        save_word2vec(args.output, model.vocab.words, model.wv.vectors, binary=binary)
    if args.save_output:
        save_word2vec(args.save_output, model.vocab.words, model.O, binary=binary)
    if args.save_vocab:
        model.vocab.save(args.save_vocab)
    if args.save_bias:
        save_bias(args.save_bias, model.vocab.words, model.real_bias())
    if args.save_model:
        model.save(args.save_model)
