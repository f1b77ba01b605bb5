"""fastsg train: from text to word vectors, a report and a summary."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from typing import Any

from ..checks import printable
from ..cooccurrence.counts import CooccurrenceCounts
from ..distributed import Team
from ..errors import DivergenceError
from ..model.checkpoint import Checkpoint, load_checkpoint, spare_path
from ..model.report import Report, build_report, json_text, write_json
from ..model.skipgram import SkipGram
from ..system import kept
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.callbacks import Callback, EarlyStopping
from ..training.settings import STARTS, Settings
from .advice import after_training
from .dry_run import dry_run
from .epochs import EpochLog, epoch_lines
from .flags import DEFAULTS, Commands, add_command, flag
from .outputs import (
    OUTPUTS,
    check_can_be_written,
    check_no_overwriting,
    check_words_can_be_written,
    files_written,
    is_written,
    outputs_of,
    save_all,
    save_diverged,
)
from .ranks import run_on_ranks
from .reading import check_texts, encoded_among, given_reading, read_corpus
from .summary import summary
from .terminal import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, error_text, say, termination_as_interruption
from .train_flags import add_train_flags

# What other ranks give where the first one gives texts: what they give is not looked at.
_FIRST_RANKS: list[list[str]] = []
# Settings that a file of counts has decided.
_COUNTED = ("window", "shrink_windows", "sample", "draws", "min_count", "max_final_vocab")


def add_train(commands: Commands) -> None:
    """Declare fastsg train."""
    parser = add_command(
        commands,
        "train",
        run_train,
        help="train word vectors on text",
        description="Train word vectors on text files, one sentence per line. '-' is standard input; .gz, "
        ".bz2, .xz and .zst are unpacked.",
        examples="""
            fastsg train text.txt -o words.vec --epochs 3
            fastsg train text.txt --dry-run
            fastsg train text.txt --valid held-out.txt --patience 2 --save-model model
            fastsg train text.txt -o words.vec --save-output output.vec --save-bias bias
            fastsg train chinese.txt --encoding gb18030 --tokenizer char -o characters.bin
        """,
    )
    add_train_flags(parser)


def run_train(args: argparse.Namespace) -> int:
    """Check what can be checked, train, write, say how it went; under mpiexec, on all its ranks."""
    with termination_as_interruption():
        return run_on_ranks(args, _run)


def _run(args: argparse.Namespace, team: Team) -> int:
    """The first rank reads and writes, the others take part."""
    texts = [*(args.input or []), *args.operands]
    if not team.rank:
        _check_inputs(args, texts)
        if args.dry_run:
            return dry_run(args, texts, _settings(args))
        _check_outputs(args, texts)
        args.checkpoint = args.checkpoint or args.resume
    else:
        for name in OUTPUTS:
            setattr(args, name, None)
    callbacks = [*_early_stopping(args), *epoch_lines(args.quiet)]
    counts, begun = None, time.perf_counter()
    if args.counts and not team.rank:
        counts = CooccurrenceCounts.load(args.counts, mmap=args.mmap)
    loaded = time.perf_counter() - begun
    model = _resumed_model(args, team) if args.resume else _new_model(args, texts, counts, team)
    model.seconds["read"] += loaded
    check_words_can_be_written(args, model.vocab.words)
    checkpoint = _checkpoint(args)
    try:
        code = _fit(model, args, texts, counts, callbacks, checkpoint)
    except DivergenceError:
        if args.save_model:
            save_diverged(model, args.save_model)
        team.confer()  # all ranks have this error, and none ends the first one while it writes
        raise
    return code if team.rank or not model.history else _finish(model, args, code, checkpoint)


def _finish(model: SkipGram, args: argparse.Namespace, code: int, checkpoint: Checkpoint | None) -> int:
    """Write the files and say how it went."""
    try:
        report, is_whole = _write(model, args)
    except KeyboardInterrupt:
        say("interrupted while the files were written: each of them is whole or as it was before")
        if code == EXIT_OK and (args.resume or (checkpoint and checkpoint.written)):
            _say_how_to_go_on(args, from_checkpoint=bool(checkpoint and checkpoint.written))
        return EXIT_INTERRUPTED
    if args.json:
        print(json_text(report))
    elif not args.quiet:
        print(summary(report))
        if is_whole and code != EXIT_ERROR and (told := after_training(args, model.vocab.words)):
            print(told)
    return code if is_whole else EXIT_ERROR


def _check_inputs(args: argparse.Namespace, texts: list[str]) -> None:
    """ValueError unless there is one source to train on, and the flags agree with it."""
    if not texts and not args.counts:
        raise ValueError("there is no input: name text files, or --input - for standard input, or --counts")
    if args.counts:
        _check_counts(args, texts)
    elif args.mmap:
        raise ValueError("--mmap is for --counts, and there are none")
    if args.solver == "sgd" and "draws" in args.given:
        raise ValueError("--draws is for --solver counts; --solver sgd draws anew in every epoch")
    if "checkpoint_every" in args.given and not (args.checkpoint or args.resume):
        raise ValueError("--checkpoint-every needs a file to write: give --checkpoint or --resume")
    if args.dry_run and args.resume:
        raise ValueError("--dry-run and --resume exclude each other: it foresees whole trainings")
    if args.json and args.json_log == "-":
        raise ValueError("--json and --json-log - would both write to standard output; name a file for one")
    check_texts(args, texts, args.valid or [])


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
    """There is an output, each can be written, and none would overwrite an input or another output."""
    outputs = outputs_of(args)
    if not (outputs or args.json or args.resume):
        raise ValueError(
            "there is no output, so the training would be lost: name a file for the vectors with --output, "
            "or give --save-model, --save-output, --save-vocab, --save-bias, --checkpoint, --report, "
            "--json-log or --json"
        )
    check_can_be_written(outputs, stream="--json-log")
    if checkpoint := args.checkpoint or args.resume:
        outputs += [("--checkpoint", checkpoint), ("--checkpoint", spare_path(checkpoint))]
    inputs = [*(("--input", path) for path in texts), *(("--valid", path) for path in args.valid or [])]
    read_too = {"--read-vocab": args.read_vocab, "--resume": args.resume, "--counts": args.counts}
    read_too["--init"] = None if args.init in STARTS else args.init
    written = files_written(outputs, args.format)
    check_no_overwriting(written, [*inputs, *((name, path) for name, path in read_too.items() if path)])


def _early_stopping(args: argparse.Namespace) -> list[Callback]:
    if args.patience is None:
        return []
    if not args.valid:
        raise ValueError("--patience needs a held-out text: give --valid")
    return [EarlyStopping(patience=args.patience)]


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """The constructor's arguments, but for the texts."""
    settings = {name: value for name, value in vars(args).items() if name in DEFAULTS}
    return settings | {
        "tokenizer": args.tokenizer if "tokenizer" in args.given else None,
        "progress": False if args.quiet else None,
    }


