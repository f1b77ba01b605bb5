"""A model as data: between SkipGram's parts and the native file, and what it takes to continue an interrupted training."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.window import PairSource, TextSource, Window
from ..errors import FormatError
from ..io.model_file import ModelContent
from ..numerics.optimizer import SCHEDULES, Optimizer
from ..text.vocab import Vocab
from ..training.epoch import State
from ..training.settings import Settings
from ..training.stages import CountSource

if TYPE_CHECKING:
    from ..text.corpus import EncodedCorpus
    from .skipgram import SkipGram

logger = logging.getLogger(__name__)

#: Where batches come from.
Source = TextSource | PairSource | CountSource

# Epochs number streams of random numbers, which end at 2**62; no training comes near.
_MAX_STEPS = 2**48


@dataclasses.dataclass
class Plan:
    """A training and how far it is.

    Attributes
    ----------
    epochs, done : int              How many are to be trained; how many are finished.
    schedule : str                  Name of the learning rate's schedule.
    batch_size, head : int          As they came out of settings and text; another version may choose otherwise. Without counts
                                    head is 0.
    corpus, validation : str        What is trained on and measured on: size and digest, see :func:`fingerprint`.
    isa : str                       Instruction set that it was begun with.
    """

    epochs: int
    done: int
    schedule: str
    batch_size: int
    head: int
    corpus: str
    validation: str
    isa: str

    @classmethod
    def start(cls, source: Source, validation: EncodedCorpus | None, epochs: int, schedule: str) -> Plan:
        """A plan of which nothing is done."""
        return cls(
            epochs,
            0,
            schedule,
            source.batch_size,
            getattr(source, "head", 0),
            *_texts(source, validation),
            _core.isa(),
        )

    @classmethod
    def parse(cls, saved: dict[str, Any]) -> Plan:
        """From the file; ValueError or TypeError if it makes no sense."""
        plan = cls(**saved)
        if not (_is_count(plan.epochs) and _is_count(plan.done) and plan.done <= plan.epochs):
            raise ValueError(f"its plan has {plan.done!r} of {plan.epochs!r} epochs done")
        if not _is_count(plan.batch_size) or plan.batch_size < 1 or not _is_count(plan.head):
            raise ValueError(f"its plan has batch_size={plan.batch_size!r} and head={plan.head!r}")
        if not isinstance(plan.schedule, str) or plan.schedule not in SCHEDULES:
            raise ValueError(
                f"its plan has the schedule {plan.schedule!r}; allowed are {', '.join(map(repr, SCHEDULES))}"
            )
        if not all(isinstance(text, str) for text in (plan.corpus, plan.validation, plan.isa)):
            raise ValueError("its plan does not name corpus, validation text and instruction set")
        return plan

    def settle(self, source: Source) -> Source:
        """The source with the sizes of this plan."""
        sizes = {"batch_size": self.batch_size, "head": self.head}
        return source._replace(**{name: value for name, value in sizes.items() if name in source._fields})

    def check_continues(self, source: Source, validation: EncodedCorpus | None, epochs: int | None) -> None:
        """ValueError unless this is the same training; a warning where its last bits cannot be the same."""
        if epochs not in (None, self.epochs):
            raise ValueError(
                f"epochs is {epochs}, but the interrupted training was planned for {self.epochs}; "
                "leave it out, or begin another training without resume"
            )
        for name, found, planned in zip(
            ("corpus", "validation text"), _texts(source, validation), (self.corpus, self.validation)
        ):
            if found != planned:
                raise ValueError(
                    f"the {name} is not that of the interrupted training: now {found}; then {planned}"
                )
        if (_core.isa() == "generic") != (self.isa == "generic"):
            logger.warning(
                "training began with %s instructions and continues with %s: the last bits will differ from those of an "
                "uninterrupted one",
                self.isa,
                _core.isa(),
            )


def _texts(source: Source, validation: EncodedCorpus | None) -> tuple[str, str]:
    if isinstance(source, PairSource):
        corpus = fingerprint("pairs", source.centers, source.contexts, source.weights)
    elif isinstance(source, CountSource):
        unit, arrays = source.origin or (
            "entries",
            tuple(
                array
                for table in {id(t): t for t in (source.table, source.table.start)}.values()
                for array in (table.counts, table.contexts, table.row_ptr)
            ),
        )
        corpus = fingerprint(unit, *arrays)
    else:
        corpus = fingerprint("tokens", source.tokens, source.offsets)
    return corpus, "none" if validation is None else fingerprint(
        "tokens", validation.tokens, validation.offsets
    )


def fingerprint(unit: str, *arrays: NDArray[Any]) -> str:
    """``"1000 tokens, SHA-256 1f3a…"`` of the ids themselves: half a second for a thousand million bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(memoryview(np.ascontiguousarray(array, array.dtype.newbyteorder("<"))).cast("B"))
    return f"{len(arrays[0])} {unit}, SHA-256 {digest.hexdigest()}"


