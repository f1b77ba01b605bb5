"""A folder of vectors that model2vec, sentence-transformers, LangChain and BERTopic load by themselves.

    model.safetensors   tensor ``embeddings`` F32 (K + 1, H); row 0 belongs to [UNK] and is zero
    tokenizer.json      a WordLevel vocabulary behind a split at white space, or into characters where every
                        word is one, as those of running Chinese text are
    config.json         what model2vec wants to know
    modules.json        one module: sentence-transformers' StaticEmbedding, version 3.4.1 or later

An unknown word counts as [UNK], whose zeros leave sums as they are. The tensors ``weights`` and ``mapping``
are model2vec's own and are never written; a folder that has them is refused. Read are the words of a
WordLevel, WordPiece or Unigram vocabulary and their rows, in float32 or float16, under model2vec's name or
sentence-transformers'.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.folder import atomic_folder
from . import safetensors
from .safetensors import Container, Field, Schema
from .untrusted import open_untrusted, shown
from .vector_table import Matrix, Reading, VectorTable, Writing, check_unique, utf8_words

logger = logging.getLogger(__name__)

UNKNOWN = "[UNK]"
_TENSORS = "model.safetensors"
#: What the folder holds; a folder with anything else in it is never replaced.
STATIC_FILES = ("config.json", _TENSORS, "modules.json", "tokenizer.json")
# The second name is what sentence-transformers saves under.
_SCHEMAS = [
    Schema(None, "", (Field(name, dtype, 2),))
    for name in ("embeddings", "embedding.weight")
    for dtype in ("F32", "F16")
]
_MOST_JSON = 1 << 30


def write_static_folder(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write the folder as a whole; an older one is replaced if it holds nothing else.

    With ``writing.sif`` = a the row of a word of probability p is weighed by a / (a + p), as in Arora, Liang
    and Ma 2017, so that the mean over a text is a weighed one.

    Raises
    ------
    ValueError      A word is [UNK] or cannot be UTF-8, or weights are wanted and there are no counts.
    """
    utf8_words(vectors.words)
    if UNKNOWN in vectors.words:
        raise ValueError(f"words: {UNKNOWN!r} stands for unknown words in this format; it cannot be a word")
    odd = [word for word in vectors.words if word.split() != [word]]
    if odd:
        logger.warning(
            "%d word(s) with white space, first %r: a tokenizer that splits there never finds them",
            len(odd),
            odd[0],
        )
    rows = np.vstack([np.zeros((1, vectors.matrix.shape[1]), np.float32), _weighed(vectors, writing.sif)])
    with atomic_folder(path, STATIC_FILES) as folder:
        with atomic_write(os.path.join(folder, _TENSORS)) as file:
            safetensors.write(file, _SCHEMAS[0], {}, {"embeddings": rows})
        for name, content in _descriptions(vectors, writing.sif).items():
            with atomic_write(os.path.join(folder, name)) as file:
                file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


def _weighed(vectors: VectorTable, a: float | None) -> Matrix:
    if a is None:
        return vectors.matrix
    if vectors.counts is None or not vectors.counts.sum():
        raise ValueError(
            "sif needs counts, and these vectors have none; take the model, or a format that holds counts "
            "(npz, safetensors, parquet, arrow)"
        )
    probability = vectors.counts / vectors.counts.sum()
    weighed: Matrix = vectors.matrix * (a / (a + probability))[:, None].astype(np.float32)
    return weighed


def _descriptions(vectors: VectorTable, sif: float | None) -> dict[str, Any]:
    """The JSON files."""
    unknown = {
        "id": 0,
        "content": UNKNOWN,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [unknown],
        "normalizer": None,
        "pre_tokenizer": _pre_tokenizer(vectors.words),
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {UNKNOWN: 0} | {word: i for i, word in enumerate(vectors.words, 1)},
            "unk_token": UNKNOWN,
        },
    }
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": "fastsg",
        "hidden_dim": vectors.matrix.shape[1],
        "embedding_dtype": "float32",
        "normalize": False,
        "max_length": None,  # model2vec would cut texts at 512 words
        "sif_coefficient": sif,
        "fastsg_version": __version__,
    }
    module = {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}
    return {"tokenizer.json": tokenizer, "config.json": config, "modules.json": [module]}


def _pre_tokenizer(words: list[str]) -> dict[str, Any]:
    """What splits a text: at white space, and into characters if no word has more than one."""
    at_spaces = {"type": "WhitespaceSplit"}
    if any(len(word) > 1 for word in words):
        return at_spaces
    characters = {"type": "Split", "pattern": {"Regex": r"\S"}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [at_spaces, characters]}


def read_static_folder(path: str, reading: Reading) -> VectorTable:
    """The words of the folder and their rows, without [UNK]; FormatError if it is not such a folder."""
    matrix = _read_matrix(os.path.join(path, _TENSORS))
    unknown, ids = _read_vocabulary(os.path.join(path, "tokenizer.json"))
    if sorted(ids.values()) != list(range(len(matrix))):
        raise FormatError(
            f"{path}: the {len(ids)} words of tokenizer.json do not number the {len(matrix)} rows"
        )
    if unknown is not None:
        ids.pop(unknown, None)
    words = sorted(ids, key=ids.__getitem__)
    check_unique(path, words)
    rows = np.array([ids[word] for word in words], np.int64)
    return VectorTable(words, matrix[rows], None)


def _read_matrix(path: str) -> Matrix:
    with (
        safetensors.named(path, "tensor 'embeddings' for the folder"),
        safetensors.open_regular(path) as file,
    ):
        complaints: list[FormatError] = []
        for schema in _SCHEMAS:
            try:
                container = Container(file, schema)
            except FormatError as error:
                complaints.append(error)
            else:
                return container.read(schema.fields[0].name).astype(np.float32, copy=False)
        raise complaints[0]


def _read_vocabulary(path: str) -> tuple[str | None, dict[str, int]]:
    """(the word that stands for unknown ones, the id of each word)."""
    with open_untrusted(path) as source:
        size = source.left() or 0
        text = source.take(min(size, _MOST_JSON), "the vocabulary")
    try:
        parsed = safetensors.parse_json(text.decode())
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    model = parsed.get("model") if isinstance(parsed, dict) else None
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # Unigram: pairs of a word and its score
        pairs = [pair for pair in vocabulary if isinstance(pair, list) and len(pair) == 2]
        vocabulary = {pair[0]: i for i, pair in enumerate(pairs) if isinstance(pair[0], str)}
    if not isinstance(model, dict) or not isinstance(vocabulary, dict):
        raise FormatError(f"{path}: it has no model with a vocabulary")
    for word, number in vocabulary.items():
        if type(number) is not int:
            raise FormatError(f"{path}: the word {shown(word)} has the id {shown(repr(number))}")
    unknown = model.get("unk_token")
    return unknown if isinstance(unknown, str) else None, vocabulary