def _held_out(args: argparse.Namespace, team: Team) -> EncodedCorpus | list[str] | list[list[str]] | None:
    """The held-out texts, for the model to read as it reads its own, or a corpus."""
    texts: list[str] | None = args.valid
    if texts and team.rank:
        return _FIRST_RANKS
    return read_corpus(args, texts) if texts and encoded_among(texts) else texts


def _new_model(
    args: argparse.Namespace, texts: list[str], counts: CooccurrenceCounts | None, team: Team
) -> SkipGram:
    """A model that has not been trained, with its vocabulary and its text."""
    # refuses what cannot be, at once
    model = SkipGram(**_settings(args), validation=_held_out(args, team), comm=team)
    begun = time.perf_counter()
    if args.counts:
        model.build_from_counts(counts)
    elif team.rank:
        model.build_vocab(_FIRST_RANKS)
    else:
        corpus = read_corpus(args, texts)
        seconds = time.perf_counter() - begun
        model.build_vocab(corpus)
        model.seconds["read"] = seconds
    return model


def _resumed_model(args: argparse.Namespace, team: Team) -> SkipGram:
    """The model of the checkpoint; flags may repeat its settings, not contradict them."""
    model = load_checkpoint(
        args.resume,
        workers=args.workers,
        validation=_held_out(args, team),
        comm=team,
        progress=False if args.quiet else None,
        **given_reading(args),
    )
    begun = model.settings.as_dict()
    if model.plan:  # where a setting went by the text
        begun |= {name: value for name, value in model.plan.settings.items() if begun[name] is None}
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


