"""Texts to tokens by provisional ids: words numbered as they are met, by each worker on its own.

When all words and their counts are known, :mod:`.ids` replaces these ids by those of the vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _text
from ..system.growing_array import GrowingArray
from ..system.growing_file import GrowingFile
from ..system.interrupts import check
from ..system.progress import advancing_bar
from .blocks import Block, blocks, decoded, last_line, long_word_error, numbered_lines
from .files import Span, total_bytes
from .segmentation import hinting
from .sentences import number_of, plain_sentences, token_list
from .tokenizers import line_tokenizer
from .transcoding import Transcoding

# More workers than this wait for the one thread that reads.
_MAX_WORKERS = 16


def encode_sentences(
    sentences: Iterable[Iterable[str | int]], progress: bool | None, lower: bool = False
) -> Encoder:
    """Encode token lists; see :meth:`.corpus.EncodedCorpus.from_iter`."""
    encoder = SentenceEncoder(lower)
    plain = plain_sentences(sentences)
    with advancing_bar(number_of(sentences), "sentences", progress, desc="reading", leave=False) as advance:
        encoder.add(plain, advance)
    return encoder


def encode_files(
    sources: Sequence[str | Span],
    tokenizer: Any,
    *,
    errors: str,
    max_word_bytes: int,
    workers: int,
    progress: bool | None,
    block_bytes: int,
    transcoding: Transcoding | None = None,
    folder: str | None = None,
) -> Encoder:
    """Encode text files; see :meth:`.corpus.EncodedCorpus.from_files`, which checks the arguments."""
    workers = min(workers, _MAX_WORKERS)
    with advancing_bar(total_bytes(sources), "B", progress, desc="reading", leave=False) as advance:
        read = partial(blocks, sources, block_bytes=block_bytes, advance=advance, transcoding=transcoding)
        if tokenizer == "space":
            words = WordEncoder(errors, workers, max_word_bytes, folder)
            words.add(partial(hinting, partial(read, _text.last_space, max_tail=max_word_bytes)))
            return words
        if tokenizer == "char":
            chars = CharEncoder(errors, workers, folder)
            chars.add(partial(read, _text.last_char))
            return chars
        sentences = SentenceEncoder(folder=folder)
        tokenize = line_tokenizer(tokenizer)
        text_lines = numbered_lines(read(last_line), errors, sentences.count_invalid)
        sentences.add(tokenize(line) if line else () for line in text_lines)
        return sentences


@dataclass(slots=True)
class DistinctWords:
    """The different words met, numbered anew over all slots."""

    counts: NDArray[np.int64]  # how often each was met
    words: Callable[[NDArray[np.int64]], list[str]]  # some of them as str; all at once may take much memory
    slot_ids: list[NDArray[np.int32]]  # for each slot, from its provisional ids to these numbers


@dataclass(slots=True)
class Segment:
    """Tokens and line ends, as places in the arrays of the encoder, whose ids are those of one slot."""

    slot: int
    tokens: slice
    ends: slice


class Encoder(ABC):
    """Collects tokens in provisional ids. Subclasses add texts and know what the ids mean.

    A *slot* is one numbering of words. ``ends`` starts with a 0; behind it stands, for each line end, the
    number of tokens of its segment before it. Empty lines have theirs too, since they number the others:
    "\\n" and "\\r" each end a line, and so does the end of a file.

    Parameters
    ----------
    folder : str or None        Of files that both grow in; None: in memory.
    """

    n_workers = 1

    def __init__(self, folder: str | None = None) -> None:
        self.tokens: GrowingArray | GrowingFile
        self.ends: GrowingArray | GrowingFile
        if folder is None:
            self.tokens, self.ends = GrowingArray(np.int32), GrowingArray(np.int64)
        else:
            self.tokens, self.ends = GrowingFile(np.int32, folder), GrowingFile(np.int64, folder)
        self.ends.append(np.zeros(1, np.int64))
        self.segments: list[Segment] = []
        self.invalid = 0

    @property
    def n_tokens(self) -> int:
        """Tokens met."""
        return self.tokens.n

    @property
    def n_lines(self) -> int:
        """Line ends met."""
        return self.ends.n - 1

    def count_invalid(self, n: int) -> None:
        """Note ``n`` more invalid sequences of UTF-8."""
        self.invalid += n

    def append(self, slot: int, tokens: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        """Add a segment, behind those before it."""
        first_token, first_end = self.tokens.n, self.ends.n
        self.tokens.append(tokens)
        self.ends.append(ends)
        self.segments.append(Segment(slot, slice(first_token, self.tokens.n), slice(first_end, self.ends.n)))

    @abstractmethod
    def distinct_words(self) -> DistinctWords:
        """The words behind the provisional ids, once all texts are added."""


class _TokenNumbers(dict[str, int]):
    """Numbers tokens as they come; only new ones run Python code."""

    def __missing__(self, token: object) -> int:
        if isinstance(token, (int, np.integer)) and token is not True and token is not False:
            return self[str(int(token))]  # not entered as an integer: True and 1.0 would be found under 1
        if not isinstance(token, str):
            raise TypeError(f"tokens must be str or integers, got {token!r} of type {type(token).__name__}")
        if not token:
            raise ValueError("the empty string cannot be a token")
        try:
            token.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the token {token!r} cannot be encoded as UTF-8") from None
        self[str(token)] = number = len(self)
        return number


class SentenceEncoder(Encoder):
    """Encodes token lists, in Python, ``chunk`` tokens or sentences at a time."""

    def __init__(self, lower: bool = False, chunk: int = 1 << 20, folder: str | None = None) -> None:
        super().__init__(folder)
        self._lower = lower
        self._numbers = _TokenNumbers()
        self._chunk = chunk
        self._tokens = array("i")
        self._ends = array("q")

    def add(
        self, sentences: Iterable[Iterable[str | int]], advance: Callable[[int], object] = lambda n: None
    ) -> None:
        """Encode the sentences; ``advance`` is told of each of them."""
        for number, sentence in enumerate(sentences):
            if type(sentence) is not list:
                sentence = token_list(number, sentence)
            self._encode(number, sentence)
            self._ends.append(len(self._tokens))
            if len(self._tokens) >= self._chunk or len(self._ends) >= self._chunk:
                self._flush()
            advance(1)
        self._flush()

    def _encode(self, number: int, sentence: Iterable[str | int]) -> None:
        number_of: Callable[[Any], int] = self._numbers.__getitem__
        if self._lower:
            sentence = (token.lower() if isinstance(token, str) else token for token in sentence)
        try:
            self._tokens.extend(map(number_of, sentence))
        except TypeError as exc:
            raise TypeError(f"sentence {number}: {exc}") from exc
        except ValueError as exc:
            raise ValueError(f"sentence {number}: {exc}") from exc

    def _flush(self) -> None:
        self.append(0, np.frombuffer(self._tokens, dtype=np.int32), np.frombuffer(self._ends, dtype=np.int64))
        self._tokens, self._ends = array("i"), array("q")

    def distinct_words(self) -> DistinctWords:
        words = list(self._numbers)
        tokens = self.tokens.view()
        counts = np.zeros(len(words), dtype=np.int64)
        for start in range(0, len(tokens), self._chunk):
            counts += np.bincount(tokens[start : start + self._chunk], minlength=len(words))
        return DistinctWords(
            counts, lambda ids: [words[i] for i in ids.tolist()], [np.arange(len(words), dtype=np.int32)]
        )


@dataclass(slots=True)
class _BlockTask:
    """A block in the hands of a worker, with arrays for its tokens; they serve another block afterwards."""

    block: Block
    tokens: NDArray[np.int32]
    ends: NDArray[np.int64]
    slot: int
    n_tokens: int = 0
    n_ends: int = 0
    invalid: int = 0


class BlockEncoder(Encoder):
    """Encodes blocks of files by compiled code, several at a time; the results come in the order of the text.

    There is a slot for each worker, and a slot serves one worker at a time.
    """

    tokens_per_byte = 1.0

    def __init__(self, errors: str, n_workers: int, folder: str | None = None) -> None:
        super().__init__(folder)
        self.errors, self.n_workers = errors, n_workers
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(n_workers):
            self._slots.put(slot)
        self._buffers: deque[bytearray] = deque()
        self._arrays: deque[tuple[NDArray[np.int32], NDArray[np.int64]]] = deque()

    @abstractmethod
    def tokenize(self, task: _BlockTask, text: bytearray, n: int) -> None:
        """Fill the arrays of ``task`` from clean, valid ``text[:n]``."""

    def check_invalid(self, block: Block, bad: int) -> None:
        """Look at a block whose first invalid byte is at ``bad``, before it is repaired."""

    def add(self, read: Callable[..., Iterator[Block]]) -> None:
        """Encode the blocks that ``read``, called with ``new_buffer``, gives."""
        stream = read(new_buffer=self._buffer)
        if self.n_workers == 1:
            for block in stream:
                self._collect(self._encode(block))
            return
        pending: deque[Future[_BlockTask]] = deque()
        pool = ThreadPoolExecutor(self.n_workers, thread_name_prefix="fastsg-read")
        try:
            for future in _submitted(pool, self._encode, stream):
                pending.append(future)
                if len(pending) > self.n_workers + 1:
                    self._collect(pending.popleft().result())
                check()
            while pending:
                self._collect(pending.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _encode(self, block: Block) -> _BlockTask:
        slot = self._slots.get()
        try:
            text, n, invalid = block.text, block.n, 0
            bad = _text.clean(text, n)
            if bad < n:
                self.check_invalid(block, bad)
                repaired, invalid = decoded(block, self.errors)
                text = bytearray(repaired.encode())
                n = len(text)
                text += b" " * _text.PAD
            task = _BlockTask(block, *self._room(n), slot, invalid=invalid)
            self.tokenize(task, text, n)
            return task
        finally:
            self._slots.put(slot)

    def _collect(self, task: _BlockTask) -> None:
        self.append(task.slot, task.tokens[: task.n_tokens], task.ends[: task.n_ends])
        self.count_invalid(task.invalid)
        self._buffers.append(task.block.text)
        self._arrays.append((task.tokens, task.ends))

    def _buffer(self, n: int) -> bytearray:
        buffer = self._buffers.popleft() if self._buffers else bytearray()
        return buffer if len(buffer) >= n else bytearray(n + n // 8)

    def _room(self, n: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Arrays for the tokens and line ends of ``n`` bytes; only what is written to becomes real memory."""
        try:
            tokens, ends = self._arrays.popleft()
        except IndexError:
            tokens, ends = np.empty(0, np.int32), np.empty(0, np.int64)
        if len(ends) <= n:
            tokens, ends = np.empty(int(n * self.tokens_per_byte) + 2, np.int32), np.empty(n + 1, np.int64)
        return tokens, ends


