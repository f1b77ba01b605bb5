"""EncodedCorpus: a text as word ids, made from files or from token lists, saved and mapped.

The way of a file::

    reading.blocks ──► worker: clean, cut, look up ──► ids of that worker's table ─┐   (compiled, without the GIL)
    reading.blocks ──► worker: clean, cut, look up ──► ids of that worker's table ─┤
                                                                                   ▼
               tables merged, words sorted: Vocab ──► ids replaced in place, words outside the vocabulary dropped

Workers are Python threads, not OpenMP's: they need no barrier, overlap with reading, and survive a fork.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import sys
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _text
from ..io import safetensors as _safetensors
from ..system.atomic import atomic_write
from ..system.threads import effective_num_threads
from . import blocks as reading
from .vocab import Vocab, check_cuts, eligible, ranking

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 20
# More workers than this wait for the one thread that reads.
_MAX_WORKERS = 16
_GROWTH = 1 << 21  # elements
_WORDS_AT_ONCE = 1 << 18
_SCHEMA = _safetensors.Schema(
    "fastsg-corpus",
    "1",
    tuple(
        _safetensors.Field(name, dtype)
        for name, dtype in (
            ("offsets", "I64"),
            ("counts", "I64"),
            ("word_offsets", "I64"),
            ("tokens", "I32"),
            ("words", "U8"),
        )
    ),
)
_COUNTERS = ("raw_types", "vocab_raw_tokens", "raw_tokens", "invalid_bytes_replaced")


class EncodedCorpus:
    """Sentences of word ids.

    Parameters
    ----------
    tokens : ndarray of shape (n,), int32           Word ids in [0, K), C-contiguous; may be read-only or mapped.
    offsets : ndarray of shape (s + 1,), int64      Sentence i is ``tokens[offsets[i]:offsets[i + 1]]``; strictly
                                                    increasing from 0 to n, so no sentence is empty.
    vocab : Vocab                                   What the ids mean.
    raw_tokens : int or None                        Tokens met, before those outside the vocabulary were dropped.
    invalid_bytes_replaced : int                    Invalid UTF-8 sequences that were replaced or left out.

    Attributes
    ----------
    tokens, offsets, vocab, raw_tokens, invalid_bytes_replaced
    n_tokens : int

    Raises
    ------
    ValueError, TypeError                           The arrays are not as described; says which.
    """

    def __init__(
        self,
        tokens: NDArray[np.int32],
        offsets: NDArray[np.int64],
        vocab: Vocab,
        *,
        raw_tokens: int | None = None,
        invalid_bytes_replaced: int = 0,
    ) -> None:
        _check_layout(tokens, offsets, vocab)
        if tokens.min() < 0 or tokens.max() >= len(vocab):
            raise ValueError(
                f"tokens holds ids from {tokens.min()} to {tokens.max()}; the vocabulary has 0 to {len(vocab) - 1}"
            )
        self._set(tokens, offsets, vocab, raw_tokens, invalid_bytes_replaced)

    def _set(
        self,
        tokens: NDArray[np.int32],
        offsets: NDArray[np.int64],
        vocab: Vocab,
        raw_tokens: int | None,
        invalid: int,
    ) -> None:
        self.tokens, self.offsets, self.vocab = tokens, offsets, vocab
        self.raw_tokens = len(tokens) if raw_tokens is None else int(raw_tokens)
        self.invalid_bytes_replaced = int(invalid)

    @property
    def n_tokens(self) -> int:
        return len(self.tokens)

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[list[str]]:
        """The sentences as lists of words, without the words that are not in the vocabulary."""
        words = self.vocab.words
        for i in range(len(self)):
            yield [words[k] for k in self.tokens[self.offsets[i] : self.offsets[i + 1]].tolist()]

    def __repr__(self) -> str:
        return f"<EncodedCorpus: {len(self)} sentences, {self.n_tokens} tokens, {len(self.vocab)} words>"

    @classmethod
    def from_iter(
        cls,
        sentences: Iterable[Iterable[str]],
        *,
        vocab: Vocab | None = None,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        progress: bool | None = None,
    ) -> EncodedCorpus:
        """Encode token lists; the iterable is gone through once, so a generator will do.

        Parameters
        ----------
        sentences : iterable of iterables of str    Tokens may be any strings but the empty one.
        vocab : Vocab or None                       Keep these words and their ids; None makes a vocabulary.
        min_count, max_final_vocab                  See :meth:`Vocab.from_counts`; not used with ``vocab``.
        progress : bool or None                     Show a progress bar; None: if standard error is a terminal.

        Raises
        ------
        TypeError                                   A sentence is a str, or a token is none; says which sentence.
        ValueError                                  No tokens, or none is left in the vocabulary.
        """
        if isinstance(sentences, (str, bytes, os.PathLike)):
            raise TypeError(
                f"sentences is a {type(sentences).__name__}; use EncodedCorpus.from_files to read files"
            )
        _check_options(vocab, min_count, max_final_vocab)
        with _progress_bar(
            progress, len(sentences) if hasattr(sentences, "__len__") else None, "sentences"
        ) as advance:
            encoder = _Lists()
            encoder.add(sentences, advance)
        return _finished(cls, encoder, vocab, min_count, max_final_vocab, "sentences")

    @classmethod
    def from_files(
        cls,
        paths: reading.PathLike | Iterable[reading.PathLike],
        *,
        tokenizer: Any = "space",
        vocab: Vocab | None = None,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        errors: str = "replace",
        max_word_bytes: int = 4096,
        workers: int | None = None,
        progress: bool | None = None,
        _block_bytes: int = _BLOCK_BYTES,
    ) -> EncodedCorpus:
        """Encode text files, a line a sentence.

        Parameters
        ----------
        paths : path or iterable of paths   ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are decompressed.
        tokenizer                           "space": words between white space as ``str.split()`` sees it. "char": each
                                            character that is no white space. Or a callable str -> list of str, or an
                                            object with ``encode``, for whole lines (:func:`reading.line_tokenizer`);
                                            only these hold a line in memory as a whole.
        vocab, min_count, max_final_vocab   As in :meth:`from_iter`.
        errors : str                        Invalid UTF-8: "replace" by U+FFFD, with a warning; "ignore" leaves it out,
                                            with a warning; "strict" raises.
        max_word_bytes : int                Longest word allowed, in bytes of the file, for tokenizer "space".
        workers : int or None               Threads of "space" and "char" (16 at most); does not change the result.
        progress : bool or None             As in :meth:`from_iter`; counts bytes of the files.

        Returns
        -------
        EncodedCorpus                       Words outside the vocabulary are dropped, their neighbours move together.

        Raises
        ------
        OSError                             A file is missing, a directory, unreadable, or its compressed data are
                                            damaged or truncated.
        ValueError                          No tokens; none is left in the vocabulary; a word longer than
                                            ``max_word_bytes`` or, if strict, invalid UTF-8 (with the byte offset in the
                                            uncompressed file).
        ImportError                         ``.zst`` without a package that reads it.
        """
        paths = reading.input_paths(paths)
        _check_options(vocab, min_count, max_final_vocab)
        if errors not in reading.ERRORS:
            raise ValueError(f"errors is {errors!r}; allowed are {', '.join(map(repr, reading.ERRORS))}")
        if not isinstance(max_word_bytes, Integral) or isinstance(max_word_bytes, bool) or max_word_bytes < 1:
            raise ValueError(f"max_word_bytes is {max_word_bytes!r}; allowed are integers >= 1")
        n_workers = min(effective_num_threads(workers), _MAX_WORKERS)
        with _progress_bar(progress, reading.total_bytes(paths), "B") as advance:
            blocks = partial(reading.blocks, paths, block_bytes=_block_bytes, advance=advance)
            encoder: _Lists | _Blocks
            if tokenizer == "space":
                encoder = _Words(errors, n_workers, int(max_word_bytes))
                encoder.add(partial(blocks, _text.last_space, max_tail=int(max_word_bytes)))
            elif tokenizer == "char":
                encoder = _Chars(errors, n_workers)
                encoder.add(partial(blocks, _text.last_char))
            else:
                encoder = _Lists()
                lines = reading.lines(blocks(reading.last_line), errors, encoder.count_invalid)
                encoder.add(map(reading.line_tokenizer(tokenizer), lines))
        shown = ", ".join(map(repr, paths[:3])) + ", ..." * (len(paths) > 3)
        if encoder.invalid:
            verb = "replaced by U+FFFD" if errors == "replace" else "left out"
            logger.warning("%d invalid UTF-8 sequences were %s in %s", encoder.invalid, verb, shown)
        return _finished(cls, encoder, vocab, min_count, max_final_vocab, shown)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file: ``tokens, offsets, counts, word_offsets, words`` (UTF-8, end to end).

        The same corpus always gives the same bytes. An existing file is replaced as a whole or not at all.
        """
        word_offsets, words = _safetensors.pack_words(self.vocab.words)
        arrays = {
            "offsets": self.offsets,
            "counts": self.vocab.counts,
            "word_offsets": word_offsets,
            "tokens": self.tokens,
            "words": words,
        }
        counters = (self.vocab.raw_types, self.vocab.raw_tokens, self.raw_tokens, self.invalid_bytes_replaced)
        with atomic_write(path) as file:
            _safetensors.write(file, _SCHEMA, dict(zip(_COUNTERS, map(str, counters))), arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool = False) -> EncodedCorpus:
        """Read a file written by :meth:`save`.

        Parameters
        ----------
        path : path
        mmap : bool             Map tokens and offsets, read-only, instead of reading them. The ids of the tokens are
                                then not checked here. Shortening a mapped file kills the process (SIGBUS).

        Raises
        ------
        FormatError             The file is not such a file, or is damaged.
        OSError                 It cannot be read.
        """
        with _safetensors.named(os.fspath(path), "encoded corpus"):
            with _safetensors.open_regular(path) as file:
                container = _safetensors.Container(file, _SCHEMA)
                mapped = ("tokens", "offsets") if mmap else ()
                arrays = {
                    name: container.map(name) if name in mapped else container.read(name)
                    for name in container.places
                }
            counters = [_safetensors.count(container.metadata, key) for key in _COUNTERS]
            words = _safetensors.unpack_words(arrays["word_offsets"], arrays["words"])
            vocab = Vocab(words, arrays["counts"], raw_types=counters[0], raw_tokens=counters[1])
            if not mmap:
                return cls(
                    arrays["tokens"],
                    arrays["offsets"],
                    vocab,
                    raw_tokens=counters[2],
                    invalid_bytes_replaced=counters[3],
                )
            _check_layout(arrays["tokens"], arrays["offsets"], vocab)
            corpus = cls.__new__(cls)
            corpus._set(arrays["tokens"], arrays["offsets"], vocab, counters[2], counters[3])
            return corpus