def _checkpoint(args: argparse.Namespace) -> Checkpoint | None:
    return Checkpoint(args.checkpoint, checkpoint_every=args.checkpoint_every) if args.checkpoint else None


def _fit(
    model: SkipGram,
    args: argparse.Namespace,
    texts: list[str],
    counts: CooccurrenceCounts | None,
    callbacks: list[Callback],
    checkpoint: Checkpoint | None,
) -> int:
    """Train, with log and checkpoints; returns the exit code that this deserves."""
    log = EpochLog(args.json_log, append=bool(args.resume)) if args.json_log else None
    callbacks = [*([log] if log else []), *callbacks, *([checkpoint] if checkpoint else [])]
    code = EXIT_OK
    try:
        with kept():
            _train(model, args, texts, counts, callbacks)
    except KeyboardInterrupt:
        if not model.rank:
            _say_interrupted(model, args)
        if checkpoint:
            _leave_checkpoint(model, checkpoint, args)
        code = EXIT_INTERRUPTED
    finally:
        if log:
            log.close()
    for name, writer in (("--checkpoint", checkpoint), ("--json-log", log)):
        if writer and writer.error:
            say(f"error: {name} was not written: {error_text(writer.error)}")
            code = EXIT_ERROR
    return code


def _train(
    model: SkipGram,
    args: argparse.Namespace,
    texts: list[str],
    counts: CooccurrenceCounts | None,
    callbacks: list[Callback],
) -> None:
    """On counts, on the text that a new model has, or on that of the training resumed."""
    resume = bool(args.resume)
    if args.counts:
        model.fit_counts(counts, callbacks=callbacks, resume=resume)
    elif not resume:
        model.train(callbacks=callbacks)
    elif model.rank:
        model.train(_FIRST_RANKS, callbacks=callbacks, resume=True)
    elif encoded_among(texts):
        model.train(read_corpus(args, texts), callbacks=callbacks, resume=True)
    else:
        model.train(corpus_file=texts, callbacks=callbacks, resume=True)


def _say_interrupted(model: SkipGram, args: argparse.Namespace) -> None:
    """Vectors that no epoch has trained must not take the place of better ones."""
    if model.history:
        say("interrupted; writing what is trained so far")
        return
    left = [f"{name} {printable(path)}" for name, path in outputs_of(args) if name != "--checkpoint"]
    say(f"interrupted before an epoch was finished; not written: {', '.join(left) or 'anything'}")


def _leave_checkpoint(model: SkipGram, checkpoint: Checkpoint, args: argparse.Namespace) -> None:
    """Keep what is done of the epoch too, and say how to go on.

    The checkpoint of another training stays until this one has something better: a finished epoch, or as much
    of one as takes minutes.
    """
    is_ours = checkpoint.written or args.resume
    if model.state.begun and (is_ours or not os.path.exists(checkpoint.path)):
        checkpoint.write(model)
    if not (checkpoint.written or args.resume):
        if not checkpoint.error:
            say("there is no checkpoint of this training to continue from")
        return
    _say_how_to_go_on(args, from_checkpoint=checkpoint.written)


def _say_how_to_go_on(args: argparse.Namespace, from_checkpoint: bool) -> None:
    """The command that takes up the checkpoint, or again the one that was resumed from."""
    same_command = not from_checkpoint or args.resume == args.checkpoint
    command = args.argv if same_command else [*args.argv, "--resume", args.checkpoint]
    say(f"to continue from the last checkpoint:\n  fastsg {printable(shlex.join(command))}")


def _write(model: SkipGram, args: argparse.Namespace) -> tuple[Report, bool]:
    """Write the files that were asked for; returns the report, which is one of them, and if all are there."""
    begun = time.perf_counter()
    is_whole = save_all(model, args)
    report = build_report(model, time.perf_counter() - begun)
    if args.counts or encoded_among([*(args.input or []), *args.operands]):
        # such files do not say which words were left out
        report["settings"] |= {"min_count": None, "max_final_vocab": None}
    if args.report:
        is_whole &= is_written("--report", lambda: write_json(report, args.report))
    return report, is_whole