class WordEncoder(BlockEncoder):
    """Tokenizer "space"."""

    tokens_per_byte = 0.5

    def __init__(self, errors: str, n_workers: int, max_word_bytes: int, folder: str | None = None) -> None:
        super().__init__(errors, n_workers, folder)
        self.max_word_bytes = max_word_bytes
        # With one seed for all, merge() would enter words in the order of their places: long runs of full
        # entries.
        self._tables = [_text.WordTable(seed=slot) for slot in range(n_workers)]

    def tokenize(self, task: _BlockTask, text: bytearray, n: int) -> None:
        # A repaired text was checked before: what counts is the length in the file.
        limit = self.max_word_bytes if text is task.block.text else n
        task.n_tokens, task.n_ends, long_at = self._tables[task.slot].encode(
            text, n, limit, task.tokens, task.ends
        )
        self._refuse(task.block, long_at)

    def check_invalid(self, block: Block, bad: int) -> None:
        long_at = _text.long_word(block.text, block.n, self.max_word_bytes)
        if self.errors != "strict" or long_at <= bad:  # else what comes first in the text is reported first
            self._refuse(block, long_at)

    def _refuse(self, block: Block, long_at: int) -> None:
        if long_at >= 0:
            raise long_word_error(block.path, block.offset + long_at, self.max_word_bytes)

    def distinct_words(self) -> DistinctWords:
        first, *others = self._tables
        # merge() numbers on behind the words that are there, so earlier ids stay as they are.
        slot_ids = [np.arange(len(first), dtype=np.int32)]
        while others:
            slot_ids.append(first.merge(others.pop(0)))
        self._tables = [first]
        counts, entries = first.index()
        return DistinctWords(counts, partial(first.words, entries), slot_ids)