def _check_layout(tokens: NDArray[np.int32], offsets: NDArray[np.int64], vocab: Vocab) -> None:
    for name, value, dtype in (("tokens", tokens, np.int32), ("offsets", offsets, np.int64)):
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
        if value.dtype != dtype or value.ndim != 1 or not value.flags.c_contiguous:
            raise ValueError(
                f"{name} must be a contiguous array of shape (n,) and type {np.dtype(dtype)}; "
                f"got shape {value.shape} of {value.dtype}{', not contiguous' * (not value.flags.c_contiguous)}"
            )
    if not isinstance(vocab, Vocab):
        raise TypeError(f"vocab must be a Vocab, got {type(vocab).__name__}")
    if len(tokens) == 0:
        raise ValueError("the corpus has no tokens")
    if (
        len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(tokens)
        or not (offsets[1:] > offsets[:-1]).all()
    ):
        raise ValueError(f"offsets must rise strictly from 0 to the number of tokens, {len(tokens)}")


def _check_options(vocab: Vocab | None, min_count: int, max_final_vocab: int | None) -> None:
    """Before anything is read, which may take long or be possible only once."""
    check_cuts(min_count, max_final_vocab)
    if vocab is not None and not isinstance(vocab, Vocab):
        raise TypeError(f"vocab must be None or a Vocab, got {type(vocab).__name__}")