def pack(model: SkipGram) -> ModelContent:
    """Everything that goes into a file. Arrays are the model's own, not copies."""
    state, is_named = model.state, isinstance(model._reader.tokenizer, str)
    config = model.settings.as_dict() | {
        "tokenizer": model._reader.tokenizer if is_named else None,
        "errors": model._reader.errors,
    }
    training = {
        "step": state.step,
        "epoch": state.epoch,
        "whole": state.whole,
        "thinned": state.thinned,
        "plan": model.plan and dataclasses.asdict(model.plan),
    }
    arrays = {
        "keep": model._keep,
        "I": state.I,
        "O": state.O,
        "bias": model._train_bias if len(model._train_bias) else None,
        "sums_I": state.optimizer.sums_I,
        "sums_O": state.optimizer.sums_O,
        "shift": state.shift,
    }
    if state.best is not None and not np.array_equal(
        state.best[0], state.I
    ):  # the present epoch need not be there twice
        arrays["best_I"], arrays["best_O"] = state.best
    present = {name: array for name, array in arrays.items() if array is not None}
    vocab = model.vocab
    return ModelContent(
        config,
        model.history,
        training,
        words=vocab.words,
        word_counts=vocab.counts,
        raw_types=vocab.raw_types,
        raw_tokens=vocab.raw_tokens,
        arrays=present,
    )


class Unpacked(NamedTuple):
    """The parts of a model."""

    vocab: Vocab
    settings: Settings
    state: State
    plan: Plan | None
    keep: NDArray[np.float64] | None
    bias: NDArray[np.float32]
    tokenizer: str | None
    errors: str


def unpack(saved: ModelContent) -> Unpacked:
    """The parts of a model out of a file; FormatError, ValueError or TypeError if they do not fit together."""
    vocab = Vocab(saved.words, saved.word_counts, raw_types=saved.raw_types, raw_tokens=saved.raw_tokens)
    config = dict(saved.config)
    tokenizer, errors = config.pop("tokenizer", None), config.pop("errors", None)
    if not isinstance(tokenizer, (str, type(None))) or not isinstance(errors, str):
        raise FormatError(f"its config has tokenizer={tokenizer!r} and errors={errors!r}")
    settings = _settings(config)
    K, H = saved.arrays["I"].shape
    if settings.vector_size != H:
        raise FormatError(f"its config has vector_size={settings.vector_size}, but I has {H} columns")
    if ("sums_I" in saved.arrays) != (settings.optimizer != "sgd"):
        raise FormatError(
            f"its optimizer is {settings.optimizer!r}, which does not go with the tensors it has"
        )
    state, plan = _state(saved, settings.optimizer, K)
    if plan is not None and plan.done > len(saved.history):
        raise FormatError(f"its plan has {plan.done} epochs done, its history {len(saved.history)}")
    return Unpacked(
        vocab,
        settings,
        state,
        plan,
        saved.arrays.get("keep"),
        saved.arrays.get("bias", np.zeros(0, np.float32)),
        tokenizer,
        errors,
    )


def _settings(config: dict[str, Any]) -> Settings:
    names = {field.name for field in dataclasses.fields(Settings)}
    if set(config) != names:
        raise FormatError(f"its config has {sorted(config)}, not {sorted(names)}")
    if isinstance(config["window"], list):  # JSON knows no tuples
        config["window"] = tuple(config["window"])
    Window.parse(config["window"], config["shrink_windows"])
    return Settings.checked(**config)


def _state(saved: ModelContent, optimizer: str, K: int) -> tuple[State, Plan | None]:
    training, arrays = saved.training, saved.arrays
    step, epoch, whole, thinned, plan = (
        training.get(name) for name in ("step", "epoch", "whole", "thinned", "plan")
    )
    if not (
        _is_count(step)
        and _is_count(epoch)
        and isinstance(whole, bool)
        and isinstance(thinned, (bool, type(None)))
        and isinstance(plan, (dict, type(None)))
    ):
        raise FormatError("its training has no sound step, epoch, whole, thinned and plan")
    sums = Optimizer(optimizer, K)
    sums.sums_I, sums.sums_O = arrays.get("sums_I"), arrays.get("sums_O")
    best = (arrays["best_I"], arrays["best_O"]) if "best_I" in arrays else None
    state = State(arrays["I"], arrays["O"], sums, arrays["shift"], step, epoch, whole, thinned, best)
    return state, None if plan is None else Plan.parse(plan)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MAX_STEPS