class CharEncoder(BlockEncoder):
    """Tokenizer "char": the code point itself is the provisional id."""

    def __init__(self, errors: str, n_workers: int, folder: str | None = None) -> None:
        super().__init__(errors, n_workers, folder)
        self._counts = np.zeros((n_workers, _text.N_CODE_POINTS), dtype=np.int64)

    def tokenize(self, task: _BlockTask, text: bytearray, n: int) -> None:
        counts = self._counts[task.slot]
        task.n_tokens, task.n_ends = _text.encode_chars(text, n, counts, task.tokens, task.ends)

    def distinct_words(self) -> DistinctWords:
        counts = self._counts.sum(axis=0)
        present = np.flatnonzero(counts)
        ids = np.zeros(_text.N_CODE_POINTS, dtype=np.int32)
        ids[present] = np.arange(len(present), dtype=np.int32)
        return DistinctWords(
            counts[present], lambda chosen: [chr(c) for c in present[chosen].tolist()], [ids] * self.n_workers
        )


def _submitted(
    pool: ThreadPoolExecutor, work: Callable[[Block], _BlockTask], stream: Iterator[Block]
) -> Iterator[Future[_BlockTask]]:
    """A future for each block; an error of the reader becomes the last one, behind the blocks before it."""
    try:
        for block in stream:
            yield pool.submit(work, block)
    except Exception as exc:  # noqa: BLE001  raised again by whoever asks for the result
        failed: Future[_BlockTask] = Future()
        failed.set_exception(exc)
        yield failed
