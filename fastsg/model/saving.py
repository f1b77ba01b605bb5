"""A model as data: between a training and its text settings on one side, and the model file on the other."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..io.model_file import ModelContent
from ..numerics.optimizer import Optimizer
from ..text.vocab import Vocab
from ..training.history import checked_history
from ..training.plan import Plan, is_count
from ..training.settings import Settings
from ..training.state import PretrainedWords, Training, TrainingState
from ..training.totals import EpochTotals
from .text_reader import RECORDED, checked_record


class SavedModel(NamedTuple):
    """A training, how its texts were read (see TextReader.record), and the user's notes."""

    training: Training
    reading: dict[str, Any]
    notes: dict[str, Any]


def pack(training: Training, reading: dict[str, Any], notes: dict[str, Any]) -> ModelContent:
    """Everything that goes into a file. Arrays are the training's own, not copies.

    ValueError if somebody has changed the history to what could not be read again.
    """
    state, history = training.state, cast(list[dict[str, Any]], training.history)
    checked_history(history)
    config = training.settings.as_dict() | reading
    progress = {
        "step": state.step,
        "epoch": state.epoch,
        "whole": state.at_epoch_end,
        "thinned": state.thinned,
        "plan": training.plan and dataclasses.asdict(training.plan),
    }
    if state.begun:
        progress["begun"] = state.begun.numbers()
    if training.pretrained:
        progress["pretrained"] = training.pretrained._asdict()
    arrays = {
        "keep": training.keep,
        "I": state.I,
        "O": state.O,
        "bias": training.bias if len(training.bias) else None,
        "sums_I": state.optimizer.sums_I,
        "sums_O": state.optimizer.sums_O,
        "shift": state.shift,
    } | (state.begun.arrays() if state.begun else {})
    is_there = state.at_epoch_end and state.best is not None and np.array_equal(state.best[0], state.I)
    if state.best is not None and not is_there:  # no need to have it there twice
        arrays["best_I"], arrays["best_O"] = state.best
    present = {name: array for name, array in arrays.items() if array is not None}
    vocab = training.vocab
    return ModelContent(
        config,
        history,
        progress,
        vocab.words,
        vocab.counts,
        vocab.raw_types,
        vocab.raw_tokens,
        present,
        notes,
    )


def unpack(saved: ModelContent) -> SavedModel:
    """The parts of a model out of a file; FormatError, ValueError or TypeError if they do not fit."""
    vocab = Vocab(saved.words, saved.word_counts, raw_types=saved.raw_types, raw_tokens=saved.raw_tokens)
    config = dict(saved.config)
    reading = checked_record({name: config.pop(name) for name in RECORDED if name in config})
    settings = _settings(config)
    K, H = saved.arrays["I"].shape
    if settings.vector_size != H:
        raise FormatError(f"its config has vector_size={settings.vector_size}, but I has {H} columns")
    if ("sums_I" in saved.arrays) != (settings.optimizer != "sgd"):
        raise FormatError(
            f"its optimizer is {settings.optimizer!r}, which does not go with the tensors it has"
        )
    settings = _with_threshold_of_before(settings, vocab, saved.arrays.get("keep"))
    state, plan = _state(saved, settings.optimizer, K)
    training = Training(
        settings,
        vocab,
        saved.arrays.get("keep"),
        saved.arrays.get("bias", np.zeros(0, np.float32)),
        state,
        workers=1,
        progress=None,
        history=checked_history(saved.history),
        plan=plan,
        pretrained=_pretrained(saved.training.get("pretrained")),
    )
    return SavedModel(training, reading, saved.notes)


def _settings(config: dict[str, Any]) -> Settings:
    config.setdefault("prior", 0.0)  # which files of before there was one do not name
    names = {field.name for field in dataclasses.fields(Settings)}
    if set(config) != names:
        raise FormatError(f"its config has {sorted(config)}, not {sorted(names)}")
    if isinstance(config["window"], list):  # JSON knows no tuples
        config["window"] = tuple(config["window"])
    return Settings.checked(**config)


def _with_threshold_of_before(settings: Settings, vocab: Vocab, keep: NDArray[np.float64] | None) -> Settings:
    """The settings, with the threshold of the file's keep(n) where that was an earlier version's default."""
    before = max(2e-4, 10.0 / len(vocab))
    if keep is None or settings.sample is not None or settings.solver != "counts":
        return settings
    if np.array_equal(keep, vocab.keep_probabilities(before)):
        return dataclasses.replace(settings, sample=before)
    return settings


def _pretrained(saved: object) -> PretrainedWords | None:
    if saved is None:
        return None
    if isinstance(saved, dict) and set(saved) == set(PretrainedWords._fields):
        words = PretrainedWords(**saved)
        if is_count(words.found) and is_count(words.not_found) and isinstance(words.factor, (int, float)):
            return words
    raise FormatError(f"its training has pretrained={saved!r}")


def _state(saved: ModelContent, optimizer: str, K: int) -> tuple[TrainingState, Plan | None]:
    arrays = saved.arrays
    values: list[Any] = [saved.training.get(name) for name in ("step", "epoch", "whole", "thinned", "plan")]
    step, epoch, at_epoch_end, thinned, plan = values
    sound = is_count(step) and is_count(epoch) and isinstance(at_epoch_end, bool)
    if not sound or not isinstance(thinned, (bool, type(None))) or not isinstance(plan, (dict, type(None))):
        raise FormatError("its training has no sound step, epoch, whole, thinned and plan")
    sums = Optimizer(optimizer, K)
    sums.sums_I, sums.sums_O = arrays.get("sums_I"), arrays.get("sums_O")
    best = (arrays["best_I"], arrays["best_O"]) if "best_I" in arrays else None
    begun = saved.training.get("begun")
    if begun is not None:
        if at_epoch_end or plan is None or not isinstance(begun, dict):
            raise FormatError("its training has an epoch begun, and no plan, or stands at an epoch's end")
        begun = EpochTotals.parse(begun, arrays)
    state = TrainingState(
        arrays["I"], arrays["O"], sums, arrays["shift"], step, epoch, at_epoch_end, begun, thinned, best
    )
    return state, None if plan is None else Plan.parse(plan)