# ---- encoders: something -> tokens by provisional ids, then ids by final ones ----


class _Growing:
    """An array that is appended to. Large ones move by remapping pages, so there is never a second copy."""

    def __init__(self, dtype: type, first: int | None = None) -> None:
        self._array = np.empty(_GROWTH, dtype=dtype)
        self.n = 0
        if first is not None:
            self.append(np.array([first], dtype=dtype))

    def append(self, part: NDArray[Any]) -> None:
        needed = self.n + len(part)
        if needed > len(self._array):
            self._array.resize(needed + max(_GROWTH, needed // 64), refcheck=False)
        self._array[self.n : needed] = part
        self.n = needed

    def view(self) -> NDArray[Any]:
        """What was appended; to be let go before the next append."""
        return self._array[: self.n]

    def shrunk(self, n: int) -> NDArray[Any]:
        """The first ``n`` elements; this object is used up."""
        self._array.resize(n, refcheck=False)
        return self._array


@dataclass(slots=True)
class _Segment:
    """Tokens and ends that share one way of counting ids."""

    slot: int
    tokens: slice
    ends: slice


class _Encoder(ABC):
    """Collects tokens in provisional ids. Subclasses add texts and know what the ids mean.

    ``ends`` starts with a 0; behind it stands, for each line end, the number of tokens of its segment before it.
    """

    n_workers = 1

    def __init__(self) -> None:
        self.tokens, self.ends = _Growing(np.int32), _Growing(np.int64, first=0)
        self.segments: list[_Segment] = []
        self.invalid = 0

    def count_invalid(self, n: int) -> None:
        self.invalid += n

    def append(self, slot: int, tokens: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        first_token, first_end = self.tokens.n, self.ends.n
        self.tokens.append(tokens)
        self.ends.append(ends)
        self.segments.append(_Segment(slot, slice(first_token, self.tokens.n), slice(first_end, self.ends.n)))

    @abstractmethod
    def types(self) -> _Types:
        """The words behind the provisional ids."""

    def translate(self, maps: list[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Final tokens and offsets, in the memory of the provisional ones; ``maps`` has one array a slot."""
        tokens, ends = self.tokens.view(), self.ends.view()

        def translate(segment: _Segment) -> int:
            return _text.remap(tokens[segment.tokens], maps[segment.slot], ends[segment.ends])

        kept = 0
        with ThreadPoolExecutor(self.n_workers) as pool:
            for segment, n in zip(self.segments, pool.map(translate, self.segments)):
                if kept != segment.tokens.start:
                    tokens[kept : kept + n] = tokens[segment.tokens.start : segment.tokens.start + n]
                ends[segment.ends] += kept
                kept += n
        n_sentences = _text.drop_empty(ends[1:])
        return self.tokens.shrunk(kept), self.ends.shrunk(n_sentences + 1)


@dataclass(slots=True)
class _Types:
    """The different words met: how often each, how to get at some of them as str, and each slot's ids among them."""

    counts: NDArray[np.int64]
    words: Callable[[NDArray[np.int64]], list[str]]
    slots: list[NDArray[np.int32]] = field(default_factory=list)


def _finished(
    cls: type[EncodedCorpus],
    encoder: _Encoder,
    vocab: Vocab | None,
    min_count: int,
    max_final_vocab: int | None,
    source: str,
) -> EncodedCorpus:
    raw_tokens = encoder.tokens.n
    if raw_tokens == 0:
        raise ValueError(f"there are no tokens in {source}")
    types = encoder.types()
    if vocab is None:
        vocab, final = _new_vocab(types, min_count, max_final_vocab)
    else:
        final = _known_ids(types, vocab)
        if (final < 0).all():
            raise ValueError(f"none of the {raw_tokens} tokens in {source} is in the vocabulary")
    tokens, offsets = encoder.translate([final[ids] for ids in types.slots])
    return cls(tokens, offsets, vocab, raw_tokens=raw_tokens, invalid_bytes_replaced=encoder.invalid)


def _new_vocab(types: _Types, min_count: int, max_final_vocab: int | None) -> tuple[Vocab, NDArray[np.int32]]:
    """Vocabulary of the types, and the id in it of each, -1 for those left out."""
    chosen = eligible(types.counts, min_count, max_final_vocab)
    if max_final_vocab is not None and len(chosen) > max_final_vocab:
        chosen = _without_last_ties(types, chosen, max_final_vocab)
    words = types.words(chosen)
    order = ranking(words, types.counts[chosen])
    chosen = chosen[order]
    vocab = Vocab(
        [words[i] for i in order.tolist()],
        types.counts[chosen],
        raw_types=len(types.counts),
        raw_tokens=int(types.counts.sum()),
    )
    final = np.full(len(types.counts), -1, dtype=np.int32)
    final[chosen] = np.arange(len(chosen), dtype=np.int32)
    return vocab, final


def _without_last_ties(types: _Types, chosen: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """``limit`` of the chosen ids: all but those of the lowest count, and of these the first by their words.

    There may be millions of words that occur once; they become str a chunk at a time.
    """
    counts = types.counts[chosen]
    tied, above = chosen[counts == counts.min()], chosen[counts > counts.min()]
    first: list[tuple[str, int]] = []
    for ids in _chunks(tied):
        first = heapq.nsmallest(
            limit - len(above), itertools.chain(first, zip(types.words(ids), ids.tolist(), strict=True))
        )
    return np.append(above, np.array([i for _, i in first], dtype=np.int64))


def _known_ids(types: _Types, vocab: Vocab) -> NDArray[np.int32]:
    """Id in a given vocabulary of each type, -1 for those not in it; the types become str a chunk at a time."""
    final = np.empty(len(types.counts), dtype=np.int32)
    for ids in _chunks(np.arange(len(final), dtype=np.int64)):
        final[ids] = [vocab.index.get(word, -1) for word in types.words(ids)]
    return final


def _chunks(ids: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(ids), _WORDS_AT_ONCE):
        yield ids[start : start + _WORDS_AT_ONCE]


class _Interner(dict[str, int]):
    """Numbers tokens as they come; only new ones run Python code."""

    def __missing__(self, token: object) -> int:
        if not isinstance(token, str):
            raise TypeError(f"tokens must be str, got {token!r} of type {type(token).__name__}")
        if not token:
            raise ValueError("the empty string cannot be a token")
        try:
            token.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the token {token!r} cannot be encoded as UTF-8") from None
        self[str(token)] = number = len(self)
        return number


class _Lists(_Encoder):
    """Encodes token lists, in Python."""

    _CHUNK = 1 << 20

    def __init__(self) -> None:
        super().__init__()
        self._ids = _Interner()
        self._chunk = array("i")
        self._ends = array("q")

    def add(
        self, sentences: Iterable[Iterable[str]], advance: Callable[[int], object] = lambda n: None
    ) -> None:
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, str):
                raise TypeError(
                    f"sentence {number} is a str, not a list of tokens: {sentence[:40]!r}; split it, "
                    f"or read files with EncodedCorpus.from_files(..., tokenizer='char') for one token a character"
                )
            self._encode(number, sentence)
            self._ends.append(len(self._chunk))
            if len(self._chunk) >= self._CHUNK or len(self._ends) >= self._CHUNK:
                self._flush()
            advance(1)
        self._flush()

    def _encode(self, number: int, sentence: Iterable[str]) -> None:
        try:
            self._chunk.extend(map(self._ids.__getitem__, sentence))
        except TypeError as exc:
            raise TypeError(f"sentence {number}: {exc}") from exc
        except ValueError as exc:
            raise ValueError(f"sentence {number}: {exc}") from exc

    def _flush(self) -> None:
        self.append(0, np.frombuffer(self._chunk, dtype=np.int32), np.frombuffer(self._ends, dtype=np.int64))
        self._chunk, self._ends = array("i"), array("q")

    def types(self) -> _Types:
        words = list(self._ids)
        tokens = self.tokens.view()
        counts = np.zeros(len(words), dtype=np.int64)
        for start in range(0, len(tokens), self._CHUNK):
            counts += np.bincount(tokens[start : start + self._CHUNK], minlength=len(words))
        return _Types(
            counts, lambda ids: [words[i] for i in ids.tolist()], [np.arange(len(words), dtype=np.int32)]
        )


@dataclass(slots=True)
class _Encoded:
    """A block on its way through a worker, with the memory it needs; used again for another block."""

    block: reading.Block
    tokens: NDArray[np.int32]
    ends: NDArray[np.int64]
    slot: int = 0
    n_tokens: int = 0
    n_ends: int = 0
    invalid: int = 0


class _Blocks(_Encoder):
    """Encodes blocks of files by compiled code, several at a time; results are taken in the order of the text.

    Each slot has its own provisional ids and serves one worker at a time.
    """

    tokens_per_byte = 1.0

    def __init__(self, errors: str, n_workers: int) -> None:
        super().__init__()
        self.errors, self.n_workers = errors, n_workers
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(n_workers):
            self._slots.put(slot)
        self._buffers: deque[bytearray] = deque()
        self._arrays: deque[tuple[NDArray[np.int32], NDArray[np.int64]]] = deque()

    @abstractmethod
    def tokenize(self, encoded: _Encoded, text: bytearray, n: int) -> None:
        """Fill ``encoded`` from clean, valid ``text[:n]``."""

    def check_invalid(self, block: reading.Block, bad: int) -> None:
        """Look at a block whose first invalid byte is at ``bad``, before it is repaired."""

    def add(self, blocks: Callable[..., Iterator[reading.Block]]) -> None:
        stream = blocks(new_buffer=self._buffer)
        if self.n_workers == 1:
            for block in stream:
                self._collect(self._encode(block))
            return
        pending: deque[Future[_Encoded]] = deque()
        pool = ThreadPoolExecutor(self.n_workers, thread_name_prefix="fastsg-read")
        try:
            for future in _submitted(pool, self._encode, stream):
                pending.append(future)
                if len(pending) > self.n_workers + 1:
                    self._collect(pending.popleft().result())
            while pending:
                self._collect(pending.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _encode(self, block: reading.Block) -> _Encoded:
        slot = self._slots.get()
        try:
            text, n, invalid = block.text, block.n, 0
            bad = _text.clean(text, n)
            if bad < n:
                self.check_invalid(block, bad)
                repaired, invalid = reading.repaired(block, self.errors)
                text = bytearray(repaired.encode())
                n = len(text)
                text += b" " * _text.PAD
            encoded = _Encoded(block, *self._room(n), slot, invalid=invalid)
            self.tokenize(encoded, text, n)
            return encoded
        finally:
            self._slots.put(slot)

    def _collect(self, encoded: _Encoded) -> None:
        self.append(encoded.slot, encoded.tokens[: encoded.n_tokens], encoded.ends[: encoded.n_ends])
        self.count_invalid(encoded.invalid)
        self._buffers.append(encoded.block.text)
        self._arrays.append((encoded.tokens, encoded.ends))

    def _buffer(self, n: int) -> bytearray:
        buffer = self._buffers.popleft() if self._buffers else bytearray()
        return buffer if len(buffer) >= n else bytearray(n + n // 8)

    def _room(self, n: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Arrays for the tokens and line ends of ``n`` bytes; only the part that is used becomes real memory."""
        needed = int(n * self.tokens_per_byte) + 2
        try:
            tokens, ends = self._arrays.popleft()
        except IndexError:
            tokens, ends = np.empty(0, np.int32), np.empty(0, np.int64)
        if len(tokens) < needed:
            tokens, ends = np.empty(needed, np.int32), np.empty(needed, np.int64)
        return tokens, ends


class _Words(_Blocks):
    """Tokenizer "space"."""

    tokens_per_byte = 0.5

    def __init__(self, errors: str, n_workers: int, max_word_bytes: int) -> None:
        super().__init__(errors, n_workers)
        self.max_word_bytes = max_word_bytes
        # With one seed for all, merge() would enter words in the order of their places: long runs of full entries.
        self._tables = [_text.WordTable(seed=slot) for slot in range(n_workers)]

    def tokenize(self, encoded: _Encoded, text: bytearray, n: int) -> None:
        # A repaired text was checked before: what counts is the length in the file.
        limit = self.max_word_bytes if text is encoded.block.text else n
        encoded.n_tokens, encoded.n_ends, long_at = self._tables[encoded.slot].encode(
            text, n, limit, encoded.tokens, encoded.ends
        )
        self._refuse(encoded.block, long_at)

    def check_invalid(self, block: reading.Block, bad: int) -> None:
        long_at = _text.long_word(block.text, block.n, self.max_word_bytes)
        if self.errors != "strict" or long_at <= bad:  # else what comes first in the text is reported first
            self._refuse(block, long_at)

    def _refuse(self, block: reading.Block, long_at: int) -> None:
        if long_at >= 0:
            raise reading.long_word_error(block.path, block.offset + long_at, self.max_word_bytes)

    def types(self) -> _Types:
        first, *others = self._tables
        # merge() numbers on behind the words that are there, so earlier ids stay as they are.
        slots = [np.arange(len(first), dtype=np.int32)]
        while others:
            slots.append(first.merge(others.pop(0)))
        self._tables = [first]
        counts, entries = first.index()
        return _Types(counts, partial(first.words, entries), slots)


class _Chars(_Blocks):
    """Tokenizer "char": the code point itself is the provisional id."""

    def __init__(self, errors: str, n_workers: int) -> None:
        super().__init__(errors, n_workers)
        self._counts = [np.zeros(_text.N_CODE_POINTS, dtype=np.int64) for _ in range(n_workers)]

    def tokenize(self, encoded: _Encoded, text: bytearray, n: int) -> None:
        counts = self._counts[encoded.slot]
        encoded.n_tokens, encoded.n_ends = _text.encode_chars(text, n, counts, encoded.tokens, encoded.ends)

    def types(self) -> _Types:
        counts = sum(self._counts)
        present = np.flatnonzero(counts)
        ids = np.zeros(_text.N_CODE_POINTS, dtype=np.int32)
        ids[present] = np.arange(len(present), dtype=np.int32)
        return _Types(
            counts[present], lambda chosen: [chr(c) for c in present[chosen].tolist()], [ids] * self.n_workers
        )


def _submitted(
    pool: ThreadPoolExecutor, work: Callable[[reading.Block], _Encoded], stream: Iterator[reading.Block]
) -> Iterator[Future[_Encoded]]:
    """A future for each block; an error of the reader becomes the last one, behind the blocks before it."""
    try:
        for block in stream:
            yield pool.submit(work, block)
    except Exception as exc:  # noqa: BLE001  raised again by whoever asks for the result
        failed: Future[_Encoded] = Future()
        failed.set_exception(exc)
        yield failed


@contextmanager
def _progress_bar(progress: bool | None, total: int | None, unit: str) -> Iterator[Callable[[int], object]]:
    """Gives a function that moves the bar on by some units."""
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    if not progress:
        yield lambda n: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, unit_scale=True, desc="reading", leave=False) as bar:
        yield bar.update
