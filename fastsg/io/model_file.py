"""The model file: one safetensors container with everything to ask a model and to train it on.

Metadata, all strings: ``format``, ``format_version``, ``library_version``; ``config`` (settings), ``history``
(a record for each epoch), ``training`` (steps, epochs, the plan) and, where there are any,
``notes`` of the user, as JSON; ``raw_types`` and ``raw_tokens`` of the vocabulary; ``sha256`` (JSON: the
digest of each tensor's bytes, and under ``__metadata__`` that of all other metadata). Tensors, in this order,
for K words and vectors of length H::

    counts        I64 (K,)          occurrences
    word_offsets  I64 (K + 1,)      word i is words[word_offsets[i]:word_offsets[i + 1]]
    keep          F64 (K,)          probabilities of subsampling; missing without subsampling
    I, O          F32 (K, H)        input and output matrix
    bias          F32 (K,)          b_n, added to the logits in training; missing without a bias
    sums_I/_O     F32 (K,)          Adagrad's sums; missing for sgd
    shift         F32 (K,)          last log Z of each center
    best_I/_O     F32 (K, H)        best state so far, where early stopping has passed it
    contexts      F64               inside an epoch: weight of each of its context words so far, where needed
    axes          F32 (H, H)        inside an epoch: what its Newton steps divide by
    curvature     F32 (H,)          likewise
    words         U8                the words in UTF-8, end to end

``P(n|m)`` of the real text is the softmax over n of ``O[n] . I[m] + bias[n] - log(keep[n])``.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks import MAX_WORDS
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from ..system.digest import sha256
from . import safetensors
from .safetensors import Container, Field, Schema

logger = logging.getLogger(__name__)

_MATRICES = ("I", "O", "best_I", "best_O")
_ROWS = ("bias", "sums_I", "sums_O", "shift")
_SCHEMA = Schema(
    "fastsg-model",
    "1",
    (
        Field("counts", "I64"),
        Field("word_offsets", "I64"),
        Field("keep", "F64", optional=True),
        Field("I", "F32", 2),
        Field("O", "F32", 2),
        Field("bias", "F32", optional=True),
        Field("sums_I", "F32", optional=True),
        Field("sums_O", "F32", optional=True),
        Field("shift", "F32"),
        Field("best_I", "F32", 2, optional=True),
        Field("best_O", "F32", 2, optional=True),
        Field("contexts", "F64", optional=True),
        Field("axes", "F32", 2, optional=True),
        Field("curvature", "F32", optional=True),
        Field("words", "U8"),
    ),
)
#: Name under which the digest of the metadata stands among those of the tensors.
_SEALED = "__metadata__"
_PAIRED = (("sums_I", "sums_O"), ("best_I", "best_O"), ("axes", "curvature"))
#: Bytes of the header that the history may take; a reader allows 1 MiB in all.
_MAX_HISTORY = 800_000
_MAX_NOTES = 50_000


@dataclasses.dataclass
class ModelContent:
    """What the file holds.

    Attributes
    ----------
    config : dict                       Settings of the model.
    history : list of dict              A record for each epoch.
    training : dict                     Steps, epochs and the plan.
    words : list of str, length K
    word_counts : ndarray (K,), int64   Occurrences of each word.
    raw_types, raw_tokens : int         Different words and tokens before rare words were cut.
    arrays : dict of str to ndarray     Those of the table above, except ``counts``, ``word_offsets`` and
                                        ``words``.
    notes : dict                        Of the user, plain values.
    """

    config: dict[str, Any]
    history: list[dict[str, Any]]
    training: dict[str, Any]
    words: list[str]
    word_counts: NDArray[np.int64]
    raw_types: int
    raw_tokens: int
    arrays: dict[str, NDArray[Any]]
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)


def save_model_file(path: str | os.PathLike[str], content: ModelContent) -> None:
    """Write the file as a whole or not at all; OSError with the path."""
    refuse_compression(path)
    with atomic_write(path) as file:
        write_model_file(file, content)


def write_model_file(file: BinaryIO, content: ModelContent) -> None:
    """Write to an open file. The same content always gives the same bytes."""
    offsets, blob = safetensors.pack_words(content.words)
    arrays = {**content.arrays, "counts": content.word_counts, "word_offsets": offsets, "words": blob}
    digests = {
        field.name: sha256(safetensors.raw_bytes(field, arrays[field.name]))
        for field in _SCHEMA.fields
        if field.name in arrays
    }
    metadata = {
        "library_version": __version__,
        "raw_types": str(content.raw_types),
        "raw_tokens": str(content.raw_tokens),
        "config": _json(content.config),
        "history": _history_json(content.history),
        "training": _json(content.training),
    }
    if content.notes:
        metadata["notes"] = _notes_json(content.notes)
    metadata["sha256"] = _json({_SEALED: _metadata_digest(metadata), **digests})
    safetensors.write(file, _SCHEMA, metadata, arrays)


def _metadata_digest(metadata: dict[str, str]) -> str:
    """Digest of all metadata but the digests and the schema's own two."""
    text = {
        key: metadata[key] for key in sorted(metadata) if key not in ("sha256", "format", "format_version")
    }
    return sha256(_json(text).encode())


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """A NumPy number as Python's, all else as text: an odd value in the history must not cost the model."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _notes_json(notes: dict[str, Any]) -> str:
    """The notes; TypeError or ValueError unless they come back from JSON as they are, and are short."""
    try:
        text = json.dumps(notes, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"notes are no JSON: {error}") from None
    if json.loads(text) != notes or len(text) > _MAX_NOTES:
        raise ValueError(
            f"notes must be a dict of plain values under str keys, at most {_MAX_NOTES} bytes as JSON; they "
            f"are {len(text)} bytes: {text[:80]}"
        )
    return text


def _history_json(history: list[dict[str, Any]]) -> str:
    """The history, or its newest epochs where it is too long for a header."""
    records: list[str] = []
    size = 0
    for record in reversed(history):
        text = _json(record)
        size += len(json.dumps(text)) + 1
        if size > _MAX_HISTORY:
            logger.warning(
                "the history is too long for the file, which keeps the last %d of its %d epochs",
                len(records),
                len(history),
            )
            break
        records.append(text)
    return f"[{','.join(reversed(records))}]"


def read_model_file(
    source: str | os.PathLike[str] | bytes,
    *,
    mmap: bool = False,
    verify: bool | None = None,
    allow_nonfinite: bool = False,
) -> ModelContent:
    """Read a file, or its bytes; nothing is allocated before the header is proven against the size.

    Parameters
    ----------
    source : str, PathLike or bytes     A path, or the content of a file.
    mmap : bool                         Map I and O, read-only. Shortening the file while it is mapped kills
                                        the process (SIGBUS).
    verify : bool or None               Check the digests and finiteness of I and O; None: unless they are
                                        mapped. Everything else is always checked.
    allow_nonfinite : bool              Accept NaN and infinity in the float32 arrays.

    Raises
    ------
    FormatError                         The file is no such file, or is damaged.
    OSError                             It cannot be read.
    """
    verify = not mmap if verify is None else verify
    if isinstance(source, bytes):
        with safetensors.named("<bytes>", "model file"):
            return _read(Container(io.BytesIO(source), _SCHEMA), False, verify, allow_nonfinite)
    with safetensors.named(os.fsdecode(source), "model file"), safetensors.open_regular(source) as file:
        container = Container(file, _SCHEMA)
        _check_by_library(source, container)
        return _read(container, mmap, verify, allow_nonfinite)


def _read(container: Container, mmap: bool, verify: bool, allow_nonfinite: bool) -> ModelContent:
    _check_shapes(container)
    metadata, digests = container.metadata, _digests(container)
    config = _parsed(metadata, "config", dict)
    training = _parsed(metadata, "training", dict)
    history = _parsed(metadata, "history", list)
    if not all(isinstance(record, dict) for record in history):
        raise FormatError("its history is no list of records")
    notes = _parsed(metadata, "notes", dict) if "notes" in metadata else {}
    arrays = _read_arrays(container, digests, mmap, verify, allow_nonfinite)
    return ModelContent(
        config,
        history,
        training,
        words=safetensors.unpack_words(arrays.pop("word_offsets"), arrays.pop("words")),
        word_counts=arrays.pop("counts"),
        raw_types=safetensors.count(metadata, "raw_types"),
        raw_tokens=safetensors.count(metadata, "raw_tokens"),
        arrays=arrays,
        notes=notes,
    )


def _digests(container: Container) -> dict[str, str]:
    """The digests of the tensors on record, once that of the metadata has proved right."""
    digests: dict[str, str] = _parsed(container.metadata, "sha256", dict)
    if set(digests) != {_SEALED, *container.places}:
        raise FormatError("its sha256 does not name the tensors it has")
    if digests[_SEALED] != _metadata_digest(container.metadata):
        raise FormatError("its metadata are damaged: their SHA-256 is not the one on record")
    return digests


def _read_arrays(
    container: Container, digests: dict[str, str], mmap: bool, verify: bool, allow_nonfinite: bool
) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name in container.places:
        is_mapped = mmap and name in ("I", "O")
        arrays[name] = container.map(name) if is_mapped else container.read(name)
        if verify or name not in ("I", "O"):
            if sha256(arrays[name]) != digests[name]:
                raise FormatError(f"the bytes of {name} are damaged: their SHA-256 is not the one on record")
            _check_values(name, arrays[name], allow_nonfinite)
    return arrays


def _check_shapes(container: Container) -> None:
    shapes = {name: place.shape for name, place in container.places.items()}
    K, H = shapes["I"]
    if K > MAX_WORDS:
        raise FormatError(f"{K} words are more than ids can number ({MAX_WORDS})")
    wanted = (
        {"counts": (K,), "word_offsets": (K + 1,), "keep": (K,), "axes": (H, H), "curvature": (H,)}
        | dict.fromkeys(_MATRICES, (K, H))
        | dict.fromkeys(_ROWS, (K,))
    )
    for name, shape in shapes.items():
        if name in wanted and shape != wanted[name]:
            raise FormatError(f"{name} has shape {shape}; with I of {shapes['I']} it must be {wanted[name]}")
    for first, second in _PAIRED:
        if (first in shapes) != (second in shapes):
            raise FormatError(f"it has only one of {first} and {second}")


def _parsed(metadata: dict[str, str], key: str, kind: type) -> Any:
    try:
        value = safetensors.parse_json(metadata.get(key, ""))
    except ValueError as error:
        raise FormatError(f"its {key} is not valid: {error}") from None
    if not isinstance(value, kind):
        raise FormatError(f"its {key} is no JSON {'object' if kind is dict else 'array'}")
    return value


def _check_values(name: str, array: NDArray[Any], allow_nonfinite: bool) -> None:
    """Refuse numbers that no training leaves behind."""
    if array.dtype.kind != "f":
        return
    low, high = array.min(), array.max()  # both NaN if the array holds one
    if name == "keep" and not 0 < low <= high <= 1:
        raise FormatError(f"keep has probabilities from {low:g} to {high:g}")
    if not allow_nonfinite and not (np.isfinite(low) and np.isfinite(high)):
        raise FormatError(f"{name} holds NaN or infinity (allow_nonfinite=True accepts it)")
    if name in ("sums_I", "sums_O", "contexts") and low < 0:
        raise FormatError(f"{name} holds {low:g}; sums of squares, or of weights, are not negative")


def _check_by_library(path: str | os.PathLike[str], container: Container) -> None:
    """Refuse a file in which the safetensors library finds anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fsdecode(path), "numpy") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise FormatError(f"the safetensors library refuses it: {error}") from None
    if found != {name: place.shape for name, place in container.places.items()}:
        raise FormatError("the safetensors library finds other tensors in it")
